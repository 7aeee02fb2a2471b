"""Where events come from: LangChain's callbacks, and streams of `astream_events` dictionaries.

The only part of the core that imports `langchain_core`.
"""

from __future__ import annotations

import os

from tracebus.sources import _current_run  # noqa: F401 -- registers itself with tracebus.propagate
from tracebus.sources._dropped_streams import watch_model_streams
from tracebus.sources._graph_callbacks import listen_to_graphs
from tracebus.sources._normalize import astream, normalize
from tracebus.sources._observe import Observed, observe
from tracebus.sources._observing import install, observing, uninstall
from tracebus.sources._remote_graph import tell_of_remote_graphs
from tracebus.sources._wiring import default_bus

__all__ = ["Observed", "astream", "default_bus", "install", "normalize", "observe", "observing", "uninstall"]

listen_to_graphs()
tell_of_remote_graphs()
watch_model_streams()
if os.environ.get("TRACEBUS_TO"):  # the whole process is wanted; `tracebus._autostart` leaves it to us
    install()
