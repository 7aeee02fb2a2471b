"""A structlog logger of our own: lines for people, or JSON, on one stream."""

from __future__ import annotations

import json
import logging
import math
import os
from typing import TYPE_CHECKING, Any, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict

__all__ = ["own_logger"]


def own_logger(file: TextIO, *, as_json: bool, colour: bool | None) -> Any:
    """Return a logger with its own processors, apart from structlog's global configuration."""
    if colour is None:
        colour = file.isatty() and not os.environ.get("NO_COLOR")
    renderer = (
        structlog.processors.JSONRenderer(_to_json)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=colour)
    )
    return structlog.wrap_logger(
        _Lines(file),
        processors=[structlog.processors.add_log_level, _head_first, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        context_class=dict,
        cache_logger_on_first_use=True,
    )


class _Lines:
    """Writes lines. Unlike structlog's own it has no lock, which a fork could leave locked for good."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def msg(self, message: str) -> None:
        """Write *message* as a line."""
        self._file.write(f"{message}\n")
        self._file.flush()

    debug = info = warning = error = msg


def _head_first(_logger: Any, _method: str, fields: EventDict) -> EventDict:
    return {**{name: fields[name] for name in ("timestamp", "level", "event") if name in fields}, **fields}


def _to_json(value: Any, **options: Any) -> str:
    """Return *value* as JSON that every reader takes: what is not a number is null."""
    try:
        return json.dumps(value, allow_nan=False, **options)
    except ValueError:
        return json.dumps(_finite(value), **options)


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return value
