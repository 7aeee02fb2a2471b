"""The in-process log of events and its readers.

Sources publish to an `EventBus`; subscriptions (`async for`) and exporters (each in a thread of its
own) read it, each with its own cursor.
"""

from __future__ import annotations

from tracebus.bus._bus import EventBus
from tracebus.bus._exporter import BatchCallable, Exporter, as_exporter, settles_itself
from tracebus.bus._flushing import aflush, flush
from tracebus.bus._handle import ExporterHandle
from tracebus.bus._statistics import BusStatistics, ExporterStatistics, Snapshot, SubscriptionStatistics
from tracebus.bus._subscription import Subscription

__all__ = [
    "BatchCallable",
    "BusStatistics",
    "EventBus",
    "Exporter",
    "ExporterHandle",
    "ExporterStatistics",
    "Snapshot",
    "Subscription",
    "SubscriptionStatistics",
    "aflush",
    "as_exporter",
    "flush",
    "settles_itself",
]
