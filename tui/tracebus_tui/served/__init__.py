"""The terminal UI in a browser: a server that starts one viewer for every open page.

textual-serve carries a viewer's screen to the page and the page's keys to the viewer. What stands here is
who may open a page, how a viewer is started and surely ended, and what the page looks like.
"""

from __future__ import annotations

from importlib.util import find_spec

from tracebus.installing import install_command

if find_spec("textual_serve") is None:
    raise ImportError(
        f"the terminal UI in a browser needs textual-serve: {install_command('[tui-web]')}",
        name="textual_serve",
    )

from tracebus_tui.served._serve import serve

__all__ = ["serve"]
