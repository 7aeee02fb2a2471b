"""The facts of one run, from its own events alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import ModelInfo, RunKind
from tracebus.tree import _counters
from tracebus.tree._output import provider_calls_of, reasoning_of, text_of, tool_calls_of
from tracebus.tree._status import RunStatus
from tracebus.tree._totals import Totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import (
        BatchMembership,
        CustomEmitted,
        ErrorInfo,
        Link,
        RunEnded,
        RunRetried,
        RunStarted,
        TokenUsage,
    )
    from tracebus.tree._stream import Stream, ToolCall

_NANO = 1_000_000_000
_MODEL_KINDS = frozenset((RunKind.CHAT_MODEL, RunKind.LLM, RunKind.EMBEDDING))


class RunFacts(Totals):
    """What a run was, was given, gave, took and used. `RunNode` says what the attributes are."""

    __slots__ = (
        "custom_events",
        "end",
        "first_token_at",
        "last_at",
        "own_counters",
        "retry_events",
        "root_run_id",
        "run_id",
        "start",
        "status",
        "stream",
    )

    def __init__(self, run_id: str, root_run_id: str) -> None:
        self.run_id = run_id
        self.root_run_id = root_run_id
        self.start: RunStarted | None = None
        self.end: RunEnded | None = None
        self.status = RunStatus.LOST
        self.last_at = 0
        self.first_token_at: int | None = None
        self.custom_events: Sequence[CustomEmitted] = ()
        self.retry_events: Sequence[RunRetried] = ()
        self.stream: Stream | None = None
        self.own_counters = 0

    # What it is.

    @property
    def name(self) -> str:
        """Return the run's name; `?` where its start has not been seen."""
        return self.start.name if self.start is not None else "?"

    @property
    def kind(self) -> RunKind:
        """Return what sort of Runnable ran."""
        return self.start.kind if self.start is not None else RunKind.UNKNOWN

    @property
    def tags(self) -> tuple[str, ...]:
        """Return the run's tags."""
        return self.start.tags if self.start is not None else ()

    @property
    def metadata(self) -> dict[str, Any]:
        """Return the run's metadata."""
        return self.start.metadata if self.start is not None else {}

    @property
    def links(self) -> tuple[Link, ...]:
        """Return the runs this one continues or belongs to without being their child."""
        return self.start.links if self.start is not None else ()

    @property
    def batch(self) -> BatchMembership | None:
        """Return which batch call the run belongs to."""
        return self.start.batch if self.start is not None else None

    @property
    def is_model(self) -> bool:
        """Return whether the run is a model call, which is expected to report its usage."""
        return self.start is not None and self.start.kind in _MODEL_KINDS

    @property
    def model(self) -> ModelInfo | None:
        """Return the model: the one that answered where the answer named it, else the one asked for."""
        asked = self.start.model if self.start is not None else None
        answered = self.end.model if self.end is not None else None
        if asked is None or answered is None:
            return answered or asked
        return ModelInfo(
            provider=answered.provider or asked.provider,
            name=answered.name or asked.name,
            parameters=asked.parameters or answered.parameters,
        )

    # What went in and came out.

    @property
    def inputs(self) -> Any:
        """Return the inputs; late ones, known only at the end, replace the start's."""
        if self.end is not None and self.end.inputs is not None:
            return self.end.inputs
        return self.start.inputs if self.start is not None else None

    @property
    def outputs(self) -> Any:
        """Return the outputs; `None` before the end."""
        return self.end.outputs if self.end is not None else None

    @property
    def error(self) -> ErrorInfo | None:
        """Return the exception that ended the run."""
        return self.end.error if self.end is not None else None

    @property
    def text(self) -> str:
        """Return the text streamed so far; for a model that did not stream, the text of its answer."""
        streamed = self.stream.text if self.stream is not None else ""
        return streamed or text_of(self.outputs)

    @property
    def reasoning(self) -> str:
        """Return the reasoning streamed so far; for a model that did not stream, that of its answer."""
        streamed = self.stream.reasoning if self.stream is not None else ""
        return streamed or reasoning_of(self.outputs)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Return the tool calls asked for so far, put together from their fragments.

        After the end those the provider ran itself are among them.
        """
        streamed = self.stream.tool_calls if self.stream is not None else ()
        called = streamed or tool_calls_of(self.outputs)
        known = {call.id for call in called}
        return (*called, *(call for call in provider_calls_of(self.outputs) if call.id not in known))

    @property
    def chunks(self) -> int:
        """Return how many chunks with content were streamed. Chunks are not tokens."""
        return self.stream.chunks if self.stream is not None else 0

    @property
    def attempts(self) -> int:
        """Return how many attempts are known to have been made, at least 1.

        Counts what this run announced about itself or the step inside it, and, for a run that is itself
        one attempt of a retried step, its own number.
        """
        own = self.start.attempt if self.start is not None else None
        return max(1, own or 1, *(event.attempt for event in self.retry_events))

    # When.

    @property
    def started_at(self) -> int | None:
        """Return the start in nanoseconds since the epoch."""
        return self.start.time if self.start is not None else None

    @property
    def ended_at(self) -> int | None:
        """Return the end in nanoseconds since the epoch; of a lost run, its last sign of life."""
        if self.end is not None:
            return self.end.time
        return (self.last_at or None) if self.status is RunStatus.LOST else None

    @property
    def duration(self) -> float | None:
        """Return how long it ran, in seconds; `None` while it runs or where its start was not seen."""
        ended_at = self.ended_at
        return None if ended_at is None else self.elapsed(ended_at)

    @property
    def time_to_first_token(self) -> float | None:
        """Return the seconds from the start to the first token, its own or a descendant's."""
        return None if self.first_token_at is None else self._since_start(self.first_token_at)

    @property
    def tokens_per_second(self) -> float | None:
        """Return the output tokens per second between the first token and the end.

        `None` before the end, and where the run did not stream or did not report its own usage.
        """
        if self.end is None or self.end.usage is None or self.end.usage.output_tokens is None:
            return None
        return self._rate(self.end.usage.output_tokens, self.end.time)

    def elapsed(self, now: int) -> float | None:
        """Return the seconds from the start to the end, or to *now* (ns since the epoch) while it runs."""
        ended_at = self.ended_at
        return self._since_start(now if ended_at is None else ended_at)

    def chunks_per_second(self, now: int) -> float | None:
        """Return the rate of chunks so far: what is known of a running model's speed."""
        return self._rate(self.chunks, now if self.end is None else self.end.time)

    # How much.

    @property
    def own_usage(self) -> TokenUsage | None:
        """Return the tokens this run itself reported."""
        return self.end.usage if self.end is not None else None

    @property
    def own_cost(self) -> float | None:
        """Return the price in US dollars of the tokens this run itself reported."""
        return _counters.own_cost(self.own_counters)

    def _since_start(self, time: int) -> float | None:
        return None if self.start is None else max(0, time - self.start.time) / _NANO

    def _rate(self, amount: int, until: int) -> float | None:
        stream = self.stream
        # One chunk is no stream: the time after it says nothing about the model's speed.
        if stream is None or stream.first_at is None or stream.chunks < 2:  # noqa: PLR2004 - said above
            return None
        lasted = until - stream.first_at
        return amount * _NANO / lasted if lasted > 0 else None
