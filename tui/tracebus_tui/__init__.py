"""The terminal UI: runs of any source, live.

::

    from tracebus import open_log
    from tracebus_tui import watch

    watch(open_log("sqlite:"))

Textual is imported when something is drawn, not before: `--plain` lines need none of it.
"""

from __future__ import annotations

from importlib.util import find_spec

from tracebus.installing import install_command

if find_spec("textual") is None:
    raise ImportError(f"the terminal UI needs Textual: {install_command('[tui]')}", name="textual")

from tracebus_tui.starting._launch import Options, accompany, replay, view, watch

__all__ = ["Options", "accompany", "replay", "view", "watch"]
