"""Our names and buckets, held row by row against copies of the conventions' tables.

The generation `0.1` is open-telemetry/semantic-conventions-genai v0.1.0. Of the tag itself the changelog's
first entries and the beginnings of some pages were at hand; the complete tables are those of commit 88eccb1
(model/gen-ai/spans.yaml and metrics.yaml, docs/gen-ai/client-embeddings.md) with what the release says
otherwise in `_RELEASED` and `_RELEASED_METRICS`, each with its source. `1.41` is
open-telemetry/semantic-conventions v1.41.0, whose names the installed `opentelemetry-semantic-conventions`
still has. Bridges are names that we write beside: see `BRIDGES`.
"""

from __future__ import annotations

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes

from tracebus.events import ModelInfo, TokenUsage
from tracebus_exporters.otel.conventions import _generations as generations
from tracebus_exporters.otel.conventions import _semconv as sc

STRING, INT, DOUBLE, BOOL, STRINGS = str, int, float, bool, tuple
ANY = str  # structured by the conventions, a JSON string on our spans

# --- attributes of spans: by operation, the type; `!` behind a name says it is required -------------
_ERROR = {"error.type": STRING}
_SERVER = {"server.address": STRING, "server.port": INT}
_USAGE = {"gen_ai.usage.input_tokens": INT, "gen_ai.usage.output_tokens": INT}
_CONTENT = {
    "gen_ai.system_instructions": ANY,
    "gen_ai.input.messages": ANY,
    "gen_ai.output.messages": ANY,
    "gen_ai.tool.definitions": ANY,
}
_BREAKDOWN = {
    f"gen_ai.usage.{name}": INT
    for name in (
        "text.input_tokens", "image.input_tokens", "audio.input_tokens", "text.cache_read.input_tokens",
        "image.cache_read.input_tokens", "audio.cache_read.input_tokens", "text.output_tokens",
        "image.output_tokens", "audio.output_tokens", "cache_read.input_tokens", "cache_write.input_tokens",
    )
}  # fmt: skip
_PARAMETERS = {
    "gen_ai.request.max_tokens": INT,
    "gen_ai.request.choice.count": INT,
    "gen_ai.request.temperature": DOUBLE,
    "gen_ai.request.top_p": DOUBLE,
    "gen_ai.request.stop_sequences": STRINGS,
    "gen_ai.request.frequency_penalty": DOUBLE,
    "gen_ai.request.presence_penalty": DOUBLE,
    "gen_ai.request.seed": INT,
    "gen_ai.output.type": STRING,
    "gen_ai.response.finish_reasons": STRINGS,
    "gen_ai.conversation.id": STRING,
}
_INFERENCE = {
    "gen_ai.operation.name!": STRING,
    "gen_ai.provider.name!": STRING,
    "gen_ai.request.model": STRING,
    **_SERVER, **_USAGE, **_BREAKDOWN, **_CONTENT, **_ERROR, **_PARAMETERS,
    "gen_ai.request.top_k": INT,
    "gen_ai.request.stream": BOOL,
    "gen_ai.request.reasoning.level": STRING,
    "gen_ai.request.previous_response.id": STRING,
    "gen_ai.response.id": STRING,
    "gen_ai.response.model": STRING,
    "gen_ai.response.time_to_first_chunk": DOUBLE,
    "gen_ai.usage.reasoning.output_tokens": INT,
    "gen_ai.prompt.name": STRING,
    "gen_ai.prompt.version": STRING,
    "gen_ai.prompt.variable.q": ANY,
    "gen_ai.conversation.compacted": BOOL,
}  # fmt: skip
_AGENT = {
    "gen_ai.operation.name!": STRING,
    "gen_ai.agent.name": STRING,
    "gen_ai.agent.description": STRING,
    "gen_ai.data_source.id": STRING,
    "gen_ai.request.model": STRING,
    **_USAGE, **_CONTENT, **_ERROR, **_PARAMETERS,
}  # fmt: skip
_EMBEDDINGS = {
    "gen_ai.operation.name!": STRING,
    "gen_ai.provider.name!": STRING,
    "gen_ai.request.model": STRING,
    "gen_ai.request.encoding_formats": STRINGS,
    "gen_ai.usage.input_tokens": INT,
    "gen_ai.embeddings.dimension.count": INT,
    "gen_ai.response.model": STRING,
    **_SERVER, **_ERROR,
}  # fmt: skip
_RETRIEVAL = {
    "gen_ai.operation.name!": STRING,
    "gen_ai.request.model": STRING,
    "gen_ai.provider.name": STRING,
    "gen_ai.data_source.id": STRING,
    "gen_ai.retrieval.query.text": STRING,
    "gen_ai.retrieval.top_k": INT,
    "gen_ai.retrieval.documents": ANY,
    **_SERVER, **_ERROR,
}  # fmt: skip
_TOOL = {
    "gen_ai.operation.name!": STRING,
    "gen_ai.tool.name!": STRING,
    "gen_ai.tool.type": STRING,
    "gen_ai.agent.name": STRING,
    "gen_ai.conversation.id": STRING,
    "gen_ai.tool.call.id": STRING,
    "gen_ai.tool.description": STRING,
    "gen_ai.tool.call.arguments": ANY,
    "gen_ai.tool.call.result": ANY,
    **_ERROR,
}
_RELEASED = {
    # CHANGELOG of v0.1.0, first breaking entry: the workflow's span is the agent's, its name `agent.name`.
    "invoke_workflow": _AGENT,
}
V0_1 = {
    "chat": _INFERENCE,
    "text_completion": _INFERENCE,
    "embeddings": _EMBEDDINGS,
    "retrieval": _RETRIEVAL,
    "execute_tool": _TOOL,
    "invoke_agent": _AGENT,
    **_RELEASED,
}
# Kinds: 88eccb1, except retrieval (docs/gen-ai/retrieval.md on main, which depends on core v1.45.0 as the
# release does).
KINDS_0_1 = {
    "chat": "CLIENT", "text_completion": "CLIENT", "embeddings": "CLIENT", "retrieval": "INTERNAL",
    "execute_tool": "INTERNAL", "invoke_agent": "INTERNAL", "invoke_workflow": "INTERNAL",
}  # fmt: skip
KINDS_1_41 = {**KINDS_0_1, "retrieval": "CLIENT"}

