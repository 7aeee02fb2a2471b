"""The widgets, all drawn line by line."""

from __future__ import annotations

from tracebus_tui.widgets._detail_pane import DetailPane
from tracebus_tui.widgets._lines import Bar, LineView, plain_border
from tracebus_tui.widgets._run_list import RunList
from tracebus_tui.widgets._table_view import TableView
from tracebus_tui.widgets._text import TextView

__all__ = ["Bar", "DetailPane", "LineView", "RunList", "TableView", "TextView", "plain_border"]
