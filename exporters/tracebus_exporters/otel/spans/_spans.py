"""The span of an open run, and the contract of what sends spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import ErrorInfo, RunEnded, RunStarted
    from tracebus_exporters.otel.spans._ids import SpanIds

_MOST_INTERVALS = 4_096
CLIENT = 3
INTERNAL = 1
"""Span kinds, as OTLP numbers them."""


class SpanLink(NamedTuple):
    """A pointer to another span."""

    ids: SpanIds
    attributes: dict[str, Any]


class SpanEvent(NamedTuple):
    """Something that happened at one moment of a span."""

    time: int
    name: str
    attributes: dict[str, Any]


class Shape:
    """A span's name, kind and start attributes, without the run's id."""

    __slots__ = ("attributes", "called", "encoded", "kept", "kind", "name", "operation", "social")

    def __init__(self, span: OpenSpan, *, social: bool) -> None:
        self.operation = span.operation
        self.name = span.name
        self.kind = span.kind
        self.called = span.called
        self.kept = span.kept
        self.social = social
        """Whether the runs have to do with others: see `ask_neighbours`."""
        self.attributes: dict[str, Any] = {}
        """Shared by all spans of the shape: nobody may change it."""
        self.encoded: bytes | None = None
        """Name, kind and attributes as OTLP bytes, once somebody made them."""

    def of(self, event: RunStarted) -> OpenSpan:
        """Return the span of the run that *event* starts, which has this shape."""
        span = OpenSpan(event, self.operation, self.name, self.kind)
        span.called = self.called
        span.kept = self.kept
        span.shape = self
        span.attributes = self.attributes
        return span


class Prompt(Protocol):
    """A prompt template that was filled in."""

    @property
    def variables(self) -> dict[str, Any]:
        """What it was filled with."""
        ...

    def name_attributes(self) -> dict[str, str]:
        """Return its name and version, where it has them."""
        ...

    def variable_attributes(self) -> dict[str, Any]:
        """Return what it was filled with, which is content."""
        ...


class Agency(Protocol):
    """What an agent's own model and tool calls say of the agent."""

    inference_calls: int
    tool_calls: int
    finish_reasons: tuple[str, ...]
    """Those of its last call."""
    instructions: list[dict[str, Any]] | None
    tools: list[dict[str, Any]] | None

    def asks(self, span: OpenSpan, definitions: list[dict[str, Any]] | None, /) -> None:
        """Learn from the start of a model call of the agent's own."""

    def heard(self, span: OpenSpan, ended: RunEnded, /) -> None:
        """Count a call of the agent's own that has ended."""

    def uses(self, ended: RunEnded, /) -> None:
        """Add what a model inside used."""

    def attributes(self) -> dict[str, Any]:
        """Return what the agent's span says of its calls."""
        ...


class OpenSpan:
    """A run that has started and not ended, with all that its end will need."""

    __slots__ = (
        "agency", "agent", "attributes", "called", "chunks", "description", "events", "failures",
        "first_chunk", "gapped", "ids", "intervals", "kept", "kind", "last_chunk", "links", "name", "native",
        "noticed",
        "operation", "parent", "passed_on", "prompt", "recording", "shape", "started", "teller",
        "tools",
    )  # fmt: skip

    def __init__(self, started: RunStarted, operation: str | None, name: str, kind: int) -> None:
        self.started = started
        self.operation = operation
        """`gen_ai.operation.name`; `None` for steps the conventions do not know."""
        self.name = name
        self.kind = kind
        self.kept = True
        """Whether it becomes a span; otherwise `ids` are those of its nearest kept ancestor."""
        self.parent: SpanIds | None = None
        self.ids: SpanIds | None = None
        self.recording = False
        """Whether anybody will see its attributes: what is not recorded need not be made."""
        self.native: Any = None
        """The sink's own object for this span."""
        self.agent: OpenSpan | None = None
        """The nearest agent around the run, or the run itself if it is one."""
        self.attributes: dict[str, Any] = {}
        """Those of the start, without the run's id, which every span has."""
        self.shape: Shape | None = None
        """What name, kind and attributes share with many spans: then nobody may change `attributes`."""
        self.links: Sequence[SpanLink] = ()
        self.events: tuple[SpanEvent, ...] = ()
        self.first_chunk: int | None = None
        self.last_chunk = 0
        self.chunks = 0
        self.intervals: list[float] | None = None
        self.gapped = False
        self.teller = 0
        """Who told of the run: see `RunTable.teller`."""
        self.called: str | None = None
        """An agent's or a workflow's name, where a person gave it one."""
        self.agency: Agency | None = None
        """On an agent: what its calls say of it."""
        self.failures: list[ErrorInfo] | None = None
        """What runs inside failed with and an event told of."""
        self.passed_on = False
        """Whether the run failed with what a run inside had failed with."""
        self.prompt: Prompt | None = None
        """The template a model's messages came from; on another run, what its next model will have."""
        self.tools: dict[str, str] | None = None
        """On a root: the descriptions of tools its models were told of."""
        self.noticed: dict[str, Any] | None = None
        """On a root: what was noticed of it, as attributes."""
        self.description: str | None = None
        """A tool's or an agent's description."""

    def heard(self, time: int) -> None:
        """Note a chunk of the run's stream."""
        if self.first_chunk is None:
            self.first_chunk, self.intervals = time, []
        elif self.intervals is not None and len(self.intervals) < _MOST_INTERVALS:
            self.intervals.append((time - self.last_chunk) / 1e9)
        self.last_chunk = time
        self.chunks += 1


class Ending(NamedTuple):
    """How a span ends."""

    time: int
    attributes: dict[str, Any]
    """Those known at the end only; the start's are in the span. Bytes are JSON, a text."""
    error: str | None
    """The description of status ERROR; `None` leaves the status unset."""


class SpanSink(Protocol):
    """Brings spans out: through a `TracerProvider`, or straight to an OTLP backend."""

    def start(self, span: OpenSpan, /) -> SpanIds:
        """Begin *span* and return where it stands, having asked the sampler."""
        ...

    def end(self, span: OpenSpan, ending: Ending, /) -> None:
        """End *span*."""
        ...

    def flush(self, timeout: float, /) -> None:
        """Bring out what has ended within *timeout* seconds, or raise `TimeoutError`."""
        ...

    def close(self) -> None:
        """Bring out what can be within the stated deadline and count the rest as lost."""
        ...

    def after_fork(self) -> None:
        """Forget, in a forked child, what the parent will send."""
        ...

    def counts(self) -> dict[str, int]:
        """Return what was sent and what was lost."""
        ...
