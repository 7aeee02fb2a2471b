"""LangGraph nodes that ran into a timeout: a `TimeoutPolicy` of theirs, or the graph's `step_timeout`.

Only the graph's error says so. Until it does, the node's end is held: LangGraph cancels an asynchronous one
and lets a synchronous one come to its end, whose result nobody takes.
"""

from __future__ import annotations

from asyncio import _get_running_loop, current_task  # the first one's public twin raises where there is none
from typing import TYPE_CHECKING, Any

from tracebus.capture import CapturedError
from tracebus.clock import system_clock
from tracebus.events import ErrorInfo, Outcome, RunKind
from tracebus.sources.reading._messages import captured

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tracebus.sources.tracking._open_run import OpenRun
    from tracebus.sources.tracking._tracker import RunTracker

__all__ = [
    "end_held_attempt",
    "hold",
    "is_held",
    "is_timed",
    "name_timeout",
    "note_step",
    "timed_out",
]

_STEPS = "langgraph.pregel._runner"
"""The module that raises when a step's time is over, a bare `TimeoutError`."""

_TIMED = "_arun_with_timeout."
"""Qualified name of the coroutine in whose task a node with a `TimeoutPolicy` runs (langgraph 1.2)."""
_ERROR = "NodeTimeoutError"
_SECOND = 1_000_000_000


def is_timed(graph: OpenRun | None) -> bool:
    """Tell whether LangGraph watches the time of the node of *graph* that begins here."""
    if graph is not None and graph.timed:
        return True
    if _get_running_loop() is None:
        return False
    task = current_task()
    return task is not None and str(getattr(task.get_coro(), "__qualname__", "")).startswith(_TIMED)


def note_step(graph: OpenRun | None, node: OpenRun, number: object) -> None:
    """Note when the step *number* of *graph*, in which *node* begins, began: with its first node."""
    if graph is None or not graph.timed:
        return
    if graph.step is None or type(number) is not int or graph.step[0] != number:
        graph.step = (number, system_clock())
    node.step = graph.step


def timed_out(run: OpenRun) -> Any:
    """Return the error that a cancelled node's graph has ended with, where that names its time-out."""
    told = None if run.parent is None else run.parent.timeout
    return told[1] if told is not None and told[0] in (None, run.name) else None


def name_timeout(tracker: RunTracker, graph: OpenRun, error: BaseException) -> None:
    """End the nodes of *graph* whose time-out *error* is, with that error."""
    if graph.timed:
        if isinstance(error, TimeoutError) and _is_of_a_step(error):
            _end_late(tracker, graph)
        else:
            release_results(tracker, graph)
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
    if graph.timed:
        release_results(tracker, graph)
    for child in list((graph.children or {}).values()):
        if child.held and child.tried_as == attempts_of:
            message = f"Node '{child.name}' exceeded its time-out."
            error = ErrorInfo(type=f"langgraph.errors.{_ERROR}", message=message)
            tracker.end(child.key, Outcome.ERROR, error=error)


def is_held(tracker: RunTracker, run: OpenRun, outputs: Any) -> bool:
    """Tell whether the end of *run*, with *outputs*, is put off until its graph goes on or fails.

    It is where it ends later after its step began than its graph gives a step.
    """
    graph = run.parent
    if run.kind is not RunKind.NODE:
        release_results(tracker, run)
    elif graph is not None and type(graph.timed) is float and 0 < graph.timed < _elapsed(run):
        run.held = {"outputs": None if outputs is None else captured(outputs, run.capture)}
    return bool(run.held)


def _elapsed(run: OpenRun) -> float:
    """Return the seconds since the first node of *run*'s step began."""
    began = run.started if run.step is None else run.step[1]
    return (system_clock() - began) / _SECOND


def release_results(tracker: RunTracker, graph: OpenRun) -> None:
    """End the late nodes of *graph*, which goes on: LangGraph took their results after all."""
    for child in list((graph.children or {}).values()):
        if type(child.held) is dict:
            tracker.end(child.key, Outcome.OK, **child.held)


def _end_late(tracker: RunTracker, graph: OpenRun) -> None:
    message = f"A step took longer than the graph's step_timeout of {graph.timed:g} s."
    graph.timeout = (None, ErrorInfo(type="TimeoutError", message=message))
    for child in list((graph.children or {}).values()):
        if child.held:
            fields = child.held if type(child.held) is dict else {}
            tracker.end(child.key, Outcome.ERROR, error=graph.timeout[1], **fields)


def _is_of_a_step(error: BaseException) -> bool:
    """Tell whether LangGraph itself raised *error*, where it waits for a step's nodes, and no node did."""
    modules = []
    traceback = error.__traceback__
    while traceback is not None:
        modules.append(str(traceback.tb_frame.f_globals.get("__name__")))
        traceback = traceback.tb_next
    while modules and modules[-1].startswith("asyncio."):
        modules.pop()
    return bool(modules) and modules[-1] == _STEPS
