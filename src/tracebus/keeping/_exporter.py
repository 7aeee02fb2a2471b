"""An exporter in front of another, which passes on whole root runs or nothing of them."""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tracebus.bus import settles_itself
from tracebus.events import Gap, Kept, RunEnded, RunStarted
from tracebus.keeping._decision import reasons_of, sampled_flag, verdict
from tracebus.keeping._held import HeldRun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracebus.bus import Exporter
    from tracebus.events import Event, RunEvent
    from tracebus.keeping._rules import Rules

__all__ = ["KeepingExporter"]

_logger = logging.getLogger("tracebus")

_MAX_BYTES = 16_000_000
"""Bytes held where no bus says how many it can spare."""
_MOST_DECIDED = 10_000
"""Root runs whose decision is remembered for events that come late."""
_PATIENCE = 30.0
"""Seconds after its own end that a root run waits for runs below it that go on."""


class _Decided:
    """What was decided of a root run; its further events follow."""

    __slots__ = ("early", "foreign", "kept", "run")

    def __init__(self, run: HeldRun, kept: Kept | None, *, early: bool) -> None:
        self.kept = kept
        self.early = early
        """Whether its end is still to come, and with it the last word on why it is kept."""
        self.foreign = run.top != run.id
        """Whether the root runs in another process: what begins later under it is held anew."""
        self.run = run if early else None


