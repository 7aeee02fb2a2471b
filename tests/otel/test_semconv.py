"""Our names and buckets, held against a copy of the conventions' tables.

Attributes: `docs/gen-ai/gen-ai-spans.md` and its siblings in open-telemetry/semantic-conventions-genai at
6fd0d76 (2026-10-09); what v1.41.0 had instead is marked. Metrics: `gen-ai-metrics.md` there.
"""

from __future__ import annotations

import pytest

from tracebus.events import ModelInfo, TokenUsage
from tracebus_exporters.otel import _semconv as sc

STRING, INT, DOUBLE, BOOL, STRINGS = str, int, float, bool, tuple
ANY = str  # structured by the conventions, a JSON string on our spans

_REQUEST = {
    "gen_ai.request.model": STRING,
    "gen_ai.request.choice.count": INT,
    "gen_ai.request.seed": INT,
    "gen_ai.request.stream": BOOL,
    "gen_ai.request.top_k": INT,
    "gen_ai.request.frequency_penalty": DOUBLE,
    "gen_ai.request.presence_penalty": DOUBLE,
    "gen_ai.request.temperature": DOUBLE,
    "gen_ai.request.top_p": DOUBLE,
    "gen_ai.request.max_tokens": INT,
    "gen_ai.request.stop_sequences": STRINGS,
    "gen_ai.request.reasoning.level": STRING,
    "gen_ai.request.previous_response.id": STRING,
    "gen_ai.output.type": STRING,
}
_USAGE = {
    f"gen_ai.usage.{name}": INT
    for name in (
        "input_tokens", "output_tokens", "cache_read.input_tokens", "cache_write.input_tokens",
        "reasoning.output_tokens", "text.input_tokens", "image.input_tokens", "audio.input_tokens",
        "text.output_tokens", "image.output_tokens", "audio.output_tokens",
    )
} | {"gen_ai.usage.cache_creation.input_tokens": INT}  # v1.41.0, still read by backends  # fmt: skip
_COMMON = {
    "gen_ai.operation.name": STRING,
    "gen_ai.conversation.id": STRING,
    "error.type": STRING,
    "user.id": STRING,
}
_SERVER = {"server.address": STRING, "server.port": INT}
_MESSAGES = {"gen_ai.input.messages": ANY, "gen_ai.output.messages": ANY}
_INFERENCE = {
    **_COMMON,
    **_REQUEST,
    **_USAGE,
    **_SERVER,
    **_MESSAGES,
    "gen_ai.provider.name": STRING,
    "gen_ai.response.finish_reasons": STRINGS,
    "gen_ai.response.id": STRING,
    "gen_ai.response.model": STRING,
    "gen_ai.response.time_to_first_chunk": DOUBLE,
    "gen_ai.tool.definitions": ANY,
}
SPANS = {
    "chat": _INFERENCE,
    "text_completion": _INFERENCE,
    "embeddings": {
        **_COMMON,
        **_SERVER,
        "gen_ai.provider.name": STRING,
        "gen_ai.request.model": STRING,
        "gen_ai.request.encoding_formats": STRINGS,
        "gen_ai.usage.input_tokens": INT,
        "gen_ai.embeddings.dimension.count": INT,
        "gen_ai.response.model": STRING,
    },
    "retrieval": {
        **_COMMON,
        "gen_ai.data_source.id": STRING,
        "gen_ai.provider.name": STRING,
        "gen_ai.request.model": STRING,
        "gen_ai.retrieval.top_k": INT,
        "gen_ai.retrieval.query.text": STRING,
        "gen_ai.retrieval.documents": ANY,
    },
    "execute_tool": {
        **_COMMON,
        "gen_ai.tool.name": STRING,
        "gen_ai.agent.name": STRING,
        "gen_ai.tool.call.id": STRING,
        "gen_ai.tool.type": STRING,
        "gen_ai.tool.description": STRING,
        "gen_ai.tool.call.arguments": ANY,
        "gen_ai.tool.call.result": ANY,
    },
    "invoke_agent": {
        **_COMMON,
        **_MESSAGES,
        "gen_ai.agent.name": STRING,
        "gen_ai.usage.input_tokens": INT,
        "gen_ai.usage.output_tokens": INT,
    },
    "invoke_workflow": {**_COMMON, **_MESSAGES, "gen_ai.workflow.name": STRING},
}
_REQUIRED = {
    "chat": {"gen_ai.operation.name", "gen_ai.provider.name"},
    "text_completion": {"gen_ai.operation.name", "gen_ai.provider.name"},
    "embeddings": {"gen_ai.operation.name", "gen_ai.provider.name"},
    "retrieval": {"gen_ai.operation.name"},
    "execute_tool": {"gen_ai.operation.name", "gen_ai.tool.name"},
    "invoke_agent": {"gen_ai.operation.name"},
    "invoke_workflow": {"gen_ai.operation.name"},
}
_D = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_T = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
_A = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6)
_C = (1, 2, 4, 8, 16, 32, 64, 128)
_W = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
METRICS = {
    "gen_ai.client.inference.duration": ("s", _D),
    "gen_ai.client.operation.duration": ("s", _D),
    "gen_ai.client.inference.time_to_first_chunk": ("s", _D),
    "gen_ai.client.inference.time_per_output_chunk": ("s", _D),
    "gen_ai.client.operation.time_to_first_chunk": ("s", _D),  # v1.41.0
    "gen_ai.client.operation.time_per_output_chunk": ("s", _D),  # v1.41.0
    "gen_ai.client.token.usage": ("{token}", _T),  # v1.41.0
    "gen_ai.client.inference.usage.input_tokens": ("{token}", ()),
    "gen_ai.client.inference.usage.output_tokens": ("{token}", ()),
    "gen_ai.client.inference.usage.cache_read.input_tokens": ("{token}", ()),
    "gen_ai.client.inference.usage.cache_write.input_tokens": ("{token}", ()),
    "gen_ai.client.inference.usage.reasoning.output_tokens": ("{token}", ()),
    "gen_ai.client.inference.operation.input_tokens": ("{token}", _T),
    "gen_ai.client.inference.operation.output_tokens": ("{token}", _T),
    "gen_ai.invoke_agent.duration": ("s", _A),
    "gen_ai.invoke_agent.inference_calls": ("{inference_call}", _C),
    "gen_ai.invoke_agent.tool_calls": ("{tool_call}", _C),
    "gen_ai.invoke_workflow.duration": ("s", _W),
    "gen_ai.execute_tool.duration": ("s", _D),
}
_NOT_ON_SPANS = {
    "gen_ai.prompt.variable.",  # followed by the variable's name
    "gen_ai.token.type",
    "gen_ai.token.modality",
    "gen_ai.client.inference.operation.details",
    "gen_ai.client.operation.exception",
}