# v1.41.0, docs/gen-ai: what it had otherwise. Names that it lacked are checked against the package.
_CHANGED_1_41 = {
    "gen_ai.request.top_k": DOUBLE,
    "gen_ai.workflow.name": STRING,
    "gen_ai.usage.cache_creation.input_tokens": INT,
}
BRIDGES = {
    # Not of the generation, and written all the same, for backends that have learnt no other name yet.
    "0.1": {"gen_ai.usage.cache_creation.input_tokens": INT, "gen_ai.workflow.name": STRING},
    "1.41": {},
}
_OURS_EVERYWHERE = {"user.id": STRING, "gen_ai.conversation.id": STRING}

# --- metrics: by operation, the duration's name and attributes --------------------------------------
_D = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_T = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
_A = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6)
_C = (1, 2, 4, 8, 16, 32, 64, 128)
_W = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
_AGENT_METRICS = {
    "gen_ai.invoke_agent.duration": ("s", _A),
    "gen_ai.execute_tool.duration": ("s", _D),
}
_RELEASED_METRICS = {
    # docs/gen-ai/retrieval.md on main (headings); its buckets were not at hand: those of all client calls.
    "gen_ai.retrieval.duration": ("s", _D),
}
METRICS_0_1 = {
    "gen_ai.client.inference.duration": ("s", _D),
    "gen_ai.client.inference.time_to_first_chunk": ("s", _D),
    "gen_ai.client.inference.time_per_output_chunk": ("s", _D),
    "gen_ai.client.inference.usage.input_tokens": ("{token}", ()),
    "gen_ai.client.inference.usage.output_tokens": ("{token}", ()),
    "gen_ai.client.inference.usage.cache_read.input_tokens": ("{token}", ()),
    "gen_ai.client.inference.usage.cache_write.input_tokens": ("{token}", ()),
    "gen_ai.client.inference.usage.reasoning.output_tokens": ("{token}", ()),
    "gen_ai.client.inference.operation.input_tokens": ("{token}", _T),
    "gen_ai.client.inference.operation.output_tokens": ("{token}", _T),
    "gen_ai.client.embeddings.duration": ("s", _D),
    "gen_ai.client.embeddings.operation.input_tokens": ("{token}", _T),
    "gen_ai.invoke_agent.inference_calls": ("{inference_call}", _C),
    "gen_ai.invoke_agent.tool_calls": ("{tool_call}", _C),
    **_AGENT_METRICS,
    **_RELEASED_METRICS,
}
METRICS_1_41 = {
    "gen_ai.client.operation.duration": ("s", _D),
    "gen_ai.client.operation.time_to_first_chunk": ("s", _D),
    "gen_ai.client.operation.time_per_output_chunk": ("s", _D),
    "gen_ai.client.token.usage": ("{token}", _T),
    # Not of v1.41.0: what the official instrumentation (1.3b0) measures beside it, by these names.
    **_AGENT_METRICS,
    "gen_ai.invoke_workflow.duration": ("s", _W),
}
_CLIENT = {
    "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model",
    "server.address", "server.port",
}  # fmt: skip
DURATIONS_0_1 = {
    "chat": ("gen_ai.client.inference.duration", _CLIENT),
    "text_completion": ("gen_ai.client.inference.duration", _CLIENT),
    "embeddings": ("gen_ai.client.embeddings.duration", _CLIENT),
    "retrieval": ("gen_ai.retrieval.duration", _CLIENT),
    "execute_tool": (
        "gen_ai.execute_tool.duration",
        {"gen_ai.tool.name", "gen_ai.tool.type", "gen_ai.agent.name"},
    ),
    # The release: one metric of both, told apart by the operation.
    "invoke_agent": (
        "gen_ai.invoke_agent.duration",
        {"gen_ai.operation.name", "gen_ai.agent.name", "gen_ai.request.model"},
    ),
    "invoke_workflow": (
        "gen_ai.invoke_agent.duration",
        {"gen_ai.operation.name", "gen_ai.agent.name", "gen_ai.request.model"},
    ),
}
EVENTS_0_1 = {
    "chat": "gen_ai.client.inference.exception",  # docs/gen-ai/client-inference.md at the tag
    "text_completion": "gen_ai.client.inference.exception",
    "execute_tool": "gen_ai.execute_tool.exception",  # docs/gen-ai/execute-tool.md on main
    "embeddings": "gen_ai.client.operation.exception",  # docs/gen-ai/client-embeddings.md at 88eccb1
    # Not known of the release; as before.
    "retrieval": "gen_ai.client.operation.exception",
    "invoke_agent": "gen_ai.client.operation.exception",
    "invoke_workflow": "gen_ai.client.operation.exception",
}
NAMES = {"0.1": generations.V0_1, "1.41": generations.V1_41}
TABLES = {"0.1": V0_1, "1.41": V0_1}
OPERATIONS = list(V0_1)


