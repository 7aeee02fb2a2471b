"""Span ids of runs that ended lately, for children that start late, links and batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracebus_exporters.otel.spans._ids import SpanIds

_MOST = 2_048


class Places:
    """Span ids by the ids of runs or batches: of the last 2,048 at least, of twice as many at most."""

    def __init__(self) -> None:
        self._new: dict[str, SpanIds] = {}
        self._old: dict[str, SpanIds] = {}

    def add(self, key: str, ids: SpanIds) -> None:
        """Remember *ids*, unless there are some by *key* already."""
        if self.get(key) is not None:
            return
        self._new[key] = ids
        if len(self._new) >= _MOST:
            self._old, self._new = self._new, {}

    def get(self, key: str) -> SpanIds | None:
        """Return what is remembered by *key*."""
        return self._new.get(key) or self._old.get(key)

    def clear(self) -> None:
        """Forget all."""
        self._new, self._old = {}, {}
