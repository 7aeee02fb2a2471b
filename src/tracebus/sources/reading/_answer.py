"""Model name, usage and finish reasons of a model's answer, looked up when a reader wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import force_setattr

from tracebus.events import Deferred

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.events import Event

__all__ = ["CapturedAnswer"]


class CapturedAnswer(Deferred, msgspec.Struct, gc=False, eq=False):
    """An answer, in the field `usage` of a `RunEnded` until somebody reads the event.

    Settles into `usage`, `finish_reasons`, `model`, `response_id` and `cached`: providers tell them in
    so many places that looking took a third of the time of a model's callbacks.

    Args:
        describe: returns these fields by name.
        answer: what *describe* is called with.
    """

    _describe: Callable[..., dict[str, Any]]
    _answer: tuple[Any, ...]
    _settled: dict[str, Any] | None = None

    def settle_into(self, event: Event, field: str) -> None:
        """Fill in what the answer says; the answer itself is let go."""
        answer = self._answer  # before it is asked what became of it: a copy may be settled meanwhile
        settled = self._settled
        if settled is None:
            settled = self._settled = {field: None, **self._describe(*answer)}
            self._answer = ()
        for name, value in settled.items():
            force_setattr(event, name, value)
