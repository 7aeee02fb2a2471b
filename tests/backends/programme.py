"""What is sent to real backends: the demo's scenes, and an agent with a sub-agent, in one session, tagged."""

from __future__ import annotations

from contextvars import copy_context
from importlib.util import find_spec
from typing import Any

from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tools import tool

from tracebus import EventBus, observe
from tracebus.demo import play
from tracebus.events import Event
from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn, collect

SESSION = {"metadata": {"thread_id": "session-1", "user_id": "user-1"}, "tags": ["backends"]}


class Quiet:
    """A stage nobody watches."""

    def scene(self, number: int, title: str, /) -> None:
        """Say nothing."""

    def say(self, text: str, /) -> None:
        """Say nothing."""

    def done(self) -> None:
        """Say nothing."""


def send(exporter: Any) -> list[Event]:
    """Play everything into *exporter*; return the events it was given."""
    with EventBus() as bus:
        bus.attach(exporter)
        with collect(bus, 30) as recorder:
            copy_context().run(_play, bus)
        assert bus.flush(60), bus.statistics()
        return recorder.events


def _play(bus: EventBus) -> None:
    var_child_runnable_config.set(SESSION)  # type: ignore[arg-type]  # what every run below inherits
    play(Quiet(), bus, fast=True)
    if find_spec("langchain") is not None:
        observe(supervisor(), bus=bus).invoke({"messages": [("user", "Which bus goes to the harbour?")]})


def supervisor() -> Any:
    """Return an agent whose tool is an agent with a tool."""
    from langchain.agents import create_agent

    @tool
    def timetable(stop: str) -> str:
        """Look up what leaves a stop."""
        return f'{{"stop": "{stop}", "line": "N7"}}'

    researcher = create_agent(
        _says(Turn(tool_calls=[ScriptedToolCall("timetable", {"stop": "Old Square"})]), "The N7 does."),
        [timetable],
        system_prompt="Look things up.",
        name="researcher",
    )

    @tool
    def research(question: str) -> str:
        """Ask the researcher."""
        return str(researcher.invoke({"messages": [("user", question)]})["messages"][-1].text)

    return create_agent(
        _says(Turn(tool_calls=[ScriptedToolCall("research", {"question": "Harbour?"})]), "Take the N7."),
        [research],
        system_prompt="Answer kindly.",
        name="supervisor",
    )


def _says(*script: Turn | str) -> ScriptedChatModel:
    return ScriptedChatModel(script=script, model="scripted-large")
