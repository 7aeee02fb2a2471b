"""The closed union of events: what happened to a run, in the past tense, immutable."""

from __future__ import annotations

import enum
from functools import partial
from typing import Any, Literal, TypeAlias

import msgspec

SCHEMA_VERSION = 1
"""Version of the events' wire form. Rises when an old reader would misread a new event."""

# No event is tracked by the cyclic garbage collector (`gc=False`): what it holds is JSON, which has no
# cycles, and a ring of 65,536 events would be looked through at every full collection of the program's,
# which cost more than writing them. Before it is settled an event may hold the program's own objects;
# one that leads back to the bus keeps a bus nobody reads alive.

# A C callable, because it runs once per event on the hot path; a factory rather than a default,
# because `omit_defaults` would leave the version out of the encoded form.
_current_schema_version = partial(int, SCHEMA_VERSION)


class RunKind(enum.StrEnum):
    """What sort of Runnable a run executed."""

    CHAIN = "chain"
    PROMPT = "prompt"
    PARSER = "parser"
    CHAT_MODEL = "chat_model"
    LLM = "llm"
    TOOL = "tool"
    RETRIEVER = "retriever"
    EMBEDDING = "embedding"
    AGENT = "agent"
    GRAPH = "graph"
    NODE = "node"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, _value: object) -> RunKind:
        """Read a newer writer's kind as `unknown`: a row in a tree is better than an error."""
        return cls.UNKNOWN


class Outcome(enum.StrEnum):
    """How a run ended."""

    OK = "ok"
    ERROR = "error"
    CANCELLED = "cancelled"
    """The program cancelled it (`asyncio.CancelledError`), directly or through a parent."""
    ABANDONED = "abandoned"
    """Nobody waited for its end: a stream left early, a background task, an exiting process."""
    INTERRUPTED = "interrupted"
    """It paused on purpose to be resumed later (a LangGraph interrupt)."""


CutReason: TypeAlias = Literal[
    "content", "redacted", "length", "items", "depth", "size", "cycle", "binary", "unserialisable", "memory"
]
"""Why a value in an event is not what the program had.

content: the content switch is off, or no reader wanted it in time. redacted: a key or the redaction
function said so. length: a string was shortened. items: a container was shortened. depth: nested too
deeply. size: the whole payload's budget was used up. cycle: the value contains itself. binary: bytes,
of which the size is kept. unserialisable: the value has no JSON form and its `repr` failed. memory: let
go because the bus held more than its `max_bytes`, or because every reader there was had read it.
"""


