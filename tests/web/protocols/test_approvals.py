"""What a client is asked when LangChain's own middleware stops an agent before its tools."""

from __future__ import annotations

import json

import pytest
from answered import body_of
from wire_programs import approval, three_calls

from tracebus_exporters.web import stream_response

pytest.importorskip("langchain.agents.middleware", reason="the middleware needs the package langchain")
from langgraph.types import Command

CONFIG = {"configurable": {"thread_id": "t"}}
YES, NO = {"type": "approve"}, {"type": "reject", "message": "Too far."}


def told(program, wire, given=None):
    """Return the messages a client is sent."""
    asked = given or {"messages": [("user", "hi")]}
    body = body_of(lambda: stream_response(program, asked, CONFIG, wire=wire))
    frames = body.decode().strip().split("\n\n")
    return [json.loads(frame.removeprefix("data: ")) for frame in frames if frame != "data: [DONE]"]


def of(messages, type_):
    return [message for message in messages if message["type"] == type_]


def resumed(program, answer):
    return Command(resume={one.id: answer for one in program.get_state(CONFIG).interrupts})


def test_agui_has_one_interrupt_for_all_calls():
    """Both questions are asked, both calls are named; the answer gives each its result, the third runs."""
    program = approval(*three_calls())
    (finished,) = of(told(program, "agui"), "RUN_FINISHED")
    (asked,) = finished["outcome"]["interrupts"]
    assert asked["message"] == "Search for bus?\n\nSearch for tram?"
    assert asked["metadata"]["toolCallIds"] == ["c1", "c3"]
    assert "toolCallId" not in asked
    after = told(program, "agui", resumed(program, {"decisions": [YES, NO]}))
    results = {one["toolCallId"]: one["content"] for one in of(after, "TOOL_CALL_RESULT")}
    assert results.keys() == {"c1", "c2", "c3"}
    assert (results["c1"], results["c2"]) == ("found bus", "got N7")
    assert "Too far." in results["c3"]
    assert not of(after, "TOOL_CALL_START")


def test_the_ai_sdk_is_asked_for_each_call():
    """Approvals are numbered in the order of the decisions; the call refused is an error, the others are not."""
    program = approval(*three_calls())
    before = told(program, "ai")
    (asked,) = program.get_state(CONFIG).interrupts
    requests = of(before, "tool-approval-request")
    assert [(one["approvalId"], one["toolCallId"]) for one in requests] == [
        (f"{asked.id}:0", "c1"),
        (f"{asked.id}:1", "c3"),
    ]
    after = told(program, "ai", resumed(program, {"decisions": [YES, NO]}))
    assert {one["toolCallId"] for one in of(after, "tool-output-available")} == {"c1", "c2"}
    assert [one["toolCallId"] for one in of(after, "tool-output-error")] == ["c3"]


def per_call():
    try:
        return approval(*three_calls(), interrupt_mode="per_call")
    except TypeError:
        pytest.skip("needs a langchain whose middleware has interrupt_mode")


def test_an_interrupt_of_each_call_names_its_call():
    """With `interrupt_mode="per_call"` every interrupt is about the call it says it is about."""
    program = per_call()
    (finished,) = of(told(program, "agui"), "RUN_FINISHED")
    asked = finished["outcome"]["interrupts"]
    assert {one["toolCallId"]: one["message"] for one in asked} == {
        "c1": "Search for bus?",
        "c3": "Search for tram?",
    }
    after = told(program, "agui", resumed(program, YES))
    assert {one["toolCallId"] for one in of(after, "TOOL_CALL_RESULT")} == {"c1", "c3"}

    program = per_call()
    requests = of(told(program, "ai"), "tool-approval-request")
    ids = {one.id for one in program.get_state(CONFIG).interrupts}
    assert {one["toolCallId"] for one in requests} == {"c1", "c3"}
    assert {one["approvalId"] for one in requests} == ids