def _instruments():
    found = [value for value in vars(sc).values() if isinstance(value, sc.Instrument)]
    for names in sc.VERSIONS.values():
        found += [names.inference_duration, names.time_to_first_chunk, names.time_per_output_chunk]
        found += [names.token_usage] if names.token_usage else []
    found += [*sc.USAGE_COUNTERS.values(), *sc.USAGE_HISTOGRAMS.values()]
    return {instrument.name: instrument for instrument in found}


def test_every_metric_has_the_conventions_name_unit_and_buckets():
    """The instruments are those of the tables, no more and no fewer."""
    assert {name: (i.unit, i.buckets) for name, i in _instruments().items()} == METRICS


def test_every_constant_is_a_name_of_the_conventions():
    """No constant of ours is a name the conventions do not have."""
    known = {name for table in SPANS.values() for name in table} | _NOT_ON_SPANS
    ours = {value for value in vars(sc).values() if isinstance(value, str) and value.startswith("gen_ai.")}
    assert ours <= known, ours - known
    missing = known - ours - {"gen_ai.conversation.id"}
    assert {name for name in missing if name.startswith("gen_ai.")} == set()


def _rich(story):
    usage = TokenUsage(
        input_tokens=9, output_tokens=9, total_tokens=18, cache_read_tokens=1, cache_creation_tokens=1,
        reasoning_tokens=1, input_audio_tokens=1, output_audio_tokens=1,
        other={"input_text": 1, "input_image": 1, "output_text": 1, "output_image": 1},
    )  # fmt: skip
    parameters = {
        "temperature": 1, "top_p": 1, "top_k": 1, "frequency_penalty": 1, "presence_penalty": 1, "seed": 1,
        "max_tokens": 1, "stop": ["a"], "n": 2, "stream": True, "reasoning": {"effort": "low"}, "dimensions": 3,
        "encoding_format": "float", "response_format": {"type": "json_object"}, "previous_response_id": "r",
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}], "base_url": "https://h/v1",
    }  # fmt: skip
    metadata = {
        "thread_id": "t", "user_id": "u", "ls_vector_store_provider": "chroma", "ls_embedding_model": "ada",
        "top_k": 3, "langgraph_node": "n", "langgraph_step": 2,
    }  # fmt: skip
    model = ModelInfo(provider="openai", name="gpt-5", parameters=parameters)
    root = story.start(
        "graph", "support", metadata=metadata, inputs={"messages": [{"type": "human", "content": "x"}]}
    )
    agent = story.start("agent", "helper", root, metadata=metadata)
    for kind in ("chat_model", "llm", "embedding"):
        run = story.start(kind, "M", agent, metadata=metadata, model=model, inputs={"prompts": ["x"]})
        story.stream(run)
        story.end(
            run, usage=usage, finish_reasons=("stop",), response_id="r", model=ModelInfo(name="m"),
            outputs={"completions": ["y"]},
        )  # fmt: skip
    story.end(
        story.start("tool", "f", agent, metadata=metadata, tool_call_id="c", inputs={"a": 1}),
        outputs={"b": 2},
    )
    story.end(
        story.start("retriever", "R", agent, metadata=metadata, inputs={"query": "q"}),
        outputs={"documents": [{"page_content": "p"}]},
    )
    story.end(agent)
    story.fail(root)
    return story.events


