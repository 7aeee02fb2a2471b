"""What the screen shows, without the screen: rows over the run tree, filter, order, cursor."""

from __future__ import annotations

from tracebus_tui.model._calls import Call
from tracebus_tui.model._filter import FIELDS, FilterError, parse_filter
from tracebus_tui.model._meters import Meters, Tally, percentile
from tracebus_tui.model._orders import ORDERS, Order
from tracebus_tui.model._row import Item, Row, Together
from tracebus_tui.model._rows import Rows
from tracebus_tui.model._runs import Runs
from tracebus_tui.model._view import View
from tracebus_tui.model._wall import Wall, Window

__all__ = [
    "FIELDS",
    "ORDERS",
    "Call",
    "FilterError",
    "Item",
    "Meters",
    "Order",
    "Row",
    "Rows",
    "Runs",
    "Tally",
    "Together",
    "View",
    "Wall",
    "Window",
    "parse_filter",
    "percentile",
]
