"""Lines as spans of text and style names: everything about looks that needs no screen."""

from __future__ import annotations

from tracebus_tui.drawing._brush import Brush
from tracebus_tui.drawing._cells import Span, clean, cut, fit, line_width, right, spark, width
from tracebus_tui.drawing._columns import Columns, columns_for, heading
from tracebus_tui.drawing._glyphs import ASCII, LETTERS, SPELLING, UNICODE, Glyphs
from tracebus_tui.drawing._path import path_to
from tracebus_tui.drawing._row import row_spans

__all__ = [
    "ASCII",
    "LETTERS",
    "SPELLING",
    "UNICODE",
    "Brush",
    "Columns",
    "Glyphs",
    "Span",
    "clean",
    "columns_for",
    "cut",
    "fit",
    "heading",
    "line_width",
    "path_to",
    "right",
    "row_spans",
    "spark",
    "width",
]
