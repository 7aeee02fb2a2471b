"""Observe a small chain from end to end, as a user's program would."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import tracebus
from tracebus.events import Outcome, RunEnded, RunStarted, RunStreamed
from tracebus.testing import RecordingExporter, ScriptedChatModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus.events import Event

__all__ = ["observed", "self_test"]

_ANSWER = "It goes at noon."


def self_test() -> Iterator[tuple[str, bool, str]]:
    """Give (what, whether it is wrong, in words) for each thing that must hold."""
    events, answer = observed()
    started = [event for event in events if isinstance(event, RunStarted)]
    ended = [event for event in events if isinstance(event, RunEnded)]
    kinds = Counter(event.kind.value for event in started)
    yield "events", not events, f"{len(events)}, of {len(started)} runs: {_listed(kinds)}"
    yield "answer", answer != _ANSWER, "unchanged" if answer == _ANSWER else f"{answer!r}, not {_ANSWER!r}"
    open_runs = {event.run_id for event in started} ^ {event.run_id for event in ended}
    yield (
        "ends",
        bool(open_runs),
        f"{len(open_runs)} runs without an end" if open_runs else "every run has one",
    )
    wrong = [event.outcome.value for event in ended if event.outcome is not Outcome.OK]
    yield "outcomes", bool(wrong), ", ".join(wrong) or "all ok"
    text = "".join(e.text for e in events if isinstance(e, RunStreamed) and e.run_id in _models(started))
    yield "tokens", text != _ANSWER, "streamed" if text == _ANSWER else f"{text!r}, not {_ANSWER!r}"
    counted = any(event.usage and event.usage.output_tokens for event in ended)
    yield "usage", not counted, "counted" if counted else "missing"


def observed() -> tuple[list[Event], str]:
    """Return the events of a small chain, and its answer."""
    from langchain_core.output_parsers import StrOutputParser  # noqa: PLC0415  part of the test
    from langchain_core.prompts import ChatPromptTemplate  # noqa: PLC0415  likewise

    chain = ChatPromptTemplate.from_template("{q}") | ScriptedChatModel(script=[_ANSWER]) | StrOutputParser()
    tracebus.uninstall()  # TRACEBUS_TO has installed itself, and this is nobody's chain
    recorder = RecordingExporter()
    with tracebus.observing(to=[recorder]):
        answer = "".join(chain.stream({"q": "When does it go?"}, {"run_name": "tracebus doctor"}))
    return recorder.events, answer


def _models(started: list[RunStarted]) -> set[str]:
    return {event.run_id for event in started if event.kind.value == "chat_model"}


def _listed(kinds: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