@pytest.mark.parametrize(("version", "table"), [("0.1", METRICS_0_1), ("1.41", METRICS_1_41)])
def test_every_metric_has_the_conventions_name_unit_and_buckets(version, table):
    """The instruments are those of the tables, no more and no fewer."""
    found = NAMES[version].instruments()
    assert {name: (i.unit, i.buckets) for name, i in found.items()} == table


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_duration_has_its_attributes(operation):
    """Each operation's duration is the table's, with the table's attributes."""
    instrument, attributes = generations.V0_1.durations[operation]
    assert (instrument.name, set(attributes)) == DURATIONS_0_1[operation]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_exception_has_its_event(operation):
    """Each operation's exception is the event the table names."""
    assert generations.V0_1.exceptions[operation] == EVENTS_0_1[operation]
    assert generations.V1_41.exceptions[operation] == "gen_ai.client.operation.exception"


def test_what_the_versions_stand_for():
    """`latest` is the newest release; `/dup` speaks it and measures the one before, too."""
    speech = generations.VERSIONS
    assert speech["latest"] == speech["0.1"] == (generations.V0_1, (generations.V0_1,))
    assert speech["1.41"] == (generations.V1_41, (generations.V1_41,))
    assert speech["0.1/dup"] == (generations.V0_1, (generations.V0_1, generations.V1_41))
    # The manifest of the tag was not at hand; v1.41.0's URL is published.
    assert generations.V0_1.schema_url == ""
    assert generations.V1_41.schema_url == "https://opentelemetry.io/schemas/1.41.0"


