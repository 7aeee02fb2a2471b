"""OTLP in: spans of any program become the events of runs, in a log that every view reads.

::

    with serve(open_log("sqlite:"), http_port=4318, grpc_port=4317) as served:
        ...                                     # http://127.0.0.1:4318/v1/traces, 127.0.0.1:4317

Spans become events by the tables that `tracebus_exporters.otel` writes them by; older generations of the
GenAI conventions, OpenInference and Traceloop's names are understood as well.
"""

from __future__ import annotations

from tracebus_exporters.receiver._receiver import Receiver
from tracebus_exporters.receiver._serve import Served, serve

__all__ = ["Receiver", "Served", "serve"]
