"""What of the runs' content spans show, how much of it, and what is not even turned into JSON."""

from __future__ import annotations

import gc
import json
import weakref

import pytest
from langchain_core.runnables import RunnableLambda
from msgspec.structs import force_setattr

from tracebus import EventBus, observe
from tracebus.events import Deferred


def test_no_content_unless_asked(story, recorded, monkeypatch):
    """Neither messages nor arguments nor documents leave the process by default."""
    story.chain()
    story.end(story.start("tool", "search", inputs={"q": "hi"}), outputs="Hello")
    story.end(
        story.start("retriever", "R", inputs={"query": "hi"}),
        outputs={"documents": [{"page_content": "Hello"}]},
    )
    for options in ({}, {"content": False}, {"openinference": True}):
        text = str([dict(span.attributes) for span in recorded(story.events, **options).values()])
        assert "Hello" not in text
        assert "'hi'" not in text
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    assert "Hello" in str(dict(recorded(story.events)["chat gpt-5"].attributes))
    assert "Hello" not in str(dict(recorded(story.events, content=False)["chat gpt-5"].attributes))


def test_content_is_json_in_the_conventions_form(story, recorded):
    """Messages, tool calls and documents stand on spans as JSON strings of the conventions' schema."""
    story.chain()
    story.end(
        story.start("tool", "search", inputs={"input": '{"q": 1}'}),
        outputs={"type": "tool", "content": '{"found": 2}', "tool_call_id": "c"},
    )
    documents = [{"page_content": "text", "id": "d1", "metadata": {"score": 0.5}}]
    story.end(story.start("retriever", "R", inputs={"query": "hi"}), outputs={"documents": documents})
    spans = recorded(story.events, content="span")
    chat = spans["chat gpt-5"].attributes
    assert json.loads(chat["gen_ai.input.messages"])[1] == {
        "role": "user",
        "parts": [{"type": "text", "content": "hi"}],
    }
    assert json.loads(chat["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello"}], "finish_reason": "stop"}
    ]
    tool = spans["execute_tool search"].attributes
    assert json.loads(tool["gen_ai.tool.call.arguments"]) == {"q": 1}
    assert json.loads(tool["gen_ai.tool.call.result"]) == {"found": 2}
    retrieval = spans["retrieval"].attributes
    assert retrieval["gen_ai.retrieval.query.text"] == "hi"
    (document,) = json.loads(retrieval["gen_ai.retrieval.documents"])
    assert (document["id"], document["score"], document["content"]) == ("d1", 0.5, "text")
    assert json.loads(spans["invoke_workflow"].attributes["langchain.input"]) == {"q": "hi"}


def test_long_content_is_shortened_to_valid_json(story, recorded, monkeypatch):
    """However long the messages, the attribute is within the limit and still JSON."""
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2000")
    run = story.start(
        "chat_model",
        "M",
        inputs={"messages": [{"type": "human", "content": 'ab"\\\n' * 9000} for _ in range(300)]},
    )
    story.end(run, outputs={"messages": [{"type": "ai", "content": "z" * 9000}]})
    found = recorded(story.events, content=True)["chat"].attributes
    for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
        assert len(found[name]) <= 2000
        assert json.loads(found[name])[0]["parts"]


def test_no_text_of_our_own_pipeline_is_longer_than_the_environment_says(
    service, story, exporting, read, monkeypatch
):
    """The SDK cuts what a provider of the application's gets; what we send ourselves keeps to it as well."""
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "40")
    about = {"tenant": "t" * 99, "session_id": "s" * 99}
    run = story.start(name="n" * 99, tags=("g" * 99,), inputs={"q": "x" * 99}, metadata=about)
    story.end(run, outputs={"a": ["y" * 99] * 9})
    exporter = exporting(service.http, content="span")
    exporter.export(story.events)
    exporter.flush(5)
    (span,) = service.spans
    found = read(span)
    assert all(
        len(text) <= 40 for value in found.values() for text in ([value] if isinstance(value, str) else value)
    )
    assert found["langchain.run.name"].endswith("… [truncated]")
    for name in ("langchain.input", "langchain.output", "langchain.metadata"):
        assert isinstance(json.loads(found[name]), dict)


def test_openinference_adds_the_whole_set(story, recorded):
    """Phoenix gets kind, model, tokens, session, inputs and outputs by the names it reads."""
    root = story.start("graph", "support", inputs={"input": "hi"}, metadata={"session_id": "s"}, tags=("a",))
    story.model(root)
    documents = [{"page_content": "text", "id": "d1", "metadata": {"score": 0.5}}]
    story.end(story.start("retriever", "R", root, inputs={"query": "hi"}), outputs={"documents": documents})
    story.end(root, outputs={"answer": "a", "b": 1})
    spans = recorded(story.events, openinference=True, content=True)
    assert {n: s.attributes["openinference.span.kind"] for n, s in spans.items()} == {
        "chat gpt-5": "LLM",
        "retrieval": "RETRIEVER",
        "invoke_workflow support": "CHAIN",
    }
    chat = spans["chat gpt-5"].attributes
    assert chat["llm.model_name"] == "gpt-5-2026-08-07"
    assert (chat["llm.token_count.prompt"], chat["llm.token_count.total"]) == (10, 15)
    assert json.loads(chat["llm.invocation_parameters"]) == {"temperature": 0.5}
    root = spans["invoke_workflow support"].attributes
    assert (root["input.value"], root["input.mime_type"]) == ("hi", "text/plain")
    assert json.loads(root["output.value"]) == {"answer": "a", "b": 1}
    assert (root["session.id"], root["tag.tags"]) == ("s", ("a",))
    assert spans["retrieval"].attributes["retrieval.documents.0.document.content"] == "text"