@pytest.mark.parametrize("operation", list(SPANS))
def test_spans_carry_what_the_table_of_their_operation_allows(story, recorded, operation):
    """Each operation's span has the required attributes and no `gen_ai` one its table lacks, of the right type."""
    spans = recorded(_rich(story), content=True).values()
    (span,) = [s for s in spans if s.attributes.get("gen_ai.operation.name") == operation]
    table = SPANS[operation]
    found = {
        n: v for n, v in span.attributes.items() if n.startswith(("gen_ai.", "server.", "error.", "user."))
    }
    assert _REQUIRED[operation] <= found.keys()
    assert {name: type(value) for name, value in found.items()} == {name: table.get(name) for name in found}


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("openai", "openai"),
        ("azure", "azure.ai.inference"),
        ("azure_openai", "azure.ai.openai"),
        ("amazon_bedrock", "aws.bedrock"),
        ("bedrock_converse", "aws.bedrock"),
        ("google_vertexai", "gcp.vertex_ai"),
        ("google_genai", "gcp.gen_ai"),
        ("google_generativeai", "gcp.gemini"),
        ("mistralai", "mistral_ai"),
        ("xai", "x_ai"),
        ("mine", "mine"),
        (None, "unknown"),
    ],
)
def test_providers_have_their_well_known_names(given, written):
    """LangChain's provider names become the conventions'; unknown ones stay."""
    assert sc.provider(given) == written


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("tool_calls", "tool_call"),
        ("tool_use", "tool_call"),
        ("end_turn", "stop"),
        ("STOP", "stop"),
        ("max_tokens", "length"),
        ("content_filter", "content_filter"),
        ("odd", "odd"),
    ],
)
def test_finish_reasons_have_the_conventions_words(given, written):
    """Providers' finish reasons become the conventions'; unknown ones stay."""
    assert sc.finish_reason(given) == written
