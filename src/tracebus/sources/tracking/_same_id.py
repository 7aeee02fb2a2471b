"""Runs that share one id because the program gave it to several calls at once.

LangChain's callbacks name a run by its id only. Of several open runs of one id, the one meant is that of
the observed call in progress, else the one that began in this context (or the one it was copied from).
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from tracebus.sources.tracking._call import current_call

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tracebus.sources.tracking._open_run import OpenRun

__all__ = ["SharedIds"]

_begun_here: ContextVar[OpenRun | None] = ContextVar("tracebus_same_id", default=None)


class SharedIds:
    """The open runs whose id an open run had already when they began."""

    __slots__ = ("_count", "runs")

    def __init__(self) -> None:
        self.runs: dict[Hashable, list[OpenRun]] = {}
        """By the id they share; empty but for odd moments."""
        self._count = 0

    def key_for(self, key: Hashable) -> Hashable:
        """Return a key of its own for another run of the id that *key* stands for."""
        self._count += 1
        return ("again", key, self._count)

    def add(self, run: OpenRun) -> None:
        """Remember *run*, which begins in this context."""
        self.runs.setdefault(run.told_as, []).append(run)
        _begun_here.set(run)

    def discard(self, run: OpenRun) -> None:
        """Forget *run*, which has ended."""
        runs = self.runs.get(run.told_as, [])
        if run in runs:
            runs.remove(run)
            if not runs:
                del self.runs[run.told_as]

    def clear(self) -> None:
        """Forget all."""
        self.runs.clear()

    def meant(self, key: Hashable, first: OpenRun | None) -> OpenRun | None:
        """Return the run that *key* means here; *first* is the open one that had it first."""
        others = self.runs.get(key)
        if not others:
            return first
        candidates = others if first is None else [first, *others]
        if (call := current_call.get()) is not None:
            of_call = [run for run in candidates if run.call is call]
            if len(of_call) == 1:
                return of_call[0]
        here = _begun_here.get()
        return next((run for run in candidates if here is not None and _together(run, here)), candidates[0])


def _together(one: OpenRun, other: OpenRun) -> bool:
    """Tell whether two runs of one id are the same, or items of one batch, which ends them in their order."""
    if one is other:
        return True
    return one.parent is other.parent and one.runner is not None and one.runner.is_same(other.runner)