def test_poisonous_strings_do_no_harm(story, recorded):
    """Lone surrogates, huge integers and deep nesting anywhere are made harmless before the SDK."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    bad = "x\ud800y"
    deep: object = bad
    for _ in range(90):
        deep = {"a": deep}
    run = story.start(
        "graph", bad, metadata={bad: bad, "thread_id": bad, "n": 2**70}, tags=(bad,), inputs=deep
    )
    story.custom(run, bad, deep)
    story.fail(story.start("tool", bad, run, inputs={"n": 2**70, bad: deep}), bad, bad, bad)
    story.fail(run, bad)
    spans = recorded(story.events, content=True, openinference=True)
    assert len(spans) == 2
    encode_spans(list(spans.values())).SerializeToString()


def test_attributes_never_outgrow_the_limit(story, recorded, monkeypatch):
    """Where the environment allows few attributes, the conventions' own stay and others go."""
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "12")
    story.model(metadata={f"k{i}": i for i in range(50)})
    found = recorded(story.events, openinference=True, content=True)["chat gpt-5"].attributes
    assert len(found) <= 12
    assert found["gen_ai.operation.name"] == "chat"


def test_neighbours_tell_of_prompt_variables_and_tool_descriptions(story, recorded):
    """A model's span has what its prompt was filled with, where asked; a tool's the description models got."""
    root = story.start()
    hub = {"lc_hub_owner": "me", "lc_hub_repo": "greet", "lc_hub_commit_hash": "abc"}
    given = {"inputs": {"q": "hi", "n": 3}, "partial_variables": {"n": 1, "tone": "kind"}}
    story.end(story.start("prompt", "ChatPromptTemplate", root, metadata=hub, **given))
    tools = [{"type": "function", "function": {"name": "search", "description": "finds things"}}]
    story.model(root, parameters={"tools": tools})
    story.end(story.start("tool", "search", root))
    story.model(root, run_id="second", provider="other")
    story.end(root)
    spans = recorded(story.events, content=True)
    assert spans["execute_tool search"].attributes["gen_ai.tool.description"] == "finds things"
    variables = [
        {name: value for name, value in span.attributes.items() if name.startswith("gen_ai.prompt.variable.")}
        for span in recorded(story.events[:-3], content=True, prompts=True).values()
        if span.name == "chat gpt-5"
    ]
    named = "gen_ai.prompt.variable"
    assert variables == [{f"{named}.n": "3", f"{named}.tone": "kind", f"{named}.q": "hi"}]
    first = recorded(story.events[:-3], prompts=True)["chat gpt-5"].attributes
    assert (first["gen_ai.prompt.name"], first["gen_ai.prompt.version"]) == ("me/greet", "abc")
    assert "prompt.variable" not in str(dict(first))  # content
    # Langfuse takes any attribute that begins so for the prompt, and shows no messages.
    for other in (spans.values(), recorded(story.events[:-3], content=True).values()):
        assert "gen_ai.prompt" not in str([dict(span.attributes) for span in other])


@pytest.mark.parametrize(
    "message",
    [{"type": "human", "content": "x"}, {"role": "user", "content": "x"}, ["user", "x"], ["human", "x"]],
)
def test_messages_in_any_of_langchains_forms(story, recorded, message):
    """A graph's messages are read whether given as objects, dictionaries or pairs."""
    story.end(story.start("graph", "g", inputs={"messages": [message]}))
    found = recorded(story.events, content=True)["invoke_workflow g"].attributes
    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "x"}]}
    ]


class Captured(Deferred):
    """A payload as the sources capture it, which tells whether anybody turned it into JSON."""

    def __init__(self, value) -> None:
        self.value = value
        self.settled = False

    def settle_into(self, event, field) -> None:
        self.settled = True
        if isinstance(self.value, BaseException):
            raise self.value
        force_setattr(event, field, self.value)


@pytest.mark.parametrize("content", [False, True])
def test_what_no_span_shows_is_not_turned_into_json(story, recorded, content):
    """Inputs and outputs cost more than the rest of a run: with content off they stay as they are."""
    given, answered = Captured({"q": "why?"}), Captured("because")
    metadata, documents = Captured({"thread_id": "t"}), Captured({"documents": [{"page_content": "x"}]})
    root = story.start("chain", "support", inputs=given, metadata=metadata)
    story.end(story.start("retriever", "Store", root), outputs=documents)
    story.end(root, outputs=answered)
    spans = recorded(story.events, content=content)
    assert (given.settled, answered.settled) == (content, content)
    assert (metadata.settled, documents.settled) == (True, True)
    assert spans["invoke_workflow support"].attributes["gen_ai.conversation.id"] == "t"
    assert spans["retrieval"].attributes["langchain.retriever.document_count"] == 1


@pytest.mark.parametrize("error", [RecursionError("too deep"), SystemExit(1)])
def test_a_payload_that_fails_costs_itself_only(story, exporting, service, error):
    """Its span goes out all the same, once, and the failure is counted."""
    exporter = exporting(service.http)
    root = story.start("chain", "support", metadata=Captured(error))
    story.end(root)
    exporter.export(story.events)
    exporter.flush(5)
    exporter.close()
    assert exporter.statistics()["payloads_unreadable"] == 1
    assert exporter.statistics()["spans_sent"] == 1


def test_what_no_span_shows_is_not_kept(exporting, service):
    """With content off the program's own objects are free once the exporter is past them."""

    class Question:
        pass

    with EventBus() as bus:
        bus.attach(exporting(service.http, content=False))
        question = Question()
        gone = weakref.ref(question)
        observe(RunnableLambda(lambda _: "because"), bus=bus).invoke(question)
        del question
        assert bus.flush(10)
        gc.collect()
        assert gone() is None
