"""Makes the recorder for a bus and a capture policy; all recorders of a bus share its tracker."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakValueDictionary

from tracebus._destinations import canonical
from tracebus.bus import EventBus
from tracebus.capture import DEFAULT_CAPTURE, Capture
from tracebus.exceptions import ClosedBusError
from tracebus.exporting import (
    DEFAULT_EXPORTER,
    destinations_in,
    environment_destinations,
    resolve,
    without_secrets,
)
from tracebus.sources.callbacks._recorder import Recorder
from tracebus.sources.tracking._tracker import RunTracker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus.exporting import Destination

_logger = logging.getLogger("tracebus")

_lock = threading.RLock()
# One tracker per bus, for as long as the bus lives: the bus holds it through its callbacks.
_trackers: WeakValueDictionary[int, RunTracker] = WeakValueDictionary()
_recorders: WeakValueDictionary[tuple[int, Capture], Recorder] = WeakValueDictionary()
_default: EventBus | None = None
_process: EventBus | None = None
_urls: WeakKeyDictionary[EventBus, set[str]] = WeakKeyDictionary()
"""The exits of a bus that were named by a URL, in the spelling `canonical` gives them."""


def recorder_for(bus: EventBus, capture: Capture | None) -> Recorder:
    """Return what records into *bus* with *capture*, the default policy where that is `None`.

    Raises:
        ClosedBusError: the bus is closed.
    """
    if bus.closed:
        raise ClosedBusError("this bus is closed; observe with a new one")
    policy = DEFAULT_CAPTURE if capture is None else capture
    with _lock:
        tracker = _tracker_of(bus)
        key = (id(tracker), policy)
        recorder = _recorders.get(key)
        if recorder is None or recorder.tracker is not tracker:
            recorder = _recorders[key] = Recorder(tracker, policy)
        return recorder


def bus_for(to: Destination | Iterable[Destination], bus: EventBus | None) -> tuple[EventBus, bool]:
    """Return the bus to record into, and whether the caller owns it and should close it.

    A given *bus* stays its owner's, with *to*'s exporters attached to it. Without a *bus*, *to*
    gets one of its own; without either it is the process's default bus. An exit that the process is
    observed into already, by `TRACEBUS_TO` or `install`, is not opened a second time for the same runs.
    """
    named = destinations_in(to)
    everywhere = process_bus()
    there = _urls.get(everywhere, set()) if everywhere is not None else set()
    new = [one for one in named if not (isinstance(one, str) and canonical(one) in there)]
    exporters = resolve(new)
    if bus is None and not new:
        return (everywhere if named and everywhere is not None else default_bus()), False
    target = EventBus() if bus is None else bus
    for exporter in exporters:
        target.attach(exporter)
    _urls.setdefault(target, set()).update(canonical(url) for url in new if isinstance(url, str))
    return target, bus is None


def default_bus() -> EventBus:
    """Return the bus of everything that names no other: to `TRACEBUS_TO`, or to the embedded log.

    An exit that cannot be had is logged, once, and the bus goes without: the user's program did
    not ask for it by name.
    """
    global _default  # noqa: PLW0603 -- one per process is what it means
    with _lock:
        if _default is None or _default.closed:
            _default = EventBus()
            for url in environment_destinations() or [DEFAULT_EXPORTER]:
                try:
                    for exporter in resolve(url):
                        _default.attach(exporter)
                    _urls.setdefault(_default, set()).add(canonical(url))
                except Exception as error:  # noqa: BLE001 -- whatever an exporter's factory raises
                    _logger.warning("events do not go to %r: %s", without_secrets(url), error)
        return _default


def process_bus() -> EventBus | None:
    """Return the open bus the whole process is observed into, if it is."""
    return _process if _process is not None and not _process.closed else None


def observe_process_into(bus: EventBus | None) -> None:
    """Note the bus the whole process is observed into."""
    global _process  # noqa: PLW0603 -- one per process is what it means
    _process = bus


def _tracker_of(bus: EventBus) -> RunTracker:
    tracker = _trackers.get(id(bus))
    if tracker is None:
        tracker = _trackers[id(bus)] = RunTracker(bus.write, count=bus.count)
        bus.before_close(tracker.close_all)
        bus.after_fork_in_child(tracker.forget)
    return tracker