class KeepingExporter:
    """Hands on those whole root runs to *inner* that one of *rules* is true of.

    A run that is over is decided on at once. One that the memory for held runs has no room for, or that is
    held for longer than `Rules.hold`, is decided on as it stands: kept if a rule is true of it, else what
    `Rules.overflow` says; what follows of it follows that decision.
    """

    def __init__(self, inner: Exporter, rules: Rules) -> None:
        self.inner = inner
        self.rules = rules
        self.__qualname__ = f"keep({getattr(inner, '__qualname__', type(inner).__name__)})"
        # Circles are in what was asked and answered, which is then settled, and held whole.
        copies = None if rules.loops else getattr(inner, "copy_to_hold", None)
        self._copy: Callable[[Event, set[str]], Event] | None = copies
        self.settles_itself = self._copy is not None and settles_itself(inner)
        """Whether payloads are left as they were captured; see `tracebus.bus.Exporter`."""
        self.reads_few = getattr(inner, "reads_few", False) is True
        self._pass_over: Callable[[Sequence[Event]], None] | None = getattr(inner, "passed_over", None)
        self._follows_flag = getattr(inner, "follows_sampled_flag", False) is True
        for name in ("linger", "exit_timeout"):
            if (value := getattr(inner, name, None)) is not None:
                setattr(self, name, value)
        self.max_held_bytes = _MAX_BYTES
        """Bytes that held runs take at most; the bus says how many."""
        self._buses = 0
        self._own_process()

    def __repr__(self) -> str:
        return f"keep({self.inner!r})"

    def _own_process(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._held: OrderedDict[str, HeldRun] = OrderedDict()
        self._touched: dict[str, HeldRun] = {}
        """Held runs of which this batch told."""
        self._decided: OrderedDict[str, _Decided] = OrderedDict()
        self.held_bytes = 0
        """Bytes of the events held, about; they are part of the bus's `max_bytes`."""
        self._ready: dict[int, tuple[Sequence[Event], list[Event]]] = {}
        """By thread: the batch it offered last, and what is to be handed on after that."""
        self._counts: dict[str, int] = dict.fromkeys(("runs_kept", "runs_left_out"), 0)
        self._left_out: list[Event] = []
        self._warned = False

    # What the bus calls ---------------------------------------------------------------------------

    def attached(self) -> None:
        """Count a bus more, and tell the exit."""
        self._buses += 1
        _call(self.inner, "attached")

    def check(self) -> None:
        """Have the exit say if it can never work."""
        _call(self.inner, "check")

    def after_fork(self) -> None:
        """Forget in a forked child what its parent holds."""
        if self._pid != os.getpid():
            self._own_process()
        _call(self.inner, "after_fork")

    def may_hold(self, max_bytes: int) -> None:
        """Take note that held runs may take *max_bytes* of memory."""
        self.max_held_bytes = max_bytes

    def export(self, batch: Sequence[Event], /) -> None:
        """Take *batch* in, and hand on the runs it decides."""
        with self._lock:
            me = threading.get_ident()
            before, ready = self._ready.get(me, ((), []))
            if before is not batch:  # else it is offered again, since handing on failed
                if ready:
                    self._count("lost", len(ready))
                ready = self._sorted(batch, me)
                self._ready[me] = (batch, ready)
                self._count_left_out()
        if ready:
            self.inner.export(ready)
        with self._lock:
            self._ready[me] = (batch, [])

    def flush(self, timeout: float, /) -> None:
        """Bring out what was handed on; runs that have not ended stay held."""
        self.inner.flush(timeout)

    def close(self) -> None:
        """Decide on what is still held, as it stands, and close the exit."""
        with self._lock:
            self._buses = max(0, self._buses - 1)
            me = threading.get_ident()
            ready = self._ready.pop(me, ((), []))[1]
            for run in list(self._held.values()):
                if run.teller == me or not self._buses:
                    self._decide(run, run.events[-1].time, ready)
            self._count_left_out()
        if ready:
            self.inner.export(ready)
        self.inner.close()

    def statistics(self) -> dict[str, int]:
        """Return how many root runs were kept, left out and are held, and what the exit counts."""
        count = getattr(self.inner, "statistics", None)
        inner = dict(count()) if callable(count) else {}
        with self._lock:
            own = {**self._counts, "runs_held": len(self._held), "held_bytes": self.held_bytes}
        if lost := own.pop("lost", 0) + inner.pop("lost", 0):
            own["lost"] = lost
        return {**inner, **own}

    # Deciding -------------------------------------------------------------------------------------

    def _sorted(self, batch: Sequence[Event], teller: int) -> list[Event]:
        """Hold what is to be held of *batch*; return what is to be handed on now."""
        ready: list[Event] = []
        held, touched = self._held, self._touched
        for event in batch:
            if isinstance(event, Gap):
                ready.append(event)
                continue
            run = held.get(event.root_run_id) or self._first_or_late(event, teller, ready)
            if run is None:
                continue
            run.events.append(event)
            if run.note(event):
                self._decide(run, event.time, ready)
            else:
                touched[run.id] = run
        if batch:
            self._take_stock(batch[-1].time, ready)
        return ready

    def _first_or_late(self, event: RunEvent, teller: int, ready: list[Event]) -> HeldRun | None:
        """Return the run that begins with *event*; `None` where it belongs to one that was decided on."""
        decided = self._decided.get(event.root_run_id)
        anew = decided is not None and decided.foreign and not decided.early
        if decided is not None and not (anew and isinstance(event, RunStarted)):
            self._follow(decided, event, ready)
            return None
        run = self._held[event.root_run_id] = HeldRun(event, teller)
        return run

    def _take_stock(self, now: int, ready: list[Event]) -> None:
        """Count what a batch left here, and decide on what must not be held any longer.

        Once a batch: most runs are over by then, and the bus empties events behind its readers.
        """
        for run in self._touched.values():
            self.held_bytes += run.take_stock(self._copy)
        self._touched.clear()
        self._end_waiting(now, ready)
        while self.held_bytes > self.max_held_bytes:
            largest = max(self._held.values(), key=lambda run: run.bytes)
            self._decide_early(largest, "large", now, ready)

    def _end_waiting(self, now: int, ready: list[Event]) -> None:
        """Decide on the runs that are held for too long, and those whose own end is long past."""
        while self._held:
            oldest = next(iter(self._held.values()))
            if oldest.ended is None and (now - oldest.began) / 1e9 > self.rules.hold:
                self._decide_early(oldest, "long", now, ready)
            elif oldest.ended is not None and (now - oldest.ended) / 1e9 > _PATIENCE:
                self._decide(oldest, now, ready)
            else:
                return

    def _decide(self, run: HeldRun, now: int, ready: list[Event]) -> None:
        kept = self._unless_unsampled(run, verdict(run, self.rules, now))
        self._settled(run, kept, early=False, ready=ready)

    def _decide_early(self, run: HeldRun, why: str, now: int, ready: list[Event]) -> None:
        reasons = reasons_of(run, self.rules, now)
        kept = Kept(reasons=(*reasons, why)) if reasons or self.rules.overflow == "keep" else None
        kept = self._unless_unsampled(run, kept)
        self._count(f"runs_too_{why}")
        if not self._warned:
            self._warned = True
            what = "is kept" if kept is not None else "is left out"
            _logger.warning(
                "%r: a run is too %s to be held (%d events, %d bytes, %.0f s) and %s as it stands; `hold`, "
                "`overflow` and the bus's max_bytes say when and how. Said once, counted in statistics()",
                self, why, len(run.events), run.bytes, run.lasted(now), what,
            )  # fmt: skip
        self._settled(run, kept, early=True, ready=ready)

    def _unless_unsampled(self, run: HeldRun, kept: Kept | None) -> Kept | None:
        """Return *kept*, or nothing where the trace's caller says that it is not recorded."""
        if not (self._follows_flag and sampled_flag(run.trace) is False):
            return kept
        self._count("runs_not_sampled")
        return None

    def _settled(self, run: HeldRun, kept: Kept | None, *, early: bool, ready: list[Event]) -> None:
        del self._held[run.id]
        self._touched.pop(run.id, None)
        self.held_bytes -= run.bytes
        self._count("runs_left_out" if kept is None else "runs_kept")
        self._decided[run.id] = _Decided(run, kept, early=early)
        if len(self._decided) > _MOST_DECIDED:
            self._decided.popitem(last=False)
        events, run.events, run.seen = run.events, [], set()
        if kept is not None:
            ready += events if early else [_marked(event, run.top, kept) for event in events]
        else:
            self._leave_out(events)

    def _follow(self, decided: _Decided, event: RunEvent, ready: list[Event]) -> None:
        """Have *event* follow what was decided of its root run."""
        run, kept = decided.run, decided.kept
        if run is not None:
            run.note(event)
        last = run is not None and isinstance(event, RunEnded) and event.run_id == run.top
        if kept is None:
            self._leave_out((event,))
        elif run is None or not last:
            ready.append(event)
        else:
            reasons = (*reasons_of(run, self.rules, event.time), *kept.reasons)
            ready.append(_marked(event, run.top, Kept(reasons=tuple(dict.fromkeys(reasons)))))
        if last:
            decided.early, decided.run = False, None

    def _leave_out(self, events: Sequence[Event]) -> None:
        if self._pass_over is not None:
            self._left_out += events

    def _count_left_out(self) -> None:
        """Show the exit what it does not get, so that its metrics count all."""
        if self._pass_over is None or not self._left_out:
            return
        events, self._left_out = self._left_out, []
        try:
            self._pass_over(events)
        except Exception:
            self._count("runs_uncounted")
            if self._counts["runs_uncounted"] == 1:
                _logger.exception("%r: the metrics lack runs that were left out", self)

    def _count(self, what: str, n: int = 1) -> None:
        self._counts[what] = self._counts.get(what, 0) + n


def _marked(event: Event, top: str, kept: Kept) -> Event:
    """Return *event*, with the reason where it is the end of the *top* run."""
    if not isinstance(event, RunEnded) or event.run_id != top:
        return event
    before = event.kept.share if event.kept is not None else 1.0  # what an earlier `keep` left
    return replace(event, kept=Kept(reasons=kept.reasons, share=kept.share * before))


def _call(exporter: Any, name: str) -> None:
    """Call one of the methods that an exporter may have."""
    method = getattr(exporter, name, None)
    if callable(method):
        method()
