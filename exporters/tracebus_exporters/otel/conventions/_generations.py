"""What the generations of the conventions have under which name: one table for each.

`0.1` is open-telemetry/semantic-conventions-genai v0.1.0, the first release since the GenAI conventions
left the common repository, whose last release with them was v1.41.0. The complete tables of v0.1.0 were
not at hand: where its changelog and pages say a thing, it is theirs, else that of commit 88eccb1 shortly
before. tests/otel/conventions/test_semconv.py has the copies and says which row is from where.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from collections.abc import Mapping

Version: TypeAlias = Literal["0.1", "latest", "1.41", "0.1/dup"]

DURATION_BUCKETS: Final = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip
TOKEN_BUCKETS: Final = tuple(4.0**exponent for exponent in range(14))
AGENT_BUCKETS: Final = (
    0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6,
)  # fmt: skip
CALL_BUCKETS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
WORKFLOW_BUCKETS: Final = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
_CACHE_READS = {
    name: attribute
    for modality, attribute in (
        ("text", sc.USAGE_TEXT_CACHE_READ),
        ("image", sc.USAGE_IMAGE_CACHE_READ),
        ("audio", sc.USAGE_AUDIO_CACHE_READ),
    )
    for name in (f"input_cache_read_{modality}", f"input_{modality}_cache_read")
}
BY_DETAIL: Final = {
    "input_text": sc.USAGE_TEXT_INPUT,
    "input_image": sc.USAGE_IMAGE_INPUT,
    "input_audio": sc.USAGE_AUDIO_INPUT,
    "output_text": sc.USAGE_TEXT_OUTPUT,
    "output_image": sc.USAGE_IMAGE_OUTPUT,
    "output_audio": sc.USAGE_AUDIO_OUTPUT,
    **_CACHE_READS,
}
"""The attribute of a count by modality, by LangChain's name of the detail with its side before it."""


class Instrument(NamedTuple):
    """A metric: its name, unit, bucket boundaries (none: a counter) and what it says."""

    name: str
    unit: str
    buckets: tuple[float, ...]
    description: str


class Duration(NamedTuple):
    """How long one operation took, and which of its span's attributes the metric has; `error.type` always."""

    instrument: Instrument
    attributes: tuple[str, ...]


class Tokens(NamedTuple):
    """How the tokens of one operation are measured."""

    counters: Mapping[str, Instrument]
    """By side (`input_tokens` …), split by `gen_ai.token.modality`."""
    histograms: Mapping[str, Instrument]
    """By side, one value a call."""
    by_type: Instrument | None = None
    """One histogram with `gen_ai.token.type`."""


class AgentCalls(NamedTuple):
    """How many calls of its own one invocation of an agent made."""

    inference: Instrument
    tool: Instrument


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of the conventions: attributes by meaning, instruments and events by operation."""

    schema_url: str
    """Empty where none is known to be published."""
    workflow_name: tuple[str, ...]
    """Attributes that carry a workflow's name."""
    cache_write: tuple[str, ...]
    """Attributes that carry the tokens written to the prompt cache."""
    request_top_k: type
    retrieval_top_k: tuple[str, type]
    internal: frozenset[str]
    """Operations whose spans have kind INTERNAL; the others' have CLIENT."""
    absent: frozenset[str]
    """Attributes that another generation has and this one does not; a name that ends in `.` is a prefix."""
    exceptions: Mapping[str, str]
    """The event of an exception, by operation."""
    durations: Mapping[str, Duration]
    first_chunk: Instrument
    between_chunks: Instrument
    tokens: Mapping[str, Tokens]
    agent_calls: AgentCalls | None
    modalities: Mapping[str, str]
    """Attributes of tokens by modality, by LangChain's name of the detail with its side before it."""
    noticed: Mapping[str, str]
    """Attributes of a root run's budget (the first is a prefix) and circles: ours, where it has none."""
    data_source_in_name: bool
    """Whether a retrieval's span is called by what it searches."""

    def instruments(self) -> dict[str, Instrument]:
        """Return every instrument by its name."""
        found = [self.first_chunk, self.between_chunks, *(self.agent_calls or ())]
        found += [duration.instrument for duration in self.durations.values()]
        for tokens in self.tokens.values():
            found += [*tokens.counters.values(), *tokens.histograms.values()]
            found += [tokens.by_type] if tokens.by_type else []
        return {instrument.name: instrument for instrument in found}


