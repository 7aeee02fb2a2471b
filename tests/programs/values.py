"""Run one random program twice, observed and not, and say what the program could tell them apart by."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections import Counter
from typing import Any

from tests.programs.notes import Notes
from tests.programs.steps import Builder, ProgramError

from tracebus import EventBus, observe, observing

_WAYS = ("invoke", "batch", "stream", "ainvoke", "abatch", "astream", "events")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}")


def differences(seed: int) -> list[str]:
    """Return what differs between the program of *seed* run plainly, by `observe` and in `observing`.

    Compared are what it gives, or the error, and what each step saw of itself and who called it. Where
    several go on side by side, in which order is LangChain's own race: the same in any order will do.
    """
    plain = _outcome(seed, None)
    return [
        f"{how}: {observed!r}, without: {plain!r}"
        for how in ("observe", "observing")
        if (observed := _outcome(seed, how)) != plain
    ]


def _outcome(seed: int, how: str | None) -> tuple[Any, Counter[Any]]:
    """Return what the program gives, and what its steps saw."""
    chance = random.Random(seed)
    notes = Notes()
    builder = Builder(chance, notes, steady=True)
    chain = builder.node(chance.randrange(1, 4))
    way = chance.choice(_WAYS)
    bus = EventBus()
    try:
        with observing(bus=bus) if how == "observing" else contextlib.nullcontext():
            given = _given(observe(chain, bus=bus) if how == "observe" else chain, way)
    except ProgramError as error:
        given = [type(error).__name__, str(error)]
    finally:
        bus.close(20)
    names = {note.run_id: note.what for note in notes.taken}
    steps = Counter((note.what, note.saw, note.error, names.get(note.caller or "")) for note in notes.taken)
    return (Counter("".join(given)) if builder.races else given), steps


def _given(target: Any, way: str) -> list[str]:
    """Return what the program gives, piece by piece."""
    match way:
        case "invoke":
            pieces = [target.invoke("x")]
        case "batch":
            pieces = target.batch(["x"])
        case "stream":
            pieces = list(target.stream("x"))
        case "ainvoke":
            pieces = [asyncio.run(target.ainvoke("x"))]
        case "abatch":
            pieces = asyncio.run(target.abatch(["x"]))
        case _:
            pieces = asyncio.run(_streamed(target, way))
    return [_ID.sub("ID", repr(piece)) for piece in pieces]


async def _streamed(target: Any, way: str) -> list[Any]:
    if way == "astream":
        return [chunk async for chunk in target.astream("x")]
    return [(one["event"], one["name"]) async for one in target.astream_events("x", version="v2")]
