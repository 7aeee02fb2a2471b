"""Where events come from: LangChain's callbacks, and streams of `astream_events` dictionaries.

The only part of the core that imports `langchain_core`.
"""

from __future__ import annotations

import os

from tracebus.sources.attaching._dropped_streams import watch_model_streams
from tracebus.sources.attaching._normalize import astream, normalize
from tracebus.sources.attaching._observe import observe
from tracebus.sources.attaching._observed import Observed
from tracebus.sources.attaching._observing import install, observing, uninstall
from tracebus.sources.attaching._remote_graph import tell_of_remote_graphs
from tracebus.sources.attaching._remote_stream import tell_of_remote_streams
from tracebus.sources.attaching._silent_graphs import tell_of_silent_graphs
from tracebus.sources.attaching._wiring import default_bus
from tracebus.sources.callbacks import _current_run  # noqa: F401 -- registers itself with tracebus.propagate
from tracebus.sources.callbacks._graph_callbacks import listen_to_graphs

__all__ = ["Observed", "astream", "default_bus", "install", "normalize", "observe", "observing", "uninstall"]

listen_to_graphs()
tell_of_remote_graphs()
tell_of_remote_streams()
watch_model_streams()
tell_of_silent_graphs()
if os.environ.get("TRACEBUS_TO"):  # the whole process is wanted; `tracebus._autostart` leaves it to us
    install()
