"""What the detail pane says, without the screen."""

from __future__ import annotations

from tracebus_tui.detail._content import TABS, Paragraph, as_json, facts_of, paragraphs_of, shown, version_of
from tracebus_tui.detail._wrap import lines_of, wrapped

__all__ = [
    "TABS",
    "Paragraph",
    "as_json",
    "facts_of",
    "lines_of",
    "paragraphs_of",
    "shown",
    "version_of",
    "wrapped",
]
