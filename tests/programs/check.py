"""Run one random program and say where the recorded runs contradict what its steps saw."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import sys
import traceback
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.programs.notes import Notes, caller
from tests.programs.steps import Builder, ProgramError
from tests.programs.words import Words, heard

from tracebus import EventBus, observe, observing
from tracebus.events import CustomEmitted, Outcome, RunEnded, RunStarted
from tracebus.sources.tracking._tracker import RunTracker
from tracebus.watching import LoopFact, fact_of, said_of_loop

ROOTS = ("ainvoke", "ainvoke", "astream", "abatch", "events", "invoke", "stream", "batch")


@dataclass
class Report:
    """What was found."""

    runs: int = 0
    steps: int = 0
    told: int = 0
    """Runs whose end LangChain told, in time."""
    unknowable: int = 0
    """Steps whose end LangChain reports otherwise than they saw it, by the rules of `Notes.allowed`."""
    alarms: int = 0
    """Times that a program, none of which repeats itself for nothing, was said to run in circles."""
    late: int = 0
    """Ends that came after a guess: of streams that nobody read, until something closed them."""
    contradictions: list[str] = field(default_factory=list)
    told_before: set[str] | None = None
    """Where threads went on while the bus closed: the runs whose end LangChain had told by then."""

    def was_untold(self, end: RunEnded) -> bool:
        """Tell whether *end* is of a run of such a thread, which may well have returned since."""
        known = self.told_before
        return known is not None and end.outcome is Outcome.ABANDONED and end.run_id not in known


def run_program(seed: int) -> Report:
    """Make the program of *seed*, run it observed, and compare."""
    chance = random.Random(seed)
    notes = Notes()
    builder = Builder(chance, notes)
    chain = builder.node(chance.randrange(1, 4))
    bus, events, report = EventBus(), [], Report()
    bus.attach(events.extend)
    with _listening(report), _late_ends() as late, heard() as words:
        scope = chance.choice(["observe", "observing"])
        target = observe(chain, bus=bus) if scope == "observe" else chain
        with observing(bus=bus) if scope == "observing" else contextlib.nullcontext():
            _run(builder, target, chance)
        del target
        seen = notes.snapshot()
        if any(thread.is_alive() for thread in builder.threads):
            report.told_before = set(words.first)
        closed = bus.close(20)
        builder.held.clear()
        if seed % 5 == 0:  # costs most of a program's time
            gc.collect()
    if not closed:
        report.contradictions.append("the bus did not close")
    _compare(report, events, seen, notes)
    _compare_with_words(report, events, notes, words, late)
    counters = bus.statistics().counters
    facts = [fact_of(event) for event in events if isinstance(event, CustomEmitted)]
    circles = [fact for fact in facts if isinstance(fact, LoopFact)]
    report.alarms = len(circles)
    report.contradictions += [f"a false alarm: {said_of_loop(fact)}" for fact in circles]
    report.late = counters.get("ends_after_the_end", 0)
    report.contradictions += [f"counted {name}: {n}" for name, n in counters.items() if name in _BAD]
    return report


_BAD = ("callback_errors", "ends_without_a_start")


def _run(builder: Builder, target: Any, chance: random.Random) -> None:
    way = chance.choice(ROOTS)
    if way in ("invoke", "stream", "batch"):
        with contextlib.suppress(ProgramError):
            if way == "invoke":
                target.invoke("x")
            elif way == "batch":
                target.batch(["x", "y"])
            else:
                builder.notes.broke_off.add(None)
                for index, _ in enumerate(target.stream("x")):
                    if index == chance.randrange(3):
                        break
        if chance.random() < 0.7:
            for thread in builder.threads:
                thread.join(30)
        return
    patience = chance.choice([None, None, 0, 3, 20, 60, 150])
    waits = chance.random() < 0.6

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        task = asyncio.ensure_future(_root(way, target, builder, chance))
        if patience is not None:
            for _ in range(patience):
                await asyncio.sleep(0)
            if not task.done():
                builder.notes.cancelled.add(None)
                task.cancel()
        with contextlib.suppress(ProgramError, asyncio.CancelledError):
            await task
        del task
        me = asyncio.current_task()
        while waits and (left := [one for one in asyncio.all_tasks() if one is not me]):
            await asyncio.wait(left, timeout=5)
        await asyncio.gather(*(one for one in builder.background if one.done()), return_exceptions=True)
        if not waits:
            builder.notes.cancelled.add(None)  # the end of the loop cancels what is left
            builder.notes.cancelled.update(note.run_id for note in builder.notes.taken)
            builder.notes.broke_off.add(None)

    asyncio.run(main())
    for thread in builder.threads:
        thread.join(30)


async def _root(way: str, target: Any, builder: Builder, chance: random.Random) -> None:
    if way == "ainvoke":
        await target.ainvoke("x")
    elif way == "abatch":
        await target.abatch(["x", "y"])
    else:
        builder.notes.broke_off.add(None)
        stream = target.astream("x") if way == "astream" else target.astream_events("x", version="v2")
        read, limit = 0, chance.choice([1, 2, 5, 1000])
        async for _ in stream:
            read += 1
            if read >= limit:
                break


@contextlib.contextmanager
def _listening(report: Report) -> Any:
    """Note what Python could not raise anywhere, where it comes from our code."""
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        text = "".join(traceback.format_exception(unraisable.exc_value))
        if "/tracebus/" in text.replace("\\", "/"):
            report.contradictions.append(f"Exception ignored: {text.strip()[-600:]}")

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
        caller.set(None)


def _compare(report: Report, events: list[Any], seen: Notes, last: Notes) -> None:
    starts = {event.run_id: event for event in events if isinstance(event, RunStarted)}
    ends: dict[str, Any] = {}
    for event in events:
        if isinstance(event, RunEnded):
            if event.run_id in ends:
                report.contradictions.append(f"ended twice: {starts[event.run_id].name}")
            ends[event.run_id] = event
    report.runs = len(starts)
    report.contradictions += [
        f"no end: {start.name}" for run_id, start in starts.items() if run_id not in ends
    ]
    latest = {note.run_id: note for note in last.taken}
    for note in seen.taken:
        report.steps += 1
        end = ends.get(note.run_id)
        if end is None:
            report.contradictions.append(f"no run of {note.what}")
            continue
        allowed = seen.allowed(note) | last.allowed(latest[note.run_id])
        usual = {"returned": "ok", "raised": "error", "cancelled": "cancelled"}.get(note.saw)
        if report.was_untold(end):
            report.unknowable += 1
        elif str(end.outcome) not in allowed:
            line = f"{note.what} {note.saw} {note.error or ''}: recorded {end.outcome}"
            report.contradictions.append(line)
        elif usual is not None and str(end.outcome) != usual:
            report.unknowable += 1
        if note.saw == "raised" and str(end.outcome) == "error" and note.error not in end.error.message:
            report.contradictions.append(f"{note.what} raised {note.error}: recorded {end.error.message}")
        if note.caller is not None and note.caller not in _ancestors(note.run_id, starts):
            report.contradictions.append(f"{note.what} is not below its caller")


def _compare_with_words(
    report: Report, events: list[Any], notes: Notes, words: Words, late: set[str]
) -> None:
    """Hold every run, of steps and of what they are composed of, against LangChain's own word."""
    starts = {event.run_id: event for event in events if isinstance(event, RunStarted)}
    for end in events:
        if not isinstance(end, RunEnded) or end.run_id not in words.first or end.run_id in late:
            continue  # nothing was said, or only after we had to guess: the notes decide
        if report.was_untold(end):
            continue
        report.told += 1
        word = words.first[end.run_id]
        around: list[str | None] = [*_ancestors(end.run_id, starts), end.run_id, None]
        left = any(one in notes.broke_off for one in around)
        if str(end.outcome) not in word.agrees_with(left=left):
            name = starts[end.run_id].name
            report.contradictions.append(f"{name}: LangChain says {word.said}, recorded {end.outcome}")


@contextlib.contextmanager
def _late_ends() -> Any:
    """Collect the ids of the runs whose end LangChain tells after they were given up."""
    late: set[str] = set()
    known = RunTracker.stray_end

    def stray_end(tracker: RunTracker, key: Any, owner: object = None) -> None:
        late.add(str(UUID(int=key)))
        known(tracker, key, owner)

    RunTracker.stray_end = stray_end  # type: ignore[method-assign]  # put back below
    try:
        yield late
    finally:
        RunTracker.stray_end = known  # type: ignore[method-assign]  # as it was


def _ancestors(run_id: str, starts: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    while (start := starts.get(run_id)) is not None and start.parent_run_id is not None:
        run_id = start.parent_run_id
        found.add(run_id)
    return found
