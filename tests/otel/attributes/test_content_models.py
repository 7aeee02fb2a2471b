"""Every content attribute has what the conventions' content models require."""

from __future__ import annotations

import json
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tracebus.events import Gap, ModelInfo, Outcome, RunEnded, RunKind, RunStarted
from tracebus_exporters.otel import OTelExporter
from tracebus_exporters.otel.content._messages import convention_message

sys.path.insert(0, str(Path(__file__).parents[2] / "backends"))

import content_models
import programme

_CONTENT = (
    "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions",
    "gen_ai.retrieval.documents",
)  # fmt: skip


@cache
def _pipeline(generation, limit):
    """An exporter into memory, made once: most of an example's time would go into making it."""
    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    exporter = OTelExporter(tracer_provider=provider, content=True, semconv=generation, openinference=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", str(limit))
        exporter.export([Gap(time=1, missed=1)])  # the environment is read with the first events
    return exporter, memory


def _spans(events, generation, limit=65_536):
    exporter, memory = _pipeline(generation, limit)
    memory.clear()
    exporter.export(events)
    return memory.get_finished_spans()


def _faults(spans, generation):
    return [
        fault
        for span in spans
        for name in _CONTENT
        if name in span.attributes
        for fault in content_models.faults_of(name, json.loads(span.attributes[name]), generation=generation)
    ]


@pytest.mark.parametrize("generation", ["0.1", "1.41"])
def test_the_demo_and_an_agent_keep_to_the_models(generation):
    """Messages, instructions, tools and documents of every scene, and of an agent with a sub-agent."""
    spans = _spans(programme.send(lambda _: None), generation)
    assert _faults(spans, generation) == []
    written = {name for span in spans for name in _CONTENT if name in span.attributes}
    agents = find_spec("langchain") is not None
    assert written == set(_CONTENT) - (set() if agents else {"gen_ai.system_instructions"})


_LONG = st.sampled_from((60, 3_000, 90_000)).map(lambda size: "long text " * (size // 10))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | _LONG,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
_KINDS = st.sampled_from(
    (
        "text", "reasoning", "thinking", "image", "image_url", "input_image", "audio", "video", "file", "document",
        "tool_use", "server_tool_use", "server_tool_call", "server_tool_result", "web_search_tool_result",
        "input_text", "output_text", "refusal", "citation", "compaction",
    )
)  # fmt: skip
_URLS = st.sampled_from(
    ("https://h/i.png", "data:image/png;base64,AAAA", "data:text/plain,hello%20there", "data:", "gs://b/o")
)
_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "text": _JSON, "reasoning": _JSON, "thinking": _JSON, "url": _URLS | _JSON, "image_url": _URLS | _JSON,
        "base64": st.just("AAAA") | st.just("AAAA" * 9_000) | st.integers(),
        "data": st.just("AAAA") | st.just("AAAA" * 90), "mime_type": _JSON,
        "source": _JSON | st.fixed_dictionaries({"type": st.just("base64"), "data": st.just("AA==")}),
        "file_id": _JSON, "id": _JSON, "name": _JSON, "args": _JSON, "input": _JSON, "output": _JSON,
        "content": _JSON, "tool_call_id": _JSON, "summary": _JSON,
    },
)  # fmt: skip
_BLOCKS = st.one_of(
    st.text(max_size=8), _JSON, st.builds(lambda kind, fields: {**fields, "type": kind}, _KINDS, _FIELDS)
)
_CALLS = st.lists(
    st.fixed_dictionaries({}, optional={"id": _JSON, "name": _JSON, "args": _JSON}) | _JSON, max_size=2
)
_MESSAGES = st.fixed_dictionaries(
    {
        "type": st.sampled_from(("human", "ai", "system", "tool", "function", "developer", "odd")),
        "content": st.none() | st.text(max_size=8) | _LONG | st.lists(_BLOCKS, max_size=3),
    },
    optional={
        "tool_calls": _CALLS,
        "invalid_tool_calls": _CALLS,
        "tool_call_id": _JSON,
        "name": _JSON,
        "additional_kwargs": st.fixed_dictionaries(
            {}, optional={"reasoning_content": _JSON, "function_call": _JSON}
        ),
    },
)
_TOOLS = st.lists(
    st.one_of(
        _JSON,
        st.fixed_dictionaries(
            {}, optional={"type": _JSON, "name": _JSON, "description": _JSON, "input_schema": _JSON, "function": _JSON}
        ),
    ),
    max_size=3,
)  # fmt: skip
_DOCUMENTS = st.lists(
    st.fixed_dictionaries(
        {}, optional={"page_content": _JSON, "id": _JSON, "metadata": _JSON | st.fixed_dictionaries({"score": _JSON})}
    ),
    max_size=3,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    heard=st.lists(_MESSAGES, min_size=1, max_size=3) | _MESSAGES.map(lambda message: [message] * 30),
    said=st.lists(_MESSAGES, min_size=1, max_size=2),
    tools=_TOOLS,
    documents=_DOCUMENTS,
    reasons=st.lists(st.sampled_from(("stop", "odd")), max_size=2),
    generation=st.sampled_from(("0.1", "1.41")),
    limit=st.sampled_from((2, 40, 200, 2_000, 65_536)),
)
def test_whatever_messages_hold_the_models_are_kept_to(  # noqa: PLR0917  what is drawn
    heard, said, tools, documents, reasons, generation, limit
):
    """No block, call, tool or document, however odd or shortened, makes a part without its required keys."""
    events = []
    for number, (kind, given_, gave) in enumerate(
        (
            (RunKind.AGENT, {"messages": heard}, {"messages": [*heard, *said]}),
            (RunKind.CHAT_MODEL, {"messages": heard}, {"messages": said}),
            (RunKind.RETRIEVER, {"query": "q"}, {"documents": documents}),
        )
    ):
        about = {"run_id": f"{number:032x}", "root_run_id": f"{0:032x}"}
        if number:
            about["parent_run_id"] = f"{0:032x}"
        model = ModelInfo(provider="openai", name="m", parameters={"tools": tools})
        events.append(RunStarted(time=number, kind=kind, name="run", inputs=given_, model=model, **about))
        ended = RunEnded(time=9, outcome=Outcome.OK, outputs=gave, finish_reasons=tuple(reasons), **about)
        events.append(ended)
    events.append(events.pop(1))  # the agent ends last
    spans = _spans(events, generation, limit)
    assert len(spans) == 3
    assert _faults(spans, generation) == []
    for span in spans:
        assert all(len(span.attributes.get(name, "")) <= limit for name in _CONTENT)
        # An agent's or a model's messages are there as messages, however little is left of them.
        assert span.name == "retrieval" or "gen_ai.input.messages" in span.attributes


@pytest.mark.parametrize(("given", "shown"), [([], "[]"), (7, "7"), (None, None), ("c1", "c1")])
def test_the_id_and_type_of_data_in_a_block_of_another_kind_are_texts(given, shown):
    """A provider's own block may hold anything under the names the models have as texts."""
    block = {"type": "compaction", "id": given, "mime_type": given, "left": None}
    message = convention_message({"type": "ai", "content": [block]})
    assert not content_models.faults_of("gen_ai.input.messages", [message])
    expected = {} if shown is None else {"id": shown, "mime_type": shown}
    assert message["parts"] == [{"type": "compaction", "left": None, **expected}]