def _seconds(name: str, says: str, buckets: tuple[float, ...] = DURATION_BUCKETS) -> Instrument:
    return Instrument(name, "s", buckets, says)


_SIDES = (
    "input_tokens",
    "output_tokens",
    "cache_read.input_tokens",
    "cache_write.input_tokens",
    "reasoning.output_tokens",
)
_CLIENT = (
    sc.OPERATION_NAME,
    sc.PROVIDER_NAME,
    sc.REQUEST_MODEL,
    sc.RESPONSE_MODEL,
    sc.SERVER_ADDRESS,
    sc.SERVER_PORT,
)
_TOOL = Duration(
    _seconds("gen_ai.execute_tool.duration", "Duration of a tool's execution."),
    (sc.TOOL_NAME, sc.TOOL_TYPE, sc.AGENT_NAME),
)
_INVOKE_AGENT = _seconds("gen_ai.invoke_agent.duration", "Duration of an agent's invocation.", AGENT_BUCKETS)
_CALLS = AgentCalls(
    Instrument(
        "gen_ai.invoke_agent.inference_calls",
        "{inference_call}",
        CALL_BUCKETS,
        "Inference calls made by one agent invocation.",
    ),
    Instrument(
        "gen_ai.invoke_agent.tool_calls",
        "{tool_call}",
        CALL_BUCKETS,
        "Tool calls made by one agent invocation.",
    ),
)

_INFERENCE_0_1 = Duration(
    _seconds("gen_ai.client.inference.duration", "Duration of an inference call."), _CLIENT
)
_RUN_0_1 = Duration(_INVOKE_AGENT, (sc.OPERATION_NAME, sc.AGENT_NAME, sc.REQUEST_MODEL))
_TOKENS_0_1 = Tokens(
    counters={
        side: Instrument(
            f"gen_ai.client.inference.usage.{side}",
            "{token}",
            (),
            f"Tokens used ({side}) by inference calls.",
        )
        for side in _SIDES
    },
    histograms={
        side: Instrument(
            f"gen_ai.client.inference.operation.{side}",
            "{token}",
            TOKEN_BUCKETS,
            f"Tokens used ({side}) by one inference call.",
        )
        for side in ("input_tokens", "output_tokens")
    },
)

_NOTICED: Final = {
    "budget": sc.BUDGET,
    "budget_exceeded": sc.BUDGET_EXCEEDED,
    "loop_kinds": sc.LOOP_KINDS,
    "loop_of": sc.LOOP_OF,
    "loop_count": sc.LOOP_COUNT,
    "loop_runs": sc.LOOP_RUNS,
    "loop_tokens": sc.LOOP_TOKENS,
    "loop_cost": sc.LOOP_COST,
}

V0_1: Final = Generation(
    # The tag's manifest was not to be had, and no URL says less wrong than one never published.
    schema_url="",
    # `gen_ai.workflow.name` is no name of this generation but one backends have learnt.
    workflow_name=(sc.AGENT_NAME, sc.WORKFLOW_NAME),
    # Phoenix 20 reads the old spelling alone, so both are written.
    cache_write=(sc.USAGE_CACHE_WRITE, sc.USAGE_CACHE_CREATION),
    request_top_k=int,
    retrieval_top_k=(sc.RETRIEVAL_TOP_K, int),
    internal=frozenset((sc.EXECUTE_TOOL, sc.INVOKE_AGENT, sc.INVOKE_WORKFLOW, sc.RETRIEVAL)),
    absent=frozenset(),
    exceptions={
        sc.CHAT: sc.EVENT_INFERENCE_EXCEPTION,
        sc.TEXT_COMPLETION: sc.EVENT_INFERENCE_EXCEPTION,
        sc.EXECUTE_TOOL: sc.EVENT_TOOL_EXCEPTION,
        sc.EMBEDDINGS: sc.EVENT_OPERATION_EXCEPTION,
        sc.RETRIEVAL: sc.EVENT_OPERATION_EXCEPTION,
        sc.INVOKE_AGENT: sc.EVENT_OPERATION_EXCEPTION,
        sc.INVOKE_WORKFLOW: sc.EVENT_OPERATION_EXCEPTION,
    },
    durations={
        sc.CHAT: _INFERENCE_0_1,
        sc.TEXT_COMPLETION: _INFERENCE_0_1,
        sc.EMBEDDINGS: Duration(
            _seconds("gen_ai.client.embeddings.duration", "Duration of an embeddings call."), _CLIENT
        ),
        sc.RETRIEVAL: Duration(_seconds("gen_ai.retrieval.duration", "Duration of a retrieval."), _CLIENT),
        sc.EXECUTE_TOOL: _TOOL,
        sc.INVOKE_AGENT: _RUN_0_1,
        sc.INVOKE_WORKFLOW: _RUN_0_1,
    },
    first_chunk=_seconds(
        "gen_ai.client.inference.time_to_first_chunk", "Time to the first chunk of a stream."
    ),
    between_chunks=_seconds(
        "gen_ai.client.inference.time_per_output_chunk", "Time between two chunks of a stream."
    ),
    tokens={
        sc.CHAT: _TOKENS_0_1,
        sc.TEXT_COMPLETION: _TOKENS_0_1,
        sc.EMBEDDINGS: Tokens(
            counters={},
            histograms={
                "input_tokens": Instrument(
                    "gen_ai.client.embeddings.operation.input_tokens",
                    "{token}",
                    TOKEN_BUCKETS,
                    "Tokens used (input_tokens) by one embeddings call.",
                )
            },
        ),
    },
    agent_calls=_CALLS,
    modalities=BY_DETAIL,
    noticed=_NOTICED,
    data_source_in_name=False,
)

