"""The console: the tree of every run, printed when it has ended.

::

    observe(chain, to="console")
    observe(chain, to="console?width=100&colour=never")
"""

from __future__ import annotations

from tracebus_exporters.console._exporter import ConsoleExporter, from_url

__all__ = ["ConsoleExporter", "from_url"]
