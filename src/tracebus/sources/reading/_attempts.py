"""Which attempt of a retried step a run is, where LangChain's callbacks do not say.

Only `with_retry` tags its attempts. LangGraph's `RetryPolicy` and the retry middleware of langchain call
the node, task, tool or model again and tell nobody; a node without a policy, or a program that calls a
model twice, looks the same. So the code that retries is asked: it is on the stack when its next attempt
begins, and counts them. A synchronous tool of an asynchronous agent begins in a thread: there the code is
found among the tasks of the loop that waits for it. Of a node with a time-out, which has a task of its
own, an attempt is known from the second on, by what the first has in common with it.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from tracebus.events import RunKind

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from types import FrameType

__all__ = ["attempt_under_way", "tried_as"]


class _Retrier(NamedTuple):
    module: str
    functions: tuple[str, ...]
    counter: str
    """The variable that counts, from 0."""
    says: str
    """A variable that says whether it retries at all, or which call it is about."""
    depth: int
    """How many frames up it is looked for; measured to be at most half of it."""


# As of langgraph 1.0 to 1.2 and langchain 1.0 to 1.5. Where a version names its variables differently an
# attempt is known from the second on, by `tried_as`, or (of a model) not at all.
_OF_A_NODE = _Retrier(
    "langgraph.pregel._retry", ("run_with_retry", "arun_with_retry"), "attempts", "retry_policy", 24
)
_OF_A_TOOL = _Retrier(
    "langchain.agents.middleware.tool_retry",
    ("wrap_tool_call", "awrap_tool_call"),
    "attempt",
    "tool_call_id",
    60,
)
_OF_A_MODEL = _Retrier(
    "langchain.agents.middleware.model_retry",
    ("wrap_model_call", "awrap_model_call"),
    "attempt",
    "handler",
    60,
)
_MOST_TASKS = 256
"""Among more tasks of one loop no coroutine is looked for: it would take too long."""
_RETRIERS = {
    RunKind.NODE: _OF_A_NODE,
    RunKind.TOOL: _OF_A_TOOL,
    RunKind.CHAT_MODEL: _OF_A_MODEL,
}

_FUNCTIONS = frozenset(name for retrier in _RETRIERS.values() for name in retrier.functions)


def attempt_under_way(kind: RunKind, tool_call_id: str | None, task: Any = None) -> int | None:
    """Return which attempt, from 1, begins in this frame; `None` where nobody retries.

    *task* executes the run above, where one does.
    """
    retrier = _RETRIERS.get(kind)
    if retrier is None or retrier.module not in sys.modules:
        return None
    variables = _variables_of(retrier, sys._getframe(1))  # noqa: SLF001  # see above: nothing else says it
    if variables is None and kind is RunKind.TOOL and tool_call_id is not None and task is not None:
        variables = _variables_awaited(retrier, task, tool_call_id)
    if variables is None:
        return None
    said, count = variables.get(retrier.says), variables.get(retrier.counter)
    if not said or not isinstance(count, int) or _is_another(kind, said, tool_call_id):
        return None
    return count + 1


def _is_another(kind: RunKind, said: Any, tool_call_id: str | None) -> bool:
    """Tell a tool called inside the one that is retried; older langchain-cores tell no call's id."""
    return kind is RunKind.TOOL and tool_call_id is not None and said != tool_call_id


def tried_as(kind: RunKind, parent: Hashable, metadata: Mapping[str, Any], tool_call_id: Any) -> Hashable:
    """Return what attempts of one thing under one root have in common; `None` for what has no such."""
    if kind is RunKind.NODE:
        namespace = metadata.get("langgraph_checkpoint_ns")
        return ("node", namespace) if isinstance(namespace, str) and namespace else None
    if kind is RunKind.TOOL and isinstance(tool_call_id, str) and tool_call_id:
        return ("tool", parent, tool_call_id)
    return None


def _variables_of(retrier: _Retrier, frame: FrameType | None) -> Mapping[str, Any] | None:
    for _ in range(retrier.depth):
        if frame is None:
            return None
        name = frame.f_code.co_name
        if name in _FUNCTIONS:
            if name in retrier.functions and _is_in(frame, retrier.module):
                return frame.f_locals
            if name in _OF_A_NODE.functions and _is_in(frame, _OF_A_NODE.module):
                return None  # what is above belongs to a graph around
        frame = frame.f_back
    return None


def _variables_awaited(retrier: _Retrier, task: Any, tool_call_id: str) -> Mapping[str, Any] | None:
    """Return the variables of the retrying coroutine of a call, among the tasks of *task*'s loop."""
    try:
        tasks = asyncio.all_tasks(task.get_loop())
    except RuntimeError:
        return None  # they change too fast to be counted
    found: list[Mapping[str, Any]] = []
    for one in tasks if len(tasks) <= _MOST_TASKS else ():
        awaited: Any = one.get_coro()
        for _ in range(retrier.depth):
            frame = getattr(awaited, "cr_frame", None)
            if frame is None:
                break
            if frame.f_code.co_name in retrier.functions and _is_in(frame, retrier.module):
                found.append(frame.f_locals)
            awaited = awaited.cr_await
    meant = [variables for variables in found if variables.get(retrier.says) == tool_call_id]
    return meant[0] if len(meant) == 1 else None


def _is_in(frame: FrameType, module: str) -> bool:
    return bool(frame.f_globals.get("__name__") == module)
