"""Nodes that LangGraph cancels because their time is over: only the graph's error names the time-out."""

from __future__ import annotations

from asyncio import _get_running_loop, current_task  # the first one's public twin raises where there is none
from typing import TYPE_CHECKING, Any

from tracebus.capture import CapturedError
from tracebus.events import ErrorInfo, Outcome

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tracebus.sources.tracking._open_run import OpenRun
    from tracebus.sources.tracking._tracker import RunTracker

__all__ = ["end_held_attempt", "hold", "is_timed", "name_timeout", "timed_out"]

_TIMED = "_arun_with_timeout."
"""Qualified name of the coroutine in whose task a node with a `TimeoutPolicy` runs (langgraph 1.2)."""
_ERROR = "NodeTimeoutError"


def is_timed() -> bool:
    """Tell whether the node that begins here runs in a task whose time LangGraph watches."""
    if _get_running_loop() is None:
        return False
    task = current_task()
    return task is not None and str(getattr(task.get_coro(), "__qualname__", "")).startswith(_TIMED)


def timed_out(run: OpenRun) -> Any:
    """Return the error that a cancelled node's graph has ended with, where that names its time-out."""
    told = None if run.parent is None else run.parent.timeout
    return told[1] if told is not None and told[0] == run.name else None


def name_timeout(tracker: RunTracker, graph: OpenRun, error: BaseException) -> None:
    """End the cancelled node of *graph* whose time-out *error* is, with that error."""
    if type(error).__name__ != _ERROR:
        return
    node = getattr(error, "node", None)
    graph.timeout = (node, CapturedError(error, graph.capture))
    for child in list((graph.children or {}).values()):
        if child.held and child.name == node:
            tracker.end(child.key, Outcome.ERROR, error=graph.timeout[1])


def hold(tracker: RunTracker, run: OpenRun) -> None:
    """Put off the end of a cancelled node until its graph says whether its time was over."""
    run.held = True
    tracker.expect_end(run, Outcome.CANCELLED)


def end_held_attempt(tracker: RunTracker, graph: OpenRun, attempts_of: Hashable) -> None:
    """End the cancelled attempt that LangGraph is about to repeat: only a time-out has it do that."""
    for child in list((graph.children or {}).values()):
        if child.held and child.tried_as == attempts_of:
            message = f"Node '{child.name}' exceeded its time-out."
            error = ErrorInfo(type=f"langgraph.errors.{_ERROR}", message=message)
            tracker.end(child.key, Outcome.ERROR, error=error)
