"""Events from any source to the screen."""

from __future__ import annotations

from tracebus_tui.feed._feed import Feed, FeedState
from tracebus_tui.feed._replay import SPEEDS, Contents, Failure, ReplaySource
from tracebus_tui.feed._source import BusSource, ListSource, LogSource, Source

__all__ = [
    "SPEEDS",
    "BusSource",
    "Contents",
    "Failure",
    "Feed",
    "FeedState",
    "ListSource",
    "LogSource",
    "ReplaySource",
    "Source",
]
