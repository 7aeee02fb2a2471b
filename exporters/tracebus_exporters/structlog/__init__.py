"""structlog: a line when a run starts, is tried again and ends.

::

    observe(chain, to="structlog")                       # our own lines on the standard error
    observe(chain, to=StructlogExporter(my_logger))      # your logger, your processors
"""

from __future__ import annotations

from tracebus_exporters.structlog._exporter import StructlogExporter, from_url

__all__ = ["StructlogExporter", "from_url"]
