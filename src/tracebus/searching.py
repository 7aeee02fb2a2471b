"""Where a text is in what runs were given and said: one search for the page and the terminal UI."""

from __future__ import annotations

import math
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, assert_never

from tracebus.events import CustomEmitted, Gap, RunEnded, RunRetried, RunStarted, RunStreamed
from tracebus.runstate import RunState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tracebus.events import Event

__all__ = ["Found", "find", "look", "says"]


class Found(NamedTuple):
    """Where a text is in a tree."""

    first: list[str]
    """The ids of the runs in which it turned up first, in the order they began."""
    runs: int
    """How many runs have it: agents hand on from step to step what was said."""
    texts: list[str]
    """For each of `first` the string in which it was seen first."""


def find(document: Mapping[str, Any], text: str) -> Found:
    """Return where *text* is, whatever the case."""
    wanted = text.casefold()
    seen: set[int] = set()
    told: set[str] = set()
    hits: dict[str, str] = {}
    if not wanted:
        return Found([], 0, [])
    sightings = sorted(_sightings(document["runs"]), key=itemgetter(0))
    for _, run_id, payload in sightings:
        for found in _strings(payload, seen):
            if wanted in found.casefold() and found not in told:
                told.add(found)
                hits.setdefault(run_id, found)
    known: dict[int, bool] = {}
    having = {run_id for _, run_id, payload in sightings if _has(payload, wanted, known)}
    first = [run_id for run_id in document["runs"] if run_id in hits]
    return Found(first, len(having), [hits[run_id] for run_id in first])


def look(events: Sequence[Event], text: str) -> Found | None:
    """Return where *text* is in the tree that *events* tell of; `None` where it is not at all.

    A text that is only in the names of runs, or in an error, is in none of `first`.
    """
    if not says(events, text):
        return None
    state = RunState()
    state.apply_all(events)
    return find(state.document, text)


def says(events: Iterable[Event], text: str) -> bool:
    """Return whether *text* is in what runs were given, gave, failed with or told, whatever the case."""
    wanted = text.casefold()
    known: dict[int, bool] = {}
    said = [_said_in(event) for event in events]  # held: what is gone leaves its identity to something else
    return any(_has(one, wanted, known) for one in said)


def _said_in(event: Event) -> list[Any]:
    match event:
        case RunStarted():
            return [event.name, event.inputs]
        case RunEnded():
            error = [event.error.type, event.error.message] if event.error is not None else None
            return [event.inputs, event.outputs, error]
        case CustomEmitted():
            return [event.name, event.data]
        case RunStreamed() | RunRetried() | Gap():
            return []  # what was streamed is in the run's output
        case _:
            assert_never(event)


def _has(value: Any, wanted: str, known: dict[int, bool]) -> bool:
    """Return whether a string inside *value* has *wanted* in it.

    *known* remembers that of what runs share, by identity: *value* must live as long as it does.
    """
    match value:
        case str():
            return wanted in value.casefold()
        case dict() | list() | tuple():
            found = known.get(id(value))
            if found is None:
                inside = value.values() if isinstance(value, dict) else value
                found = known[id(value)] = any(_has(item, wanted, known) for item in inside)
            return found
        case _:
            return False


def _sightings(runs: Mapping[str, dict[str, Any]]) -> Iterator[tuple[tuple[float, int], str, Any]]:
    """Yield when what was seen in which run: its input as it began, what it put out as it ended.

    Of those that ended at once the inner ones did so first.
    """
    for place, (run_id, run) in enumerate(runs.items()):
        yield (run["start_time"] or 0.0, -len(runs)), run_id, run["inputs"]
        streamed = [
            run["text"],
            run.get("reasoning", ()),
            *(call["args"] for call in run.get("tool_calls", ())),
        ]
        said = ["".join(chunks) for chunks in streamed]
        yield (run["end_time"] or math.inf, -place), run_id, [said, run["outputs"], run.get("events")]


def _strings(value: Any, seen: set[int]) -> Iterator[str]:
    """Yield the strings inside *value* but for what is *seen*: many runs hold the same message."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case dict() | list() | tuple() as holder:
                if id(holder) not in seen:
                    seen.add(id(holder))
                    waiting += holder.values() if isinstance(holder, dict) else holder
