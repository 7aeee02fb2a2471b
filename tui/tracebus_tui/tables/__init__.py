"""The screens beside the list of runs: totals by name, and errors by what they say."""

from __future__ import annotations

from tracebus_tui.tables._errors import ErrorGroup, error_table, groups_of, uncounted
from tracebus_tui.tables._exactly import exactly
from tracebus_tui.tables._table import Column, Table
from tracebus_tui.tables._totals import Total, total_table, totals_of

__all__ = [
    "Column",
    "ErrorGroup",
    "Table",
    "Total",
    "error_table",
    "exactly",
    "groups_of",
    "total_table",
    "totals_of",
    "uncounted",
]