_OPERATION_1_41 = Duration(
    _seconds("gen_ai.client.operation.duration", "Duration of a GenAI client operation."), _CLIENT
)
_TOKENS_1_41 = Tokens(
    counters={},
    histograms={},
    by_type=Instrument(
        "gen_ai.client.token.usage", "{token}", TOKEN_BUCKETS, "Tokens used by one operation."
    ),
)

V1_41: Final = Generation(
    schema_url="https://opentelemetry.io/schemas/1.41.0",
    workflow_name=(sc.WORKFLOW_NAME,),
    cache_write=(sc.USAGE_CACHE_CREATION,),
    request_top_k=float,
    retrieval_top_k=(sc.REQUEST_TOP_K, float),
    internal=frozenset((sc.EXECUTE_TOOL, sc.INVOKE_AGENT, sc.INVOKE_WORKFLOW)),
    absent=frozenset(
        (
            sc.REQUEST_REASONING_LEVEL,
            sc.REQUEST_PREVIOUS_RESPONSE_ID,
            sc.PROMPT_VERSION,
            sc.PROMPT_VARIABLE_PREFIX,
        )
    ),
    exceptions=dict.fromkeys(V0_1.exceptions, sc.EVENT_OPERATION_EXCEPTION),
    # What that generation measured of agents, tools and workflows is nothing; the official
    # instrumentation and we measure them all the same, by the names they got right after.
    durations={
        **dict.fromkeys((sc.CHAT, sc.TEXT_COMPLETION, sc.EMBEDDINGS, sc.RETRIEVAL), _OPERATION_1_41),
        sc.EXECUTE_TOOL: _TOOL,
        sc.INVOKE_AGENT: Duration(_INVOKE_AGENT, (sc.AGENT_NAME,)),
        sc.INVOKE_WORKFLOW: Duration(
            _seconds(
                "gen_ai.invoke_workflow.duration", "Duration of a workflow's invocation.", WORKFLOW_BUCKETS
            ),
            (sc.WORKFLOW_NAME,),
        ),
    },
    first_chunk=_seconds(
        "gen_ai.client.operation.time_to_first_chunk", "Time to the first chunk of a stream."
    ),
    between_chunks=_seconds(
        "gen_ai.client.operation.time_per_output_chunk", "Time between two chunks of a stream."
    ),
    tokens=dict.fromkeys((sc.CHAT, sc.TEXT_COMPLETION, sc.EMBEDDINGS), _TOKENS_1_41),
    agent_calls=None,
    modalities={},
    noticed=_NOTICED,
    data_source_in_name=True,
)


class Speech(NamedTuple):
    """What `semconv=` stands for: the generation spoken, and those whose metrics are recorded."""

    names: Generation
    metrics: tuple[Generation, ...]


VERSIONS: Final[dict[Version, Speech]] = {
    "0.1": Speech(V0_1, (V0_1,)),
    "latest": Speech(V0_1, (V0_1,)),
    "1.41": Speech(V1_41, (V1_41,)),
    "0.1/dup": Speech(V0_1, (V0_1, V1_41)),
}
