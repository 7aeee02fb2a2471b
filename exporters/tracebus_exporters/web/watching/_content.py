"""Filters for what of an event is shown: everything, no tracebacks, or no content."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, assert_never

import msgspec

from tracebus.events import CustomEmitted, Gap, RunEnded, RunRetried, RunStarted, RunStreamed
from tracebus.watching import is_fact

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.events import ErrorInfo, Event

__all__ = ["View", "everything", "without_content", "without_tracebacks"]

View: TypeAlias = "Callable[[Event], Event]"
"""Returns the event as the viewer may see it."""


def everything(event: Event) -> Event:
    """Show all that was captured."""
    return event


def without_tracebacks(event: Event) -> Event:
    """Show errors by type and message: where in the program they came from is nobody's business."""
    if isinstance(event, RunEnded | RunRetried) and event.error is not None and event.error.traceback:
        return msgspec.structs.replace(event, error=msgspec.structs.replace(event.error, traceback=None))
    return event


def without_content(event: Event) -> Event:
    """Show structure, times, tokens and outcomes, but nothing that was said, asked or returned."""
    match event:
        case RunStarted():
            return msgspec.structs.replace(event, inputs=None, metadata={}, cuts=())
        case RunStreamed():
            return msgspec.structs.replace(event, text="", reasoning="", tool_calls=(), chunk=None, cuts=())
        case RunEnded():
            error = _type_only(event.error)
            return msgspec.structs.replace(event, inputs=None, outputs=None, error=error, cuts=())
        case RunRetried():
            return msgspec.structs.replace(event, error=_type_only(event.error), cuts=())
        case CustomEmitted():
            return event if is_fact(event) else msgspec.structs.replace(event, data=None, cuts=())
        case Gap():
            return event
        case _:
            assert_never(event)


def _type_only(error: ErrorInfo | None) -> ErrorInfo | None:
    return None if error is None else msgspec.structs.replace(error, message="", traceback=None)
