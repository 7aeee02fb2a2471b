"""Events from any source to the screen."""

from __future__ import annotations

from tracebus_tui.feed._feed import Feed, FeedState
from tracebus_tui.feed._source import BusSource, ListSource, LogSource, ReplaySource, Source

__all__ = ["BusSource", "Feed", "FeedState", "ListSource", "LogSource", "ReplaySource", "Source"]
