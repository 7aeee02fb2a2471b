"""Ids, names and tags that are no text, which LangChain's types forbid and LangChain accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tracebus.capture import clean_text

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["as_name", "as_text", "run_key", "thread_key"]

_PLAIN = (int, float, complex, bool, type(None), UUID)


def as_text(value: object) -> str:
    """Return *value* as text fit for a terminal and a file; of an object that is no plain value, its type.

    Its own `str` may be slow or fail, and this is the program's path.
    """
    if isinstance(value, str):
        return clean_text(value)
    return str(value) if type(value) in _PLAIN else f"<{type(value).__name__}>"


def as_name(value: object) -> str:
    """Return a run's name as text: a text as it is (it is cleaned where the event is made)."""
    return value if type(value) is str else as_text(value)


def run_key(run_id: object) -> Hashable:
    """Return what a run is known by: an id's integer, a text's where it is one, else the text itself."""
    if type(run_id) is UUID:
        return run_id.int
    text = as_text(run_id)
    try:
        return UUID(text).int
    except ValueError:
        return text


def thread_key(thread_id: object, graph: str) -> Hashable:
    """Return what a graph's conversation is known by; `None` where *thread_id* is none or can be no key."""
    try:
        hash(thread_id)
    except Exception:  # noqa: BLE001  # the program's own object, or a list
        return None
    return None if thread_id is None else (thread_id, graph)


def goes_on(inputs: object) -> bool:
    """Tell whether a graph so called goes on where it paused: with nothing new, or with an answer.

    LangGraph says so itself (`on_resume`), but only after the run has begun. Only its own `Command` is
    asked: what else the program passes has code of its own.
    """
    if inputs is None:
        return True
    kind = type(inputs)
    if kind.__name__ != "Command" or not kind.__module__.startswith("langgraph"):
        return False
    return getattr(inputs, "resume", None) is not None
