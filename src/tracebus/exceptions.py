"""Every exception tracebus raises on purpose.

::

    TracebusError
    ├── InvalidEventError (ValueError)      bytes that are no event we can read
    │   └── UnknownEventTypeError           an event type this version does not know
    ├── UnknownExporterError (ValueError)   a `to=` URL nobody answers for
    ├── InvalidTargetError (ValueError)     a `tracebus run` target that is no Runnable
    ├── InvalidLogError (ValueError)        a log URL or file that cannot be opened or read
    │   └── UnknownRunError                 a run that is not in the log
    └── ClosedBusError (RuntimeError)       a reader or exporter asked of a closed bus

`publish` and everything on the path of the user's program raise none of these.
"""

from __future__ import annotations

__all__ = [
    "ClosedBusError",
    "InvalidEventError",
    "InvalidLogError",
    "InvalidTargetError",
    "TracebusError",
    "UnknownEventTypeError",
    "UnknownExporterError",
    "UnknownRunError",
]


class TracebusError(Exception):
    """Base of every exception tracebus raises on purpose."""


class InvalidEventError(TracebusError, ValueError):
    """The bytes or the object are no event this version can read."""


class UnknownEventTypeError(InvalidEventError):
    """The event's type is not in this version's union.

    Attributes:
        event_type: the unknown type, as found.
    """

    def __init__(self, event_type: str) -> None:
        super().__init__(
            f"unknown event type {event_type!r}: the log was written by a newer tracebus; "
            "upgrade this one to read it"
        )
        self.event_type = event_type


class UnknownExporterError(TracebusError, ValueError):
    """No exporter answers to this name or URL."""


class InvalidTargetError(TracebusError, ValueError):
    """The target of `tracebus run` is no Runnable and no script."""


class InvalidLogError(TracebusError, ValueError):
    """The log URL cannot be opened, or what it names is no tracebus log."""


class UnknownRunError(InvalidLogError):
    """The log has no run of this name."""


class ClosedBusError(TracebusError, RuntimeError):
    """The bus is closed: it takes no new reader and no new exporter."""