def test_every_constant_is_a_name_of_the_conventions():
    """No attribute of ours is one the conventions do not have."""
    known = {name.rstrip("!") for table in V0_1.values() for name in table}
    known |= {name for bridges in BRIDGES.values() for name in bridges}
    known |= {"gen_ai.prompt.variable.", "gen_ai.token.type", "gen_ai.token.modality"} | set(
        EVENTS_0_1.values()
    )
    known |= {"gen_ai.client.inference.operation.details"}
    ours = {value for value in vars(sc).values() if isinstance(value, str) and value.startswith("gen_ai.")}
    assert ours <= known, ours - known


def _rich(story):
    usage = TokenUsage(
        input_tokens=9, output_tokens=9, total_tokens=18, cache_read_tokens=1, cache_creation_tokens=1,
        reasoning_tokens=1, input_audio_tokens=1, output_audio_tokens=1,
        other={
            "input_text": 1, "input_image": 1, "output_text": 1, "output_image": 1, "input_cache_read_text": 1,
            "input_cache_read_image": 1, "input_cache_read_audio": 1,
        },
    )  # fmt: skip
    parameters = {
        "temperature": 1, "top_p": 1, "top_k": 1, "frequency_penalty": 1, "presence_penalty": 1, "seed": 1,
        "max_tokens": 1, "stop": ["a"], "n": 2, "stream": True, "reasoning": {"effort": "low"}, "dimensions": 3,
        "encoding_format": "float", "response_format": {"type": "json_object"}, "previous_response_id": "r",
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {}}}],
        "base_url": "https://h/v1",
    }  # fmt: skip
    metadata = {
        "thread_id": "t", "user_id": "u", "ls_vector_store_provider": "chroma", "ls_embedding_model": "ada",
        "top_k": 3, "langgraph_node": "n", "langgraph_step": 2, "data_source_id": "kb", "prompt_name": "greet",
        "lc_hub_commit_hash": "abc",
    }  # fmt: skip
    model = ModelInfo(provider="openai", name="gpt-5", parameters=parameters)
    said = {"messages": [{"type": "system", "content": "be"}, {"type": "human", "content": "x"}]}
    root = story.start("graph", "support", metadata=metadata, inputs=said)
    about = {"agent_description": "Helps."}
    agent = story.start("agent", "helper", root, metadata={**metadata, **about}, inputs=said)
    for kind in ("chat_model", "llm", "embedding"):
        story.end(story.start("prompt", "P", agent, metadata=metadata, inputs={"q": "x"}))
        given = said if kind == "chat_model" else {"prompts": ["x"]}
        run = story.start(kind, "M", agent, metadata=metadata, model=model, inputs=given)
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
    story.end(agent, outputs={"messages": [{"type": "ai", "content": "y"}]})
    story.fail(root)
    return story.events


_NEVER = {
    # Nothing of LangChain's callbacks says it, or it is another kind of run's.
    "chat": {"error.type", "gen_ai.conversation.compacted", "gen_ai.system_instructions"},
    "text_completion": {"error.type", "gen_ai.conversation.compacted", "gen_ai.system_instructions"},
    "embeddings": {"error.type"},
    "retrieval": {"error.type", "server.address", "server.port"},
    "execute_tool": {"error.type"},
    "invoke_agent": {"error.type", "gen_ai.data_source.id"},
    # A workflow's own models are those of its agents and steps.
    "invoke_workflow": {
        "gen_ai.agent.description", "gen_ai.data_source.id", "gen_ai.request.model", *_USAGE, *_CONTENT,
        *_PARAMETERS,
    } - {"gen_ai.conversation.id", "gen_ai.input.messages"},
}  # fmt: skip


