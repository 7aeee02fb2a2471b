"""What the events of a ring keep in memory, in bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import Deferred, RunEnded, RunStarted, RunStreamed, payloads_of
from tracebus.memory import bytes_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracebus.events import Event

__all__ = ["Holdings", "bound_of", "weight_of"]


class _Shared:
    """Something several events hold. It is counted for the newest of them."""

    __slots__ = ("seq", "size", "thing")

    def __init__(self, thing: object, size: int, seq: int) -> None:
        self.thing = thing
        self.size = size
        self.seq = seq


class Holdings:
    """Counts what events keep, by their positions; not thread-safe.

    A message that a hundred events hold is counted once, for the newest of them: the others may go
    without any memory coming free. Estimates, exact to a small factor; what is added is what is taken off.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._own: dict[int, int] = {}
        self._carried: dict[int, list[int]] = {}
        self._shared: dict[int, _Shared] = {}
        self._weights: dict[int, tuple[Any, ...]] = {}

    def add(self, seq: int, own: int, shares: Iterable[tuple[object, int]], weights: tuple[Any, ...]) -> None:
        """Count the event at *seq*, which has *own* bytes and *shares* of things others may hold."""
        self._own[seq] = own
        self.bytes += own
        if weights:
            self._weights[seq] = weights
        for thing, size in shares:
            self._carry(seq, thing, size)

    def _carry(self, seq: int, thing: object, size: int) -> None:
        """Count *thing* for the event at *seq*, unless a newer one has it."""
        key = id(thing)
        known = self._shared.get(key)
        if known is None:
            self._shared[key] = _Shared(thing, size, seq)
            self.bytes += size
        elif known.seq >= seq:
            return
        else:
            known.seq = seq
        self._carried.setdefault(seq, []).append(key)

    def settled(self, seq: int) -> list[object]:
        """Count what the payloads at *seq* turned out to take; return what need not be kept any more.

        Payloads that made use of pieces stay: while they do, who stores events knows the pieces again.
        """
        weights = self._weights.get(seq)
        if weights is None:
            return []
        own = sum(weight.own for weight in weights)
        self.bytes += own - self._own.get(seq, own)
        self._own[seq] = own
        freed: list[object] = []
        for weight in weights:
            for key, text, size in weight.exchanged:
                known = self._shared.get(key)
                if known is not None and known.seq <= seq:
                    self.bytes -= known.size
                    freed.append(self._shared.pop(key))
                self._carry(seq, text, size)
            weight.exchanged = ()
        if any(weight.used for weight in weights):
            return freed
        return [*freed, self._weights.pop(seq)]

    def remove(self, seq: int) -> list[object]:
        """Count the event at *seq* no more; return what it alone kept, to be freed later."""
        freed: list[object] = [self._weights.pop(seq, None)]
        self.bytes -= self._own.pop(seq, 0)
        for key in self._carried.pop(seq, ()):
            known = self._shared.get(key)
            if known is None or known.seq != seq:  # counted for a newer event, or gone with one
                continue
            chain = self._shared.get(id(getattr(known.thing, "chain", None)))
            if chain is not None and chain.seq > seq:  # a newer list has it, too
                known.seq = chain.seq
                self._carried.setdefault(chain.seq, []).append(key)
            else:
                self.bytes -= known.size
                freed.append(self._shared.pop(key))
        return freed

    def clear(self) -> None:
        """Forget everything."""
        self.bytes = 0
        for table in (self._own, self._carried, self._shared, self._weights):
            table.clear()


def bound_of(event: Event) -> int:
    """Return at least what *event* keeps, as if it shared nothing: this is the program's path."""
    if type(event) is RunStarted:
        inputs = event.inputs
        bound = inputs.bound if isinstance(inputs, Deferred) else _bound(inputs)
        if event.metadata or event.model is not None or event.partial_variables is not None:
            bound += _bound(event.metadata) + _bound(event.model) + _bound(event.partial_variables)
        return bound
    if type(event) is RunEnded:
        outputs = event.outputs
        bound = outputs.bound if isinstance(outputs, Deferred) else _bound(outputs)
        if event.inputs is not None or event.usage is not None or event.error is not None:
            bound += _bound(event.inputs) + _bound(event.usage) + _bound(event.error)
        return bound
    if type(event) is RunStreamed and event.chunk is None:
        return len(event.text)
    return sum(map(_bound, payloads_of(event)))


def _bound(payload: Any) -> int:
    if isinstance(payload, Deferred):
        return payload.bound
    return 0 if payload is None else _estimate(payload)


def weight_of(event: Event) -> tuple[int, list[tuple[object, int]], tuple[Any, ...]]:
    """Return the bytes that *event* alone keeps, what it shares, and its deferred payloads' weights."""
    if type(event) is RunStreamed and event.chunk is None:
        return len(event.text), [], ()
    own = 0
    shares: list[tuple[object, int]] = []
    weights: list[Any] = []
    for payload in payloads_of(event):
        if not isinstance(payload, Deferred):
            own += _estimate(payload)
        elif (weigh := getattr(payload, "weigh", None)) is None:
            own += payload.bound
        else:
            weight = weigh()
            own += weight.own
            shares += weight.shares
            weights.append(weight)
    return own, shares, tuple(weights)


def _estimate(payload: Any) -> int:
    """Return about how many bytes plain JSON takes."""
    return bytes_of((payload,), set()) if payload else 0
