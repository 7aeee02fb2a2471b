"""Anything LangChain reports that tracebus does not know: counted on the bus, logged once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["note_unknown"]

_logger = logging.getLogger("tracebus")
_said: set[tuple[str, str]] = set()
_MOST_SAID = 64


def note_unknown(count: Callable[[str], None], kind: str, name: str, becomes: str) -> None:
    """Count something of *kind* that is not known, and say once what becomes of it.

    *count* counts on a bus, as `unknown_` and the kind; *name* is LangChain's, never content.
    """
    count(f"unknown_{kind.replace(' ', '_')}")
    if (kind, name) not in _said and len(_said) < _MOST_SAID:
        _said.add((kind, name))
        _logger.warning(
            "tracebus does not know LangChain's %s %r: %s. `tracebus doctor` lists what is new in the "
            "installed versions; a newer tracebus may know it.",
            kind,
            name[:80],
            becomes,
        )
