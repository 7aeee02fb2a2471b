"""Numbers over all runs: rates, waits, and what each model and tool did."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tracebus.events import RunKind

if TYPE_CHECKING:
    from tracebus.events import RunEnded, RunStarted
    from tracebus.tree import RunNode

_WORTH_COUNTING = frozenset(
    (RunKind.CHAT_MODEL, RunKind.LLM, RunKind.TOOL, RunKind.RETRIEVER, RunKind.EMBEDDING, RunKind.NODE)
)
_KEPT = 512
_MOST_NAMES = 2_000
"""Programs that put an id in a name would make a tally for every run."""
_NANO = 1_000_000_000
_HISTORY = 60


class Tally:
    """What the runs of one name, or one model, added up to."""

    __slots__ = (
        "cost",
        "costs",
        "durations",
        "errors",
        "input",
        "kind",
        "name",
        "of_model",
        "output",
        "runs",
        "spent",
        "streamed",
        "streaming",
        "waits",
    )

    def __init__(self, name: str, kind: RunKind, *, of_model: bool) -> None:
        self.name = name
        self.kind = kind
        self.of_model = of_model
        """Whether the name is a model's; otherwise it is the runs' own."""
        self.runs = 0
        self.errors = 0
        self.input = 0
        self.output = 0
        self.cost = 0.0
        self.costs = False
        """Whether any price is known."""
        self.spent = 0.0
        """Seconds, all runs added up."""
        self.streamed = 0
        """Tokens of runs that streamed and said how many."""
        self.streaming = 0
        """Nanoseconds between the first token and the end of those."""
        self.durations: deque[float] = deque(maxlen=_KEPT)
        self.waits: deque[float] = deque(maxlen=_KEPT)
        """Times to first token."""

    def add(self, node: RunNode, start: RunStarted, end: RunEnded) -> None:
        """Count a run that has ended."""
        self.runs += 1
        self.errors += end.error is not None
        took = (end.time - start.time) / _NANO
        self.spent += took
        self.durations.append(took)
        usage = end.usage
        if usage is None:
            return
        self.input += usage.input_tokens or 0
        self.output += usage.output_tokens or 0
        if (cost := node.own_cost) is not None:
            self.cost += cost
            self.costs = True


class Meters:
    """Running numbers; `sample` once a second turns counts into rates."""

    def __init__(self) -> None:
        self.chunks = 0
        self.events = 0
        self.chunk_rates: deque[float] = deque(maxlen=_HISTORY)
        self.event_rate = 0.0
        self.waits: deque[float] = deque(maxlen=_KEPT)
        self.by_name: dict[str, Tally] = {}
        self._last = (0, 0)
        self._sampled_at: float | None = None

    def ended(self, node: RunNode, end: RunEnded) -> None:
        """Count a run that has ended."""
        start = node.start
        if start is None or start.kind not in _WORTH_COUNTING:
            return
        model = end.model or start.model
        name = model.name if model is not None and model.name else start.name
        tally = self.by_name.get(name)
        if tally is None:
            if len(self.by_name) >= _MOST_NAMES:
                return
            tally = self.by_name[name] = Tally(name, start.kind, of_model=name != start.name)
        tally.add(node, start, end)
        stream = node.stream
        if stream is not None and stream.first_at is not None:
            waited = (stream.first_at - start.time) / _NANO
            tally.waits.append(waited)
            self.waits.append(waited)
            usage = end.usage
            if usage is not None and usage.output_tokens and stream.chunks > 1:  # one chunk is no stream
                tally.streamed += usage.output_tokens
                tally.streaming += end.time - stream.first_at

    @staticmethod
    def name_of(node: RunNode) -> str:
        """Return the name a run is counted under: its model's, where it has one."""
        model = node.model
        return model.name if model is not None and model.name else node.name

    def sample(self, at: float) -> bool:
        """Take a reading at second *at* of any steady clock; return whether one was due."""
        if self._sampled_at is None:
            self._sampled_at, self._last = at, (self.chunks, self.events)
            return True
        passed = at - self._sampled_at
        if passed < 1:
            return False
        chunks, events = self._last
        self.chunk_rates.append((self.chunks - chunks) / passed)
        self.event_rate = (self.events - events) / passed
        self._sampled_at, self._last = at, (self.chunks, self.events)
        return True


def percentile(values: deque[float], share: float) -> float | None:
    """Return the value below which *share* (0 to 1) of *values* lie; `None` of none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
