"""What applying a patch can raise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.exceptions import TracebusError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PatchError"]

_SHOWN = 120


class PatchError(TracebusError, ValueError):
    """An operation cannot be applied; the document is as it was before the first of them.

    Attributes:
        index: position of the operation in the patch, from 0; `None` where no single one is to blame.
        operation: the operation.
        path: its `path`, where it has one.
        reason: what is wrong, without naming the operation.
    """

    def __init__(self, reason: str, *, index: int | None = None, operation: Any = None) -> None:
        self.reason = reason
        self.index = index
        self.operation = operation
        found = operation.get("path") if isinstance(operation, dict) else None
        self.path: str | None = found if isinstance(found, str) else None
        super().__init__(f"{_named(index, operation, self.path)}: {reason}")


def _named(index: int | None, operation: Mapping[str, Any] | Any, path: str | None) -> str:
    if index is None:
        return "the patch cannot be applied"
    if isinstance(operation, dict) and path is not None:
        return f"operation {index} ({operation.get('op')!r} at {_short(path)}) cannot be applied"
    return f"operation {index} ({_short(operation)}) cannot be applied"


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
