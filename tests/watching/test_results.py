"""What calls put out is digested when it is compared: nothing noticed may differ, and little is held."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import StructuredTool
from written_events import History

import tracebus
from tracebus import Capture, EventBus
from tracebus.events import ErrorInfo, RunKind, TokenUsage, settle
from tracebus.sources.reading._messages import captured
from tracebus.watching import Loops
from tracebus.watching import _results as results
from tracebus.watching._circles import Circles
from tracebus.watching._results import Held
from tracebus.watching._said import is_call, plain_text
from tracebus.watching._watcher import watcher_of

SECOND = 1_000_000_000
POLICY = Capture()


class Odd:
    """Something of the program's, in a result."""

    def __init__(self):
        self.text = "as it was"

    def __repr__(self):
        return f"<{self.text}>"


def a_message(text, **more):
    return ToolMessage(text, tool_call_id="c", **more)


RESULTS = {
    "text": lambda: "nothing",
    "other text": lambda: "something " * 300,
    "message": lambda: a_message("nothing"),
    "the same, by another id": lambda: a_message("nothing", id="m2"),
    "other message": lambda: a_message("something"),
    "blocks": lambda: a_message([{"type": "text", "text": "nothing"}]),
    "artifact": lambda: a_message("nothing", artifact=Odd()),
    "data": lambda: {"rows": [{"cells": [1, 2]}], "odd": Odd()},
    "flat": lambda: {"rows": ["a", "b"]},
    "deep": lambda: {"a": {"b": {"c": {"d": ["e"]}}}},
    "secret": lambda: "password=hunter2hunter2",
    "none": lambda: None,
    "json": None,
}
"""What a tool may return, made anew each time."""


def changed_in_place(value):
    """Change what a program may change in what it was given."""
    if isinstance(value, ToolMessage):
        if isinstance(value.content, list):
            value.content[0]["text"] = "changed"
        else:
            value.content += ", changed"
        if value.artifact is not None:
            value.artifact.text = "changed"
    elif isinstance(value, dict):
        value.get("rows", []).append("changed")
        if "odd" in value:
            value["odd"].text = "changed"
        value["added"] = "changed"
        if "a" in value:
            value["a"]["b"]["c"]["d"].append("changed")


class Told:
    """Tells one `Circles` of events, and changes what they were made of right after."""

    def __init__(self, loops, most):
        self.history = History()
        self.held = Held(most)
        self.now = 0
        self.facts = []
        self.count = 0
        self.open = []
        self.conversation = []
        self.handovers = 0
        start = self.history.start("root")
        self.circles = Circles(start, loops, self.held)
        self.tell(start)

    def tell(self, event):
        number = len(self.history.events)
        self.facts += [(number, fact) for fact in self.circles.apply(event)]

    def start(self, name, kind, inputs, attempt, parent="root"):
        self.count += 1
        run_id = f"r{self.count}"
        taken = None if inputs is None else captured(inputs, POLICY)
        self.tell(
            self.history.start(
                run_id, parent, at=self.now, kind=kind, name=name, inputs=taken, attempt=attempt
            )
        )
        self.open.append(run_id)
        return run_id

    def end(self, result, error):
        run_id = self.open.pop(0)
        self.now += 0.1
        made = {"text": "nothing"} if result == "json" else RESULTS[result]()
        outputs = made if made is None or result == "json" else captured(made, POLICY)
        failed = ErrorInfo(type="OSError", message=error) if error else None
        self.tell(
            self.history.end(
                run_id, at=self.now, outcome="error" if error else "ok", error=failed, outputs=outputs
            )
        )
        if result != "json":
            changed_in_place(made)

    def answer(self, text, tools):
        run_id = self.start("model", RunKind.CHAT_MODEL, {"messages": list(self.conversation)}, None)
        self.open.remove(run_id)
        self.now += 0.1
        message = AIMessage(text, tool_calls=[{"name": tool, "args": {}, "id": run_id} for tool in tools])
        outputs = captured({"messages": [message]}, POLICY)
        self.tell(self.history.end(run_id, at=self.now, outputs=outputs, usage=TokenUsage(input_tokens=7)))
        self.conversation.append(AIMessage(text))
        message.content = "changed"

    def step(self, what, name, inputs, result, error=None, attempt=None):  # noqa: PLR0917  # as drawn
        if what == "wait":
            self.now += 2
        elif what == "model":
            self.answer(result if error is None else "", [] if inputs else [name])
        elif what == "hand over":
            self.handovers += 1
            self.answer("" if error is None else error, ["transfer_to"])
            self.step("call", f"transfer_to_{self.handovers % 2}", {}, "text")
        elif what == "attempt":
            run_id = self.start("step", RunKind.CHAIN, None, attempt)
            self.start(name, RunKind.TOOL, inputs, None, run_id)
            self.open.remove(run_id)
            self.end(result, error)
            self.tell(self.history.end(run_id, at=self.now))
        else:
            self.start(name, RunKind.TOOL, inputs, attempt)
            if what == "call":
                self.end(result, error)
        while what != "side by side" and self.open:
            self.end(result, error)


