"""What the detail pane says, without the screen."""

from __future__ import annotations

from tracebus_tui.detail._blocks import Block, Marked, Paragraph, as_json, shown
from tracebus_tui.detail._compare import compare
from tracebus_tui.detail._events import Events
from tracebus_tui.detail._facts import aligned, facts_of
from tracebus_tui.detail._find import Piece, emphasised, find
from tracebus_tui.detail._flow import flow
from tracebus_tui.detail._journal import Journal
from tracebus_tui.detail._markdown import markdown
from tracebus_tui.detail._tabs import EVENTS, TABS, Look, layout_of, version_of
from tracebus_tui.detail._wrap import Layout, Line, beside, broken, wrapped

__all__ = [
    "EVENTS",
    "TABS",
    "Block",
    "Events",
    "Journal",
    "Layout",
    "Line",
    "Look",
    "Marked",
    "Paragraph",
    "Piece",
    "aligned",
    "as_json",
    "beside",
    "broken",
    "compare",
    "emphasised",
    "facts_of",
    "find",
    "flow",
    "layout_of",
    "markdown",
    "shown",
    "version_of",
    "wrapped",
]
