"""See what LangChain code does: typed events of every run, live, to wherever they are needed.

::

    from tracebus import observe

    chain = observe(chain)
    chain.invoke("…")
"""

from __future__ import annotations

from tracebus.bus import EventBus, Exporter
from tracebus.capture import Capture
from tracebus.sources import astream, install, normalize, observe, observing, uninstall

__all__ = [
    "Capture",
    "EventBus",
    "Exporter",
    "astream",
    "install",
    "normalize",
    "observe",
    "observing",
    "uninstall",
]

__version__ = "0.1.0"
