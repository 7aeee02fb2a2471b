"""A program that puts a canary in every place it can put one, for the tests of what leaves the process."""

from __future__ import annotations

import pytest
from langchain_core.callbacks import dispatch_custom_event
from langchain_core.documents import Document
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

from tracebus import Capture, EventBus, observe
from tracebus.exporting import resolve

CANARY = "c4nary" + "-in-the-mine"


class Model(BaseChatModel):
    """Says a canary in every field of its answer."""

    @property
    def _llm_type(self):
        return "canary"

    @property
    def _identifying_params(self):
        return {"system": CANARY, "instructions": [CANARY]}

    def _fields(self):
        return {
            "additional_kwargs": {"reasoning_content": CANARY, "more": {"deep": [CANARY]}},
            "response_metadata": {"logprobs": {"content": [{"text": CANARY}]}, "note": CANARY},
        }

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        calls = [{"type": "tool_call", "name": "look", "args": {"q": CANARY}, "id": "c1"}]
        bad = [{"type": "invalid_tool_call", "name": "look", "args": CANARY, "id": "c2", "error": CANARY}]
        content = [
            {"type": "text", "text": CANARY},
            {"type": "reasoning", "reasoning": CANARY},
            {"type": "image", "url": f"https://host/{CANARY}", "mime_type": "image/png"},
        ]
        message = AIMessage(content, tool_calls=calls, invalid_tool_calls=bad, **self._fields())
        info = {"thoughts": CANARY}
        return ChatResult(
            generations=[ChatGeneration(message=message, generation_info=info)], llm_output={"x": CANARY}
        )

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        pieces = [
            tool_call_chunk(name="look", args='{"q": "', id="c1", index=0),
            tool_call_chunk(args=CANARY, index=0),
        ]
        chunks = [AIMessageChunk(content=CANARY, **self._fields())]
        chunks += [AIMessageChunk(content="", tool_call_chunks=[piece]) for piece in pieces]
        for chunk in chunks:
            generated = ChatGenerationChunk(message=chunk)
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=generated)
            yield generated


@tool(response_format="content_and_artifact")
def look(q: str):
    """Look."""
    return CANARY, {"rows": [CANARY]}


@tool
def fail(q: str):
    """Fail."""
    raise ValueError(CANARY)


def program():
    model = Model()

    def work(given):
        prompt = [SystemMessage(CANARY), HumanMessage([{"type": "text", "text": CANARY}])]
        tools = [{"type": "function", "function": {"name": "look", "description": CANARY, "parameters": {}}}]
        model.bind(tools=tools).invoke(prompt)
        list(model.stream(prompt))
        look.invoke({"type": "tool_call", "name": "look", "args": {"q": CANARY}, "id": "c1"})
        dispatch_custom_event("progress", {"said": CANARY})
        RunnableLambda(lambda _: [Document(CANARY, metadata={"source": CANARY})]).invoke(CANARY)
        try:
            fail.invoke({"q": CANARY})
        except ValueError as error:
            raise RuntimeError(CANARY) from error

    return RunnableLambda(work, name="work")


def run(bus, capture):
    observed = observe(program(), bus=bus, capture=capture)
    config = {"metadata": {"note": CANARY, "nested": {"deep": [CANARY]}}}
    with pytest.raises(RuntimeError):
        observed.invoke({"question": CANARY}, config)
    assert bus.flush(20)


POLICIES = {
    "content off": Capture(content=False, metadata=False),
    "everything redacted": Capture(redact=lambda pointer, text: "[gone]"),
}
policies = pytest.mark.parametrize("capture", POLICIES.values(), ids=POLICIES.keys())
exits = pytest.mark.parametrize(
    ("capture", "seen"),
    [(None, True), *((capture, False) for capture in POLICIES.values())],
    ids=["no policy", *POLICIES],
)
"""Each policy, and none: that the canary is seen then proves that the exit is read where it would be."""


def attach(bus, url):
    """Attach what *url* names."""
    for exporter in resolve(url):
        bus.attach(exporter)


def events_under(capture):
    """Return the events of the program."""
    bus, events = EventBus(), []
    bus.attach(events.extend)
    run(bus, capture)
    bus.close(10)
    return events


def log_under(capture, url):
    """Write the program's events to the log *url*; return the URL."""
    bus = EventBus()
    attach(bus, url)
    run(bus, capture)
    bus.close(10)
    return url
