"""How much memory a bus may keep, as the environment says."""

from __future__ import annotations

import os

from tracebus.bus._ring import DEFAULT_MAX_BYTES
from tracebus.bus._tally import logger
from tracebus.sizes import parse_size

__all__ = ["max_bytes_from_environment"]

_ENVIRONMENT = "TRACEBUS_MAX_BYTES"


def max_bytes_from_environment() -> int:
    """Return the bytes of payloads a bus keeps: `TRACEBUS_MAX_BYTES`, as `32MB` or `1G`, or 64 MB."""
    text = os.environ.get(_ENVIRONMENT, "")
    try:
        size = parse_size(text) if text else DEFAULT_MAX_BYTES
    except ValueError:
        size = 0
    if size < 1:
        logger.warning("%s=%r is no size such as 32MB; using 64MB", _ENVIRONMENT, text)
        return DEFAULT_MAX_BYTES
    return size
