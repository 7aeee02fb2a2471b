"""Ids, names and tags that are no text, which LangChain's types forbid and LangChain accepts."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tracebus.capture import clean_text

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["as_name", "as_text", "is_text", "run_key", "thread_key"]

_PLAIN = (int, float, complex, bool, type(None), UUID)
_KEYS = (int, float, bool, bytes, UUID)


def as_text(value: Any) -> str:
    """Return *value* as text fit for a terminal and a file; of an object that is no plain value, its type.

    Its own `str` may be slow or fail, and this is the program's path.
    """
    kind = type(value)  # what `isinstance` asks beside it may be the program's code
    if issubclass(kind, str):
        return clean_text(value)
    if kind in _PLAIN:
        try:
            return str(value)
        except ValueError:  # an integer of more digits than Python writes
            pass
    return f"<{kind.__name__}>"


def is_text(value: Any, text: str) -> bool:
    """Tell whether *value* is *text*; only a string's own comparison is asked."""
    return issubclass(type(value), str) and str.__eq__(value, text)


def as_name(value: object) -> str:
    """Return a run's name as text: a text as it is (it is cleaned where the event is made)."""
    return value if type(value) is str else as_text(value)


_id_parts = itemgetter(slice(8), slice(8, 12), slice(12, 16), slice(16, 20), slice(20, None))


def id_text(number: int) -> str:
    """Return what `str` of the UUID that is *number* returns, in two thirds of the time."""
    return "%s-%s-%s-%s-%s" % _id_parts("%032x" % number)  # noqa: UP031  # a format would be slower


def run_key(run_id: object) -> Hashable:
    """Return what a run is known by: an id's integer, a text's where it is one, else the text itself."""
    if type(run_id) is UUID:
        return run_id.int
    text = as_text(run_id)
    try:
        return UUID(text).int
    except ValueError:
        return text


def thread_key(thread_id: Any, graph: str) -> Hashable:
    """Return what a graph's conversation is known by; `None` where *thread_id* is none or can be no key.

    Only what is plain can be one: to hash and compare others takes code of the program's.
    """
    kind = type(thread_id)
    if issubclass(kind, str):
        return clean_text(thread_id), graph
    if kind is tuple:
        parts = tuple(thread_key(part, graph) for part in thread_id)
        return None if None in parts else (parts, graph)
    return (thread_id, graph) if kind in _KEYS else None


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
