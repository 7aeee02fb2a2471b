"""The threads whose newest root run was interrupted, and the run that goes on with one."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from tracebus.events import Link

if TYPE_CHECKING:
    from tracebus.sources.tracking._open_run import OpenRun

__all__ = ["InterruptedThreads"]

_REMEMBERED = 1_024
"""How many interrupted threads stay known, to link the run that resumes one."""


class InterruptedThreads:
    """Remembers, by LangGraph's thread ids, the root runs that were interrupted last."""

    __slots__ = ("_runs",)

    def __init__(self) -> None:
        self._runs: OrderedDict[Any, str] = OrderedDict()

    def remember(self, run: OpenRun) -> None:
        """Note that *run*, a root of a thread, was interrupted."""
        self._runs[run.thread_id] = run.id
        if len(self._runs) > _REMEMBERED:
            self._runs.popitem(last=False)

    def resumed(self, run: OpenRun) -> Link | None:
        """Return the link to the run that *run*, of a thread, goes on with, and forget that one.

        A new input on an interrupted thread gives up what waited there: then there is no link.
        """
        before = self._runs.pop(run.thread_id, None)
        return None if before is None or not run.resumes else Link(run_id=before, relation="resumes")
