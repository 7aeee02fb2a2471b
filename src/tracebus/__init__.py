"""See what LangChain code does: typed events of every run, live, to wherever they are needed.

::

    from tracebus import observe

    chain = observe(chain)
    chain.invoke("…")        # and `tracebus` in a second terminal shows it
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tracebus import _notebook

if TYPE_CHECKING:
    from tracebus.bus import EventBus, Exporter, aflush, flush
    from tracebus.capture import Capture
    from tracebus.keeping import keep
    from tracebus.logs import open_log
    from tracebus.runstate import RunState
    from tracebus.sources import astream, install, normalize, observe, observing, uninstall
    from tracebus.tree import RunTree
    from tracebus.watching import Budget

__all__ = [
    "Budget",
    "Capture",
    "EventBus",
    "Exporter",
    "RunState",
    "RunTree",
    "aflush",
    "astream",
    "flush",
    "install",
    "keep",
    "normalize",
    "observe",
    "observing",
    "open_log",
    "uninstall",
]

__version__ = "0.1.0"

# Imported when first asked for: LangChain takes most of a second, which a viewer need not wait.
_HOMES = {
    "Budget": "tracebus.watching",
    "Capture": "tracebus.capture",
    "EventBus": "tracebus.bus",
    "Exporter": "tracebus.bus",
    "RunState": "tracebus.runstate",
    "RunTree": "tracebus.tree",
    "aflush": "tracebus.bus",
    "astream": "tracebus.sources",
    "flush": "tracebus.bus",
    "install": "tracebus.sources",
    "keep": "tracebus.keeping",
    "normalize": "tracebus.sources",
    "observe": "tracebus.sources",
    "observing": "tracebus.sources",
    "open_log": "tracebus.logs",
    "uninstall": "tracebus.sources",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'tracebus' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported yet or not."""
    return sorted({*globals(), *__all__})


_notebook.set_pages(lambda: import_module("tracebus._html"))

if os.environ.get("TRACEBUS_TO"):
    # Whoever sets it wants the whole process observed, from its first run on.
    import_module("tracebus._autostart")
