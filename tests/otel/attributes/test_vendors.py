"""What backends that cannot run here would show, by their recorded rules; and vendors' own attributes."""

from __future__ import annotations

import json

import langfuse_rules as langfuse
import pytest

from tracebus.events import TokenUsage

RECIPE = {"content": True, "openinference": True, "vendor": "langfuse"}
"""README's, for Langfuse."""


def _told(story):
    noted = {"metadata": {"thread_id": "s-1"}, "tags": ("prod",)}
    root = story.start("chain", "desk", inputs={"q": "hi"}, **noted)
    story.end(story.start("prompt", "Greeting", root, inputs={"q": "hi"}, **noted), outputs="…")
    model = story.model(root, ended=False, **noted)
    story.stream(model)
    usage = TokenUsage(
        input_tokens=1_000, output_tokens=305, total_tokens=1_305, cache_read_tokens=100,
        cache_creation_tokens=200, reasoning_tokens=5, input_audio_tokens=50, output_audio_tokens=20,
        other={"input_text": 950},
    )  # fmt: skip
    story.end(model, usage=usage, outputs={"messages": [{"type": "ai", "content": "Hello"}]})
    documents = {"documents": [{"page_content": "p"}]}
    story.end(story.start("retriever", "R", root, inputs={"query": "q"}, **noted), outputs=documents)
    story.end(story.start("parser", "P", root, inputs="x", **noted), outputs="y")
    story.end(root, outputs="Hello")
    return story.events


def test_langfuse_shows_messages_and_not_the_prompts_variables(story, recorded):
    """A generation's input and output are its messages, after a prompt, too, with the recipe and without."""
    for options in (RECIPE, {"content": True}):
        found = recorded(_told(story), **options)["chat gpt-5"].attributes
        given, gave = langfuse.input_and_output(found)
        assert '"hi"' in given
        assert "Hello" in gave
        story.events.clear()


def test_langfuse_fills_everything_by_the_recipe(story, recorded):
    """Roots, retrievers, prompts and parsers have input and output; tags, session and first token are there."""
    spans = recorded(_told(story), **RECIPE)
    for span in spans.values():
        assert None not in langfuse.input_and_output(span.attributes)
        assert langfuse.session(span.attributes) == "s-1"
        assert langfuse.tags(span.attributes) == ["prod"]
    kinds = {name: langfuse.observation_type(span.attributes) for name, span in spans.items()}
    assert kinds == {
        "invoke_workflow desk": "CHAIN", "Greeting": "SPAN", "chat gpt-5": "GENERATION",
        "retrieval": "RETRIEVER", "P": "CHAIN",
    }  # fmt: skip
    first = langfuse.completion_start(spans["chat gpt-5"].attributes)
    assert first.endswith("Z")
    assert first.startswith("2023-11-14T22:13:20")


@pytest.mark.parametrize("semconv", ["0.1", "1.41"])
def test_langfuse_counts_every_token_once(story, recorded, semconv):
    """Cache writes and audio are parts of the total: 1,305 tokens, by either generation's names."""
    found = recorded(_told(story), **RECIPE, semconv=semconv)["chat gpt-5"].attributes
    booked = langfuse.usage(found)
    assert booked["total"] == 1_305
    assert (booked["input"], booked["input_cached_tokens"], booked["input_cache_creation"]) == (700, 100, 200)


def test_the_rules_tell_what_goes_wrong_without_the_recipe(story, recorded):
    """The recorded rules are sharp: without the recipe the total is too high, with prompts messages are gone."""
    found = recorded(_told(story), content=True)["chat gpt-5"].attributes
    assert langfuse.usage(found)["total"] > 1_305
    shown = recorded(_told(story), content=True, prompts=True)["chat gpt-5"].attributes
    assert "gen_ai.prompt.name" in langfuse.input_and_output(shown)[0]


def test_langsmith_gets_what_its_documents_name(story, recorded):
    """Kind, name, tags and thread by LangSmith's attributes, inputs and outputs by OpenInference's."""
    spans = recorded(_told(story), content=True, openinference=True, vendor="langsmith")
    found = spans["chat gpt-5"].attributes
    assert (found["langsmith.span.kind"], found["langsmith.trace.name"]) == ("llm", "ChatOpenAI")
    assert (found["langsmith.span.tags"], found["langsmith.metadata.thread_id"]) == ("prod", "s-1")
    assert json.loads(found["input.value"])["messages"]
    kinds = {name: span.attributes["langsmith.span.kind"] for name, span in spans.items()}
    assert kinds == {
        "invoke_workflow desk": "chain", "Greeting": "prompt", "chat gpt-5": "llm", "retrieval": "retriever",
        "P": "parser",
    }  # fmt: skip


def test_mlflow_gets_its_types_and_tags(story, recorded):
    """MLflow knows no prompts and parsers by OpenInference's kinds; a trace's tags stand on its root."""
    spans = recorded(_told(story), content=True, openinference=True, vendor="mlflow")
    kinds = {name: span.attributes["mlflow.spanType"] for name, span in spans.items()}
    assert kinds == {
        "invoke_workflow desk": "WORKFLOW", "Greeting": "CHAIN", "chat gpt-5": "CHAT_MODEL",
        "retrieval": "RETRIEVER", "P": "PARSER",
    }  # fmt: skip
    tagged = [name for name, span in spans.items() if "mlflow.traceTag.tags" in span.attributes]
    assert tagged == ["invoke_workflow desk"]


def test_no_vendor_is_written_unless_named(story, recorded):
    """By default nothing of a vendor's stands on spans."""
    for span in recorded(_told(story), content=True, openinference=True).values():
        assert not [
            name for name in span.attributes if name.startswith(("langfuse.", "langsmith.", "mlflow."))
        ]


@pytest.mark.parametrize("count", [0, 1, 10, 24, 100])
def test_as_many_documents_as_fit(story, recorded, count):
    """Documents are flattened up to the limit of attributes: whole ones, and nothing else is crowded out."""
    documents = [
        {"page_content": f"p{n}", "id": f"d{n}", "metadata": {"score": 0.5, "n": n}} for n in range(count)
    ]
    run = story.start("retriever", "R", inputs={"query": "q"})
    story.end(run, outputs={"documents": documents})
    found = recorded(story.events, content=True, openinference=True)["retrieval"].attributes
    shown = [name for name in found if name.endswith(".document.content")]
    assert len(found) <= 128
    assert len(shown) == min(count, len(shown))
    assert len(shown) >= min(count, 24)
    assert len([name for name in found if name.endswith(".document.metadata")]) == len(shown)
    assert "gen_ai.operation.name" in found
    assert "output.value" in found
    assert len(json.loads(found["gen_ai.retrieval.documents"])) == count
