"""Operations for a value changed by others (a LangGraph state), found by comparing it now and then."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tracebus.runstate._pointer import pointer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OpaqueState"]


class OpaqueState:
    """Follows a value it knows nothing about, such as a LangGraph state between steps.

    The one place where documents are compared (`jsonpatch.make_patch`), which costs time proportional to
    the value: hence at most once in *interval* seconds.

    Args:
        at: reference tokens of the place in the document that holds the value.
        interval: seconds between two comparisons at least.
        clock: seconds, monotonic.
    """

    def __init__(self, *at: str, interval: float = 0.1, clock: Callable[[], float] | None = None) -> None:
        import time  # noqa: PLC0415  only the default clock needs it

        self._at = pointer(*at)
        self._interval = interval
        self._clock = clock or time.monotonic
        self._last: float | None = None
        self._known: Any = None

    def update(self, value: Any, *, force: bool = False) -> list[dict[str, Any]]:
        """Return the operations from the last value reported to *value*.

        Returns none, and forgets *value*, where less than the interval has passed; *force* the last one.
        The first call places the whole value.
        """
        now = self._clock()
        if self._last is None:
            operations = [{"op": "add", "path": self._at, "value": copy.deepcopy(value)}]
        elif not force and now - self._last < self._interval:
            return []
        else:
            operations = self._difference(value)
        self._last = now
        self._known = copy.deepcopy(value)
        return operations

    def _difference(self, value: Any) -> list[dict[str, Any]]:
        import jsonpatch  # noqa: PLC0415  only opaque state needs it

        # Not `make_patch`: its optimisation makes moves across the document out of equal values.
        builder = jsonpatch.JsonPatch.from_diff(self._known, value, optimization=False)
        return [self._placed(operation) for operation in builder.patch]

    def _placed(self, operation: dict[str, Any]) -> dict[str, Any]:
        """Return *operation* on the value as one on the document; older jsonpatch still makes moves."""
        members = ("path", "from") if "from" in operation else ("path",)
        return {**operation, **{member: self._at + operation[member] for member in members}}
