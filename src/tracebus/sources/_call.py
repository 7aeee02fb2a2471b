"""One call of an observed Runnable: what began in it, and how it was left."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracebus.sources._tracker import OpenRun

__all__ = ["Call", "current_call"]


class Call:
    """A call of an observed Runnable, from outside LangChain's view of it."""

    __slots__ = ("inputs", "left", "name", "roots")

    def __init__(self, name: str | None, inputs: Any = None) -> None:
        self.name = name
        """What the user wants the root run called."""
        self.inputs = inputs
        """What a stream was called with, which LangChain tells at its end only."""
        self.roots: list[OpenRun] = []
        self.left = False
        """The caller closed the stream before its end, which LangChain reports as success."""


current_call: ContextVar[Call | None] = ContextVar("tracebus_call", default=None)
