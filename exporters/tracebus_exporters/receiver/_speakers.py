"""Remembers which services write what was said as log records, so that spans wait for those alone."""

from __future__ import annotations

__all__ = ["Speakers"]

_MOST = 1_000


class Speakers:
    """What is known of services. One nobody knows may write records: its first model is waited for."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}

    def may_speak(self, service: str) -> bool:
        """Tell whether records may come for a model of *service*."""
        return self._known.get(service, True)

    def spoke(self, service: str) -> None:
        """Note that *service* has written a record."""
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[service] = True

    def kept_silent(self, service: str) -> None:
        """Note that records of *service* were waited for in vain: they are no more, until it speaks."""
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known.setdefault(service, False)