class Cut(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A place in an event where something was left out, and why."""

    path: str
    """JSON Pointer (RFC 6901) from the event, for example `/inputs/messages/0/content`."""
    reason: CutReason
    size: int | None = None
    """The original size: characters of a string, items of a container, bytes of binary data."""


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The model behind a `chat_model`, `llm` or `embedding` run."""

    provider: str | None = None
    """LangChain's `ls_provider`, for example `openai`."""
    name: str | None = None
    """The model asked for (on `RunStarted`) or the model that answered (on `RunEnded`)."""
    parameters: dict[str, Any] = {}
    """Request parameters by LangChain's names: temperature, max_tokens, stop …"""


class TokenUsage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Tokens one model run used. A count nobody reported is `None`, which is not zero.

    `input_tokens` and `output_tokens` are inclusive, as LangChain's `UsageMetadata` has them: the
    details below are parts of them and must not be added to them.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cache_read_tokens: int | None = None
    """Part of the input read from the provider's prompt cache."""
    cache_creation_tokens: int | None = None
    """Part of the input written to the provider's prompt cache."""
    reasoning_tokens: int | None = None
    """Part of the output spent on reasoning."""
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    other: dict[str, int] = {}
    """Further details as the provider named them, prefixed `input_` or `output_`."""


class ErrorInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An exception, described."""

    type: str
    """The class's qualified name with its module, `ValueError` for a built-in."""
    message: str = ""
    traceback: str | None = None
    """The formatted traceback, innermost frame last."""


class BatchMembership(msgspec.Struct, frozen=True, gc=False):
    """Which batch call a root run belongs to."""

    id: str
    index: int
    """Position of the run's input in the batch, from 0."""
    size: int


class Link(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Another run this run continues or belongs to, not being its child."""

    run_id: str | None = None
    traceparent: str | None = None
    """A W3C Trace Context `traceparent` header value."""
    relation: str = "related"


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Why an exit with `keep` let a root run out."""

    reasons: tuple[str, ...]
    """`error`, `slow`, `cost`, `tokens`, `loop`, `sampled`, `share`; `large` and `long` for a run that could
    not be held any longer."""
    share: float = 1.0
    """The part of the runs like this one that are kept: this one stands for `1 / share` of them."""


class ToolCallFragment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A piece of a tool call as the model streams it; pieces with one `index` belong together."""

    index: int | None = None
    id: str | None = None
    name: str | None = None
    args: str = ""


class _Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", gc=False):
    seq: int = 0
    """Position in the log the event stands in, from 1; 0 while it stands in none."""
    time: int
    """Nanoseconds since the Unix epoch."""
    schema_version: int = msgspec.field(default_factory=_current_schema_version)


class _RunRecord(_Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    run_id: str
    parent_run_id: str | None = None
    root_run_id: str
    """The topmost run's id: the run's own where it has no parent."""
    cuts: tuple[Cut, ...] = ()
    """What was left out of this event."""


class RunStarted(_RunRecord, frozen=True, kw_only=True, omit_defaults=True, tag="run_started", gc=False):
    """A run began."""

    kind: RunKind
    name: str
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    inputs: Any = None
    """JSON. Chat models: `{"messages": [...]}`, LLMs: `{"prompts": [...]}`, retrievers:
    `{"query": ...}`."""
    model: ModelInfo | None = None
    partial_variables: dict[str, Any] | None = None
    """Prompts: the variables the template brings itself, JSON; `inputs` has what it was given."""
    tool_call_id: str | None = None
    """The id of the model's tool call that this tool run answers."""
    batch: BatchMembership | None = None
    links: tuple[Link, ...] = ()
    attempt: int | None = None
    """Which attempt of a retried step this is, from 1; `None` where nothing said so."""
    traceparent: str | None = None
    """The ambient W3C trace context when a root run began, where one was known."""


class RunStreamed(_RunRecord, frozen=True, kw_only=True, omit_defaults=True, tag="run_streamed", gc=False):
    """A run put something out while running: one event per chunk."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallFragment, ...] = ()
    chunk: Any = None
    """The raw chunk as JSON, where `Capture(raw_chunks=True)` asked for it."""


class RunEnded(_RunRecord, frozen=True, kw_only=True, omit_defaults=True, tag="run_ended", gc=False):
    """A run ended. Every `RunStarted` is followed by exactly one."""

    outcome: Outcome
    outputs: Any = None
    """JSON. Chat models: `{"messages": [...]}`, LLMs: `{"completions": [...]}`, retrievers:
    `{"documents": [...]}`, interrupted nodes: `{"interrupts": [...]}`."""
    inputs: Any = None
    """The inputs, where they were not known at the start (a streamed step); they replace the start's."""
    usage: TokenUsage | None = None
    """What this run itself used. Only model runs have it: totals of parents are computed by folds."""
    error: ErrorInfo | None = None
    finish_reasons: tuple[str, ...] = ()
    model: ModelInfo | None = None
    """The model that answered, where the response named it."""
    response_id: str | None = None
    cached: bool = False
    """The answer came out of LangChain's cache: `usage` is then zero, since nothing was consumed."""
    kept: Kept | None = None
    """Root runs that came through an exit with `keep`: why it let them out."""


class RunRetried(_RunRecord, frozen=True, kw_only=True, omit_defaults=True, tag="run_retried", gc=False):
    """A run, or a step inside it, is about to be tried again."""

    attempt: int
    """The number of the attempt that follows, from 2."""
    error: ErrorInfo | None = None
    """Why the attempt before failed, where known."""
    delay: float | None = None
    """Seconds waited before the attempt, where known."""


class CustomEmitted(
    _RunRecord, frozen=True, kw_only=True, omit_defaults=True, tag="custom_emitted", gc=False
):
    """The program said something of its own inside a run."""

    name: str
    """The name given to `dispatch_custom_event`; `agent_action`, `agent_finish` or `text` for the
    legacy callbacks of these names."""
    data: Any = None


class Gap(_Record, frozen=True, kw_only=True, omit_defaults=True, tag="gap", gc=False):
    """Events this reader did not get: those with `seq - missed < s <= seq`."""

    missed: int
    """How many."""


RunEvent: TypeAlias = RunStarted | RunStreamed | RunEnded | RunRetried | CustomEmitted
"""Every event about a run."""

Event: TypeAlias = RunStarted | RunStreamed | RunEnded | RunRetried | CustomEmitted | Gap
"""Everything a reader of a log can meet. The union is closed: match it and end in `assert_never`."""
