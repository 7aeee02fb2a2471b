"""Whether a run whose parent or call has ended is over too, and with which outcome; which trees are idle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.events import Outcome, RunKind
from tracebus.sources.tracking._open_run import Life

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracebus.sources.tracking._open_run import OpenRun

__all__ = ["SILENT_KINDS", "fate_at_close", "fate_of", "fates_below", "idle_roots", "is_over"]

SILENT_KINDS = (RunKind.CHAT_MODEL, RunKind.LLM, RunKind.RETRIEVER)
"""Kinds whose cancellation LangChain does not report."""

_ORDERLY = (Outcome.OK, Outcome.ERROR)


def is_over(run: OpenRun, ended: OpenRun | None = None) -> Life:
    """Tell what is known of who executes *run*; *ended* is a run that began before it and is over.

    A call that began in the same task or thread as one that is over, and inside it, is over too. Of a
    stream, only that its task lives says anything: any task may read it further.
    """
    runner = run.runner
    if runner is None:
        return Life.UNKNOWN
    within = ended is not None and ended is not run and runner.is_same(ended.runner)
    if run.stream:
        return Life.LIVES if not within and runner.life() is Life.LIVES else Life.UNKNOWN
    return Life.GONE if within else runner.life()


def fate_of(run: OpenRun, above: Outcome) -> Outcome:
    """Return how *run* ended, which is over without a word; what it belongs to ended with *above*."""
    if above not in _ORDERLY:
        return above
    if run.kind in SILENT_KINDS and not run.streamed:
        # LangChain reports every end of these but a cancelled one (`asyncio.wait_for`, say).
        return Outcome.CANCELLED
    if run.runner is not None and run.runner.was_cancelled():
        return Outcome.CANCELLED
    return Outcome.ABANDONED


def fate_at_close(run: OpenRun, above: Outcome | None) -> Outcome:
    """Return how *run* ends that nobody will hear of again; *above* is its parent's outcome, if it has one.

    What is below a cancelled run was cancelled with it, unless it goes on at this moment: then nobody
    waits for its end.
    """
    runner = run.runner
    cancelled = runner is not None and runner.was_cancelled()
    if not cancelled and runner is not None and runner.life() is Life.LIVES:
        return Outcome.ABANDONED
    if above is not None and above not in _ORDERLY:
        return above
    silently = run.kind in SILENT_KINDS and not run.streamed and runner is not None
    return Outcome.CANCELLED if cancelled or silently else Outcome.ABANDONED


def fates_below(run: OpenRun, outcome: Outcome) -> list[tuple[OpenRun, Outcome]]:
    """Return *run*, which ends with *outcome*, and what ends with it, each after its parent."""
    fates = [(run, outcome)]
    for above, fate in fates:  # grows as it goes
        fates += [
            (child, fate_of(child, fate))
            for child in (above.children or {}).values()
            if is_over(child, above) is not Life.LIVES
        ]
    return fates


def idle_roots(open_runs: Iterable[OpenRun], before: int) -> Iterator[OpenRun]:
    """Yield those of *open_runs* without an open parent in whose tree nothing happened since *before*.

    A tree is not idle while somebody executes it.
    """
    for run in open_runs:
        topmost = run.parent is None or run.parent.outcome is not None
        if topmost and run.root.last_seen < before and not _is_executed(run):
            yield run


def _is_executed(run: OpenRun) -> bool:
    """Tell whether somebody executes *run*, or any open run below it."""
    runs = [run]
    for one in runs:  # grows as it goes
        if is_over(one) is Life.LIVES:
            return True
        runs += (one.children or {}).values()
    return False
