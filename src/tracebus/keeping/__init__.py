"""Tail sampling in the process: at its end a whole root run goes out by an exit, or nothing of it.

::

    observe(chain, to=keep("otlp", errors=True, slower_than=5.0, share=0.1))
    observe(chain, to="otlp+http://collector:4318?keep=errors,slower:5s,cost:0.10,share:10%")

Every other reader of the bus, live viewers among them, sees everything while it happens.
"""

from __future__ import annotations

from tracebus.keeping._exporter import KeepingExporter
from tracebus.keeping._rules import Rules
from tracebus.keeping._url import keep, kept_from_url

__all__ = ["KeepingExporter", "Rules", "keep", "kept_from_url"]
