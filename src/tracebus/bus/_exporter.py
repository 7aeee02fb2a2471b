"""The contract between the bus and everything events are handed to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracebus.bus._tally import Tally
    from tracebus.events import Event

__all__ = [
    "BatchCallable",
    "Exporter",
    "as_exporter",
    "own_counts",
    "reads_along",
    "reads_few",
    "settles_itself",
    "tell_attached",
]


_SHARE_TO_HOLD = 4
"""The part of a bus's `max_bytes` that one exporter may hold."""


@runtime_checkable
class Exporter(Protocol):
    """Hands batches of events to something outside: a collector, a log, a file.

    The bus calls all three methods from one thread of the exporter's own, never two at once. An
    exporter therefore need not be thread-safe, and may block. Only at the end of a process that
    published its first event so late that Python starts no more threads, the thread that ends the
    process makes the calls.

    An exporter that counts for itself (what its backend refused, say) may define
    `statistics() -> dict[str, int]`, callable from any thread; the bus shows it in its own, and adds
    what stands under `lost` to the events it gave up itself.

    Events come settled: every payload is JSON. That is most of what a run costs, so an exporter that
    reads few payloads may set `settles_itself = True`; it then gets them as they were captured, and
    calls `tracebus.events.settle(event, fields)` for the fields it reads, before `export` returns. The
    others it must not touch: a `Deferred` may stand there, or nothing once every reader is past it. Where
    those are few (no content), it may set `reads_few = True` as well: nobody then has to weigh them all.

    One that holds events back anyway may define `linger`, the seconds to gather events before a batch:
    the fewer its thread's turns, the less it gets in the program's way.

    One exporter may be attached to several buses, whose threads then call it at the same time. If it
    defines `attached()`, each bus calls that before anything else, so that of several `close` calls it
    can tell the last.

    One that holds events beyond `export` may say how many bytes by `held_bytes`: they are part of the bus's
    `max_bytes`. If it defines `may_hold(max_bytes)`, the bus tells it how many it can spare.

    One that counts what it is not shown (see `tracebus.keeping`) may define `passed_over(batch)`, which gets
    the events that `keep` left out. One that settles for itself may define `copy_to_hold(event, notes)`,
    which returns the event as it wants to be shown it later: what it never reads is not held. `notes` is a
    set for each root run, in which it may note what the run's later events depend on.

    One that is named by a URL may define `check()`, which raises, before anything is exported, if it never
    could be.

    After `os.fork`, an exporter that holds sockets or file handles may define `after_fork()`,
    which the bus calls in the child before the next `export`. In a child that publishes nothing the
    exporter is not called at all, not even to be closed: what it holds is the parent's.
    """

    def export(self, batch: Sequence[Event], /) -> None:
        """Hand over *batch*, in order of `seq`.

        Raise to have the same batch offered again after a pause; after some attempts the bus gives
        it up and counts its events as lost.
        """
        ...

    def flush(self, timeout: float, /) -> None:
        """Bring everything handed over to its destination, within *timeout* seconds."""
        ...

    def close(self) -> None:
        """Release what the exporter holds. Nothing is called afterwards."""
        ...


BatchCallable: TypeAlias = "Callable[[Sequence[Event]], None]"
"""A plain function of a batch: the least an exporter can be."""


class _CallableExporter:
    """A plain function made an exporter."""

    def __init__(self, function: BatchCallable) -> None:
        self._function = function

    def __repr__(self) -> str:
        return repr(self._function)

    def export(self, batch: Sequence[Event], /) -> None:
        self._function(batch)

    def flush(self, timeout: float, /) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is held."""


def settles_itself(exporter: Exporter) -> bool:
    """Tell whether *exporter* wants payloads as they were captured."""
    return getattr(exporter, "settles_itself", False) is True


def reads_few(exporter: Exporter) -> bool:
    """Tell whether *exporter* leaves nearly all payloads as they were captured."""
    return settles_itself(exporter) and getattr(exporter, "reads_few", False) is True


def reads_along(exporter: Exporter) -> bool:
    """Tell whether *exporter* is one of ours that nobody asked for: it alone lets no payload go."""
    return getattr(exporter, "reads_along", False) is True


def tell_attached(exporter: Exporter, max_bytes: int) -> None:
    """Tell *exporter* of a bus more, of *max_bytes*, if it wants to know."""
    attached = getattr(exporter, "attached", None)
    if callable(attached):
        attached()
    may_hold = getattr(exporter, "may_hold", None)
    if callable(may_hold):
        may_hold(max_bytes // _SHARE_TO_HOLD)


def own_counts(exporter: Exporter, name: str, tally: Tally) -> dict[str, int]:
    """Return what *exporter*, called *name*, counts itself, where it does."""
    count = getattr(exporter, "statistics", None)
    if not callable(count):
        return {}
    try:
        return {str(what): int(number) for what, number in count().items()}
    except Exception as error:  # noqa: BLE001 - the exporter's own code, on the caller's path
        tally.complain("statistics_failures", f"{name} could not be asked", error)
        return {}


def as_exporter(candidate: Exporter | BatchCallable) -> Exporter:
    """Return *candidate* as an exporter.

    Raises:
        TypeError: it is neither an exporter nor callable.
    """
    if isinstance(candidate, Exporter):
        return candidate
    if callable(candidate):
        return _CallableExporter(candidate)
    raise TypeError(
        f"{candidate!r} is no exporter: give an object with export(batch), flush(timeout) and close(), "
        "a function of a batch, or a URL such as 'structlog' or 'jsonl:events.jsonl'"
    )