def _table(version, operation):
    table = {**_OURS_EVERYWHERE, **BRIDGES[version]}
    for row, kind in TABLES[version][operation].items():
        table[row.rstrip("!")] = kind
    return {**table, **_CHANGED_1_41} if version == "1.41" else table


@pytest.mark.parametrize("version", list(NAMES))
@pytest.mark.parametrize("operation", OPERATIONS)
def test_spans_carry_what_the_table_of_their_operation_allows(story, recorded, version, operation):
    """Each operation's span has the required attributes and no `gen_ai` one its table lacks, of the right type."""
    spans = recorded(_rich(story), content=True, prompts=True, semconv=version).values()
    (span,) = [s for s in spans if s.attributes.get("gen_ai.operation.name") == operation]
    table = _table(version, operation)
    found = {
        n: v for n, v in span.attributes.items() if n.startswith(("gen_ai.", "server.", "error.", "user."))
    }
    assert {row[:-1] for row in V0_1[operation] if row.endswith("!")} <= found.keys()
    assert {name: type(value) for name, value in found.items()} == {name: table.get(name) for name in found}
    assert span.kind.name == (KINDS_0_1 if version == "0.1" else KINDS_1_41)[operation]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_row_of_the_table_is_written_where_it_is_known(story, recorded, operation):
    """Whatever a row asks for and LangChain tells stands on the span."""
    spans = recorded(_rich(story), content=True, prompts=True).values()
    (span,) = [s for s in spans if s.attributes.get("gen_ai.operation.name") == operation]
    rows = {row.rstrip("!") for row in V0_1[operation]}
    assert rows - span.attributes.keys() <= _NEVER[operation]


def test_nothing_but_v1_41_is_spoken_in_its_mode(story, recorded):
    """Every `gen_ai` attribute of `semconv="1.41"` is one that the package of that generation knows."""
    known = {v for v in vars(gen_ai_attributes).values() if isinstance(v, str) and v.startswith("gen_ai.")}
    for span in recorded(_rich(story), content=True, prompts=True, semconv="1.41").values():
        assert {name for name in span.attributes if name.startswith("gen_ai.")} <= known


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
    ("name", "base_url", "written"),
    [
        ("AzureChatOpenAI", None, "azure.ai.openai"),
        ("my model", "https://mine.openai.azure.com", "azure.ai.openai"),
        ("AzureAIChatCompletionsModel", "https://mine.services.ai.azure.com", "azure.ai.inference"),
        ("my model", None, "azure.ai.inference"),
    ],
)
def test_azures_two_providers_are_told_apart(story, recorded, name, base_url, written):
    """Both are `azure` to LangChain; the class or the host says which."""
    parameters = {"base_url": base_url} if base_url else {}
    story.end(
        story.start(
            "chat_model", name, model=ModelInfo(provider="azure", name="gpt-5", parameters=parameters)
        )
    )
    (span,) = recorded(story.events).values()
    assert span.attributes["gen_ai.provider.name"] == written


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("tool_calls", "tool_call"),
        ("tool_use", "tool_call"),
        ("end_turn", "stop"),
        ("STOP", "stop"),
        ("max_tokens", "length"),
        ("content_filter", "content_filter"),
        ("MALFORMED_RESPONSE", "error"),  # Gemini
        ("IMAGE_SAFETY", "content_filter"),
        ("malformed_tool_use", "error"),  # Bedrock
        ("model_context_window_exceeded", "length"),
        ("ERROR_TOXIC", "content_filter"),  # Cohere
        ("ERROR_LIMIT", "length"),
        ("TIMEOUT", "error"),
        ("insufficient_system_resource", "error"),  # DeepSeek
        ("token_limit", "length"),  # watsonx
        ("time_limit", "error"),
        ("eos", "stop"),  # Together
        ("compaction", "compaction"),
        ("odd", "odd"),
    ],
)
def test_finish_reasons_have_the_conventions_words(given, written):
    """Providers' finish reasons become the conventions'; unknown ones stay."""
    assert sc.finish_reason(given) == written
