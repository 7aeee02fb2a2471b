"""Payloads that are turned into JSON later than they are captured."""

from __future__ import annotations

import _thread
import os
import threading
from abc import abstractmethod
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from tracebus.events._model import CustomEmitted, Cut, Gap, RunEnded, RunRetried, RunStarted, RunStreamed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tracebus.events._model import CutReason, Event

_DEFERRABLE: dict[type, tuple[str, ...]] = {
    RunStarted: ("inputs", "metadata", "model", "partial_variables"),
    RunStreamed: ("chunk",),
    RunEnded: ("usage", "outputs", "inputs", "error"),
    RunRetried: ("error",),
    CustomEmitted: ("data",),
    Gap: (),
}

_VALUES: dict[type, Callable[[Event], tuple[object, ...]]] = {
    RunStarted: attrgetter(*_DEFERRABLE[RunStarted]),
    RunStreamed: lambda event: (event.chunk,),  # type: ignore[union-attr]  # by type
    RunEnded: attrgetter(*_DEFERRABLE[RunEnded]),
    RunRetried: lambda event: (event.error,),  # type: ignore[union-attr]  # likewise
    CustomEmitted: lambda event: (event.data,),  # type: ignore[union-attr]  # likewise
    Gap: lambda _: (),
}
"""By type: returns what may be deferred, in one go; field by field it takes twice as long."""

_LONG: dict[type, tuple[str, ...]] = {
    RunStarted: ("inputs",),
    RunStreamed: ("chunk",),
    RunEnded: ("outputs", "inputs"),
    RunRetried: (),
    CustomEmitted: ("data",),
    Gap: (),
}

# Settling runs the program's code (a `repr`, a redaction function), which may publish and so settle again,
# and may take long: whoever settles a field claims that field and nothing else.
_claims: dict[tuple[int, str], _Claim] = {}
_PATIENCE = 40.0
"""Seconds a reader waits for another that settles the same field; a redaction function may take 30."""


class _Claim:
    """Somebody is settling a field of an event."""

    __slots__ = ("lock", "thread")

    def __init__(self) -> None:
        self.thread = _thread.get_ident()
        self.lock = _thread.allocate_lock()
        self.lock.acquire()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_claims.clear)  # the threads that held them do not exist there


class Deferred:
    """A payload captured on the hot path, in an event's field until somebody reads the event.

    A base class rather than a Protocol: `isinstance` with a Protocol costs microseconds an event.
    The bus settles every event before a reader sees it, so readers never meet one.
    """

    __slots__ = ()

    bound: int = 512
    """Bytes it keeps at most, by a look that costs nothing; one that does not say so is small."""

    def settle_at_once(self, event: Event, field: str) -> bool:  # noqa: ARG002  # the usual answer
        """Do what `settle_into` does if no code of the program runs in it; else do nothing and return false.

        Several threads may do so at the same time, and must come to the same.
        """
        return False

    @abstractmethod
    def settle_into(self, event: Event, field: str) -> None:
        """Replace this object in *event*'s *field* by its JSON form and note there what was cut.

        Must leave no `Deferred` in the field, whatever happens.
        """

    def lasting(self) -> int | None:
        """Return about how many bytes it keeps, if it may be settled at any time with the same result.

        `None` where something of the program is in it, which may change, or whose life it prolongs.
        """
        return None

    def has(self, *path: str) -> bool:  # noqa: ARG002  # for who knows
        """Tell whether there will be a list with something in it at *path*, past lists of one.

        `False` where only settling can tell.
        """
        return False


def settle(event: Event, fields: Iterable[str] | None = None) -> Event:
    """Turn what is deferred in *event* into JSON, in place, once; return the event.

    With *fields* only those, of the names the event's type has: what nobody reads costs nobody.
    Thread-safe: readers on several threads may settle the same event.

    Raises:
        BaseException: whatever a payload's `settle_into` raises, once; its field is then empty.
    """
    for field in _DEFERRABLE[type(event)] if fields is None else fields:
        value = getattr(event, field)
        if isinstance(value, Deferred) and not value.settle_at_once(event, field):
            _settle_field(event, field)
    return event


def _settle_field(event: Event, field: str) -> None:
    mine = _Claim()
    claim = _claims.setdefault((id(event), field), mine)
    if claim is not mine:
        _settled_by_another(claim, event, field)
        return
    try:
        value = getattr(event, field)
        if isinstance(value, Deferred):  # else another reader was faster
            value.settle_into(event, field)
    except BaseException as error:
        interrupt = isinstance(error, KeyboardInterrupt)
        if interrupt and threading.current_thread() is threading.main_thread():
            raise  # the program's business; the field is settled by the next who looks
        msgspec.structs.force_setattr(event, field, _empty(event, field))
        if interrupt:  # no Ctrl-C comes to this thread: it is the payload's own code, and would again
            raise RuntimeError("a payload's own code raised KeyboardInterrupt") from error
        raise
    finally:
        _claims.pop((id(event), field), None)
        mine.lock.release()


def _settled_by_another(claim: _Claim, event: Event, field: str) -> None:
    """Wait until *field* is settled; where that takes too long, do without it."""
    if claim.thread != _thread.get_ident() and claim.lock.acquire(timeout=_PATIENCE):
        claim.lock.release()
        if isinstance(getattr(event, field), Deferred):  # given up by an interrupt
            _settle_field(event, field)
    if isinstance(getattr(event, field), Deferred):
        _leave_out(event, field, "unserialisable")


def _leave_out(event: Event, field: str, reason: CutReason) -> None:
    msgspec.structs.force_setattr(event, field, _empty(event, field))
    cut = Cut("/text" if field == "chunk" else f"/{field}", reason)
    msgspec.structs.force_setattr(event, "cuts", (*getattr(event, "cuts", ()), cut))


def _empty(event: Event, field: str) -> object:
    """Return what *field* holds where nothing is known."""
    return {} if field == "metadata" and type(event) is RunStarted else None


def payloads_of(event: Event) -> list[object]:
    """Return what *event* holds in the fields that may be deferred."""
    return [value for field in _DEFERRABLE[type(event)] if (value := getattr(event, field)) is not None]


def without_payload(event: Event) -> Event | None:
    """Return *event* without its long payloads, which are noted as cut; `None` where it has none.

    What is deferred in other fields stays so.
    """
    changes: dict[str, object] = {}
    cuts: tuple[Cut, ...] = getattr(event, "cuts", ())
    for field in _LONG[type(event)]:
        value = getattr(event, field)
        if value is not None and value != {}:
            changes[field] = _empty(event, field)
            cuts += (Cut(f"/{field}", "memory"),)
    return msgspec.structs.replace(event, **changes, cuts=cuts) if changes else None


def let_go(event: Event) -> None:
    """Empty what is still deferred in *event*, and note the cut: nobody is going to read it."""
    for field in _DEFERRABLE[type(event)]:
        if isinstance(getattr(event, field), Deferred) and (id(event), field) not in _claims:
            _leave_out(event, field, "content")


def settle_all(events: Iterable[Event]) -> None:
    """Settle every one of *events*."""
    for event in events:
        for value in _VALUES[type(event)](event):
            if value is not None and isinstance(value, Deferred):
                settle(event)
                break
