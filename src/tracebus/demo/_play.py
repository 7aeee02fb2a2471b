"""The scenes, one after the other."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

from tracebus import Budget, observe, observing
from tracebus.demo import _chains as chains
from tracebus.demo._graph import announcement_graph, has_langgraph
from tracebus.testing import NO_PACING, Pacing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tracebus import EventBus

__all__ = ["Stage", "play"]

_Scene: TypeAlias = "Callable[[Stage, Pacing], Awaitable[None]]"

REAL = Pacing(first_token=0.26, per_token=0.019)
"""About how a hosted model talks."""

_BUDGET = Budget(cost=0.0025, tokens=1_000, seconds=60)
"""What the agent may use: enough, so that a gauge is all there is to see."""

_QUESTIONS = (
    "May my dog ride along?",
    "When are bicycles free?",
    "Does my child need a fare?",
    "What is a day ticket?",
    "Who was Mill Lane named after?",
)


class Stage(Protocol):
    """Where the programme is shown."""

    def scene(self, number: int, title: str, /) -> None:
        """Announce a scene; the one before has ended."""
        ...

    def say(self, text: str, /) -> None:
        """Show what the programme says, a piece at a time."""
        ...

    def done(self) -> None:
        """Take the end of the last scene."""
        ...


def play(stage: Stage, bus: EventBus, *, fast: bool = False) -> None:
    """Play the programme on *stage*, observed on *bus*.

    Takes about eight seconds; next to nothing with *fast*, where models don't wait between tokens.
    """
    with observing(bus=bus):
        asyncio.run(_play(stage, bus, NO_PACING if fast else REAL))


async def _play(stage: Stage, bus: EventBus, pacing: Pacing) -> None:
    for number, (title, scene) in enumerate(_scenes(bus), 1):
        stage.scene(number, title)
        await scene(stage, pacing)
        await _late_ends(bus)
    stage.done()


async def _late_ends(bus: EventBus) -> None:
    """Wait, three seconds at most, for runs that end after their root, as cancelled ones do."""
    for _ in range(300):
        if not bus.snapshot().open:
            return
        await asyncio.sleep(0.01)


def _scenes(bus: EventBus) -> list[tuple[str, _Scene]]:
    scenes: list[tuple[str, _Scene]] = [
        ("An agent: two searches, two tools (one flaky, one closed), an answer", partial(_agent, bus)),
        ("Three branches at once; one model is down and its fallback answers", _report),
        (f"A batch of {len(_QUESTIONS)}, two at a time", partial(_batch, bus)),
        ("A graph with two nodes side by side", _graph),
        ("A model that fails in the middle of its answer", _failure),
        ("A model that talks until somebody cancels it", _cancelled),
    ]
    return [scene for scene in scenes if scene[1] is not _graph or has_langgraph()]


async def _agent(bus: EventBus, stage: Stage, pacing: Pacing) -> None:
    question = "Is there a bus from Old Square to the harbour after midnight? And I lost my red umbrella."
    stage.say(f"   Q: {question}\n   A: ")
    desk = observe(chains.help_desk(pacing), bus=bus, budget=_BUDGET)
    async for text in desk.astream(question):
        stage.say(text)
    stage.say("\n")


async def _report(stage: Stage, pacing: Pacing) -> None:
    report = await chains.report_chain(pacing).ainvoke({"talk": "the night bus, and a red umbrella"})
    for part, text in report.items():
        stage.say(f"   {part}: {text}\n")


async def _batch(bus: EventBus, stage: Stage, pacing: Pacing) -> None:
    asked = [{"question": question} for question in _QUESTIONS]
    chain = observe(chains.brief_chain(pacing), bus=bus)  # knows the batch, not only its runs
    answers = await chain.abatch(asked, config={"max_concurrency": 2})
    for question, answer in zip(_QUESTIONS, answers, strict=True):
        stage.say(f"   {question} {answer}\n")


async def _graph(stage: Stage, pacing: Pacing) -> None:
    state = await announcement_graph(pacing).ainvoke({"notes": []})
    stage.say(f"   {state['announcement']}\n")


async def _failure(stage: Stage, pacing: Pacing) -> None:
    stage.say("   ")
    try:
        async for text in chains.failing_chain(pacing).astream({"question": "Send me all timetables."}):
            stage.say(text)
    except RuntimeError as error:
        stage.say(f" …\n   the programme caught: {error}\n")


async def _cancelled(stage: Stage, pacing: Pacing) -> None:
    heard = asyncio.Event()

    async def listen() -> None:
        async for text in chains.long_chain(pacing).astream({"question": "Where does line 7 come from?"}):
            stage.say(text)
            if text.endswith("mayor"):
                heard.set()

    stage.say("   ")
    listener = asyncio.create_task(listen())
    await heard.wait()
    listener.cancel()
    await asyncio.wait([listener])
    stage.say(" …\n   the programme cancelled it\n")
