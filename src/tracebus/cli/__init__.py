"""The command line: one file per command, imported when the command is used.

A new command is a file here with a `click` command in it, and one line in `_table.py`.
"""

from __future__ import annotations

from tracebus.cli._app import cli, main

__all__ = ["cli", "main"]