steps = st.tuples(
    st.sampled_from(
        ["call"] * 6 + ["model", "model", "hand over", "hand over", "wait", "side by side", "attempt"]
    ),
    st.sampled_from(["search", "search", "look", "transfer_to_a", "transfer_to_b"]),
    st.sampled_from([{"q": 1}, {"q": 1}, {"q": 2}, {"q": 1, "token": "x"}, "x", None]),
    st.sampled_from(sorted(RESULTS)) | st.sampled_from(["message", "deep", "data"]),
    st.sampled_from([None] * 5 + ["refused", "reset"]),
    st.sampled_from([None] * 5 + [2, 3]),
)
again = st.integers(1, 7)
numbers = st.sampled_from([0, 2, 2, 3])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(steps, again), max_size=12),
    st.builds(Loops, same_call=numbers, same_answer=numbers, ping_pong=numbers),
    st.sampled_from([1_200, 5_000, 4_000_000]),
)
def test_the_same_is_noticed_at_the_same_time_whenever_results_are_digested(story, loops, most):
    """At once, as far as there is room, or when they are compared: of results the program changes later."""
    told = [Told(loops, room) for room in (0, most)]
    for step, times in story:
        for _ in range(times):
            for one in told:
                one.step(*step)
                assert one.held.bytes <= one.held.most
    at_once, later = told
    assert later.facts == at_once.facts
    later.circles.results.close()
    assert later.held.bytes == 0


LONG_KEYS = {"type": "text", "text": "x", **{f"{n:0250}": 2**900 for n in range(9)}}
CONTENTS = ["", "hi", "long " * 400, [{"type": "text", "text": "hi"}], [LONG_KEYS]]


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"content": False},
        *({"max_size": size} for size in (20, 300, 500, 700, 3_000, 30_000)),
        *({"max_items": items} for items in (1, 2, 3, 8)),
        *({"max_depth": depth} for depth in (1, 2, 3)),
        *({"redact_keys": {key}} for key in ("messages", "tool_calls", "content")),
        {"max_size": 30_000, "redact": lambda at, text: text * 20_000 if "content" in at else text},
    ],
)
def test_what_is_taken_for_a_call_of_tools_unseen_says_nothing_in_words(limits):
    """Whatever the limits leave of it: nobody would have seen a text in its JSON."""
    policy = Capture(**limits)
    calls = [{"name": "look", "args": {"x": 1}, "id": "c"}]
    messages = [AIMessage(content, tool_calls=calls * n) for content in CONTENTS for n in range(3)]
    for said in ([], *([one] for one in messages), *([one, messages[3]] for one in messages)):
        payload = captured({"messages": said}, policy)
        called = is_call(payload)
        event = settle(History().end("r", outputs=payload), ("outputs",))
        assert not called or plain_text(event.outputs) is None
        if not limits and len(said) == 1:
            assert called == bool(said[0].tool_calls)


def test_a_result_is_made_json_when_the_same_is_asked_again(monkeypatch):
    """Not for calls that are all different."""
    digested = []
    monkeypatch.setattr(results, "said", lambda outputs: digested.append(outputs) or b"same")
    told = Told(Loops(), 1_000_000)
    for number in range(10):
        told.step("call", "search", {"q": number}, "message")
    assert digested == []
    told.step("call", "search", {"q": 9}, "message")
    assert len(digested) == 2


def test_what_models_said_is_held_for_handovers_only():
    """A tool that does something has come between: what was said before is not compared any more."""
    told = Told(Loops(), 1_000_000)
    for _ in range(9):
        told.step("model", "search", None, "text")
    assert told.held.bytes > 9 * 500
    told.step("call", "search", {"q": 1}, "message")
    assert told.held.bytes == 0


def test_no_more_is_held_than_there_is_room_for(monkeypatch):
    """Of one root run, and of all: beyond that results are digested at once."""
    monkeypatch.setattr(results, "_MOST_OF_RUN", 20_000)
    monkeypatch.setitem(RESULTS, "long", lambda: a_message("long " * 600))
    one = Told(Loops(), 1_000_000)
    for number in range(50):
        one.step("call", "search", {"q": number}, "long")
    assert 10_000 < one.held.bytes <= 20_000


def test_what_a_waiting_program_asked_before_is_held_no_more():
    """Time went by: nothing is compared with it."""
    told = Told(Loops(), 1_000_000)
    for _ in range(50):
        told.step("call", "search", {"q": 1}, "message")
        told.step("wait", "search", None, "none")
    assert told.held.bytes < 2_000


def look(page: int) -> tuple[str, object]:
    """Look at a page."""
    kept = Odd()
    look.made.append(weakref.ref(kept))
    return f"page {page}", kept


def test_nothing_of_the_program_lives_longer_by_it():
    """A result with an object of the program in it is digested at once."""
    look.made = []
    tool = StructuredTool.from_function(look, response_format="content_and_artifact")
    with EventBus() as bus:
        watcher = watcher_of(bus)

        def work(pages):
            for page in pages:
                tool.invoke({"type": "tool_call", "id": "c", "name": "look", "args": {"page": page}})
            assert bus.flush(10)
            gc.collect()
            return sum(made() is not None for made in look.made[4:])

        chain = tracebus.observe(RunnableLambda(work), bus=bus)
        assert chain.invoke(list(range(12))) == 0
        assert bus.flush(10)
        assert watcher.circles.held_bytes == 0


@pytest.mark.parametrize("given_back", [4_096, 1_000_000_000])
def test_what_is_held_is_part_of_the_bus_memory(given_back):
    """It counts while the root run goes on, within a share of what the bus may keep; then no more."""

    def page(number: int) -> str:
        """Return a page."""
        return f"page {number} " + "text " * 200

    tool = StructuredTool.from_function(page)
    seen = []
    with EventBus(max_bytes=given_back) as bus:
        watcher = watcher_of(bus)

        def work(pages):
            for number in pages:
                tool.invoke({"type": "tool_call", "id": "c", "name": "page", "args": {"number": number}})
            assert bus.flush(10)
            seen.append(watcher.circles.held_bytes)

        tracebus.observe(RunnableLambda(work), bus=bus).invoke(list(range(20)))
        assert bus.flush(10)
        assert watcher.circles.held_bytes == 0
    assert seen[0] <= given_back // 8
    assert (seen[0] > 20_000) == (given_back > 4_096)
