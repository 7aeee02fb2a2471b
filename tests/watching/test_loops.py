"""Running in circles: what counts, and what does not."""

from __future__ import annotations

import pytest

from tracebus.events import ErrorInfo, RunKind, RunRetried
from tracebus.watching import Loops
from tracebus.watching._circles import loops_in
from tracebus.watching._loops import parse_loops


def found(told, **loops):
    """Return the circles in what was told: kind, what, how often."""
    return [(fact.kind, fact.what, fact.count) for fact in loops_in(told.events, Loops(**loops))]


def message(text, **more):
    return {"type": "ai", "content": text, "id": f"run-{id(more)}", **more}


def test_one_tool_asked_the_same_three_times_with_one_result(told):
    """However else the messages differ; with the runs, and the tokens and dollars spent meanwhile."""
    told.start("root")
    runs = []
    for number in range(3):
        told.model(tokens=1_000)
        result = {"type": "tool", "content": "nothing", "id": str(number), "tool_call_id": f"call-{number}"}
        runs.append(told.tool("search", {"query": "night bus", "page": 1}, result))
    (fact,) = loops_in(told.events, Loops())
    assert (fact.kind, fact.what, fact.count, fact.runs) == ("same_call", "search", 3, tuple(runs))
    assert fact.tokens == 3_000
    assert fact.cost == pytest.approx(0.0075)


def test_a_longer_circle_is_told_of_again_when_it_has_doubled(told):
    """After 3, 6, 12 times: nobody is told of every round."""
    told.start("root")
    for _ in range(13):
        told.model()
        told.tool("search", {"query": "x"}, "nothing")
    assert [count for _, _, count in found(told)] == [3, 6, 12]


def test_what_fails_the_same_way_each_time_is_a_circle(told):
    """An agent that repeats a call it was refused."""
    told.start("root")
    for _ in range(3):
        told.model()
        told.tool("book", {"seat": 1}, error="the seat is taken")
    assert found(told) == [("same_call", "book", 3)]


@pytest.mark.parametrize("empty", [None, {}, "", "{}", {"input": ""}, {"a": None}])
def test_calls_without_arguments_are_none(told, empty):
    """All calls without arguments are the same."""
    told.start("root")
    for _ in range(9):
        told.tool("inbox", empty, "no mail")
    assert found(told) == []


def test_a_poll_whose_result_changes_is_none(told):
    """Nor one that says the same for a while, as long as it is never the same three times in a row."""
    told.start("root")
    for state in ("queued", "queued", "running", "running", "done"):
        told.model()
        told.tool("status", {"job": 7}, state)
    assert found(told) == []


def test_a_program_that_waits_between_its_calls_polls(told):
    """No model asks again: time passes, and the program looks whether something has changed."""
    told.start("root")
    for _ in range(9):
        told.tool("status", {"job": 7}, "running")
        told.now += 2_000_000_000
    assert found(told) == []


def test_calls_side_by_side_are_none(told):
    """A batch, branches of a parallel chain: none of them could know the result of another."""
    told.start("root")
    calls = [
        told.start(f"call-{n}", kind=RunKind.TOOL, name="search", inputs={"query": "x"}) for n in range(9)
    ]
    for call in calls:
        told.end(call, outputs="nothing")
    assert found(told) == []
    for _ in range(2):
        told.model()
        told.tool("search", {"query": "x"}, "nothing")
    assert found(told) == [("same_call", "search", 3)]  # the batch counts as one


def test_different_arguments_and_attempts_of_a_retry_are_none(told):
    """Pages of a result; a retried tool, which has its own rule."""
    told.start("root")
    for number in range(9):
        told.tool("search", {"query": "bus", "page": number}, "nothing")
    for attempt in range(1, 6):
        told.tool("flaky", {"x": 1}, error="reset", attempt=attempt)
    assert found(told) == []


def test_calls_that_overlap_one_after_another_are_none(told):
    """Batches inside a batch: each begins before the one before it ends."""
    told.start("root")
    ahead = told.start("call", kind=RunKind.TOOL, name="search", inputs={"query": "x"})
    for number in range(5):
        call = told.start(f"call-{number}", kind=RunKind.TOOL, name="search", inputs={"query": "x"})
        told.model()
        told.end(ahead, outputs="nothing")
        ahead = call
    told.end(ahead, outputs="nothing")
    assert found(told) == []


def test_calls_in_branches_side_by_side_are_none(told):
    """Batches of chains: a call may begin after another's end, in a branch that began before it."""
    told.start("root")
    for branch in range(4):
        told.start(f"branch-{branch}")
        told.start(f"step-{branch}", f"branch-{branch}")
    for branch in range(4):
        told.model()
        told.tool("search", {"query": "x"}, "nothing", parent=f"step-{branch}")
        told.end(f"step-{branch}")
    assert found(told) == []
    for branch in range(4):
        told.end(f"branch-{branch}")
    for _ in range(2):
        told.start("after", kind=RunKind.NODE)
        told.model()
        told.tool("search", {"query": "x"}, "nothing", parent="after")
        told.end("after")
    assert found(told) == [("same_call", "search", 3)]  # the branches count as one


def test_a_step_that_is_tried_again_asks_the_same_again(told):
    """What tries again has its own rule; what goes in circles within one attempt does."""
    told.start("root")
    for attempt in range(1, 6):
        told.start(f"step-{attempt}", attempt=attempt)
        told.start(f"inside-{attempt}", f"step-{attempt}")
        for _ in range(3 if attempt == 5 else 1):
            told.model()
            told.tool("flaky", {"x": 1}, error="reset", parent=f"inside-{attempt}")
        assert found(told) == ([("same_call", "flaky", 3)] if attempt == 5 else [])
        told.end(f"inside-{attempt}", error="reset")
        told.end(f"step-{attempt}", error="reset")


def conversation(told, answers, *, grows=True):
    """Tell of a model that answers again and again, in one conversation or to questions of their own."""
    told.start("root")
    history = [{"type": "human", "content": "go on"}]
    for number, answer in enumerate(answers):
        run_id = told.start(
            f"m{number}", kind=RunKind.CHAT_MODEL, name="model", inputs={"messages": list(history)}
        )
        told.end(run_id, outputs={"messages": [message(answer)]})
        if grows:
            history += [message(answer), {"type": "human", "content": "go on"}]


def test_the_same_answer_to_a_conversation_that_has_it_already(told):
    """The model was given its answer, and gives it again."""
    conversation(told, ["let me think", "I am thinking", "I am thinking", "I am thinking"])
    assert found(told) == [("same_answer", "model", 3)]


def test_the_same_answer_to_other_questions_is_none(told):
    """A classifier says yes to a hundred documents."""
    conversation(told, ["yes"] * 100, grows=False)
    assert found(told) == []


def test_two_nodes_that_hand_the_same_to_and_fro(told):
    """Three rounds in which both say what they said before; ids of messages differ."""
    told.start("root", kind=RunKind.GRAPH)
    for number in range(6):
        name, text = ("writer", "please review") if number % 2 == 0 else ("critic", "please rewrite")
        told.run(name, kind=RunKind.NODE, outputs={"messages": [message(text, id=str(number))]})
    ((kind, what, count),) = found(told)
    assert (kind, what, count) == ("ping_pong", "critic ⇄ writer", 3)


def test_two_nodes_that_make_something_of_it_are_none(told):
    """A writer whose draft changes, an agent and its tools."""
    told.start("root", kind=RunKind.GRAPH)
    for number in range(12):
        name, text = ("writer", f"draft {number}") if number % 2 == 0 else ("critic", "better")
        told.run(name, kind=RunKind.NODE, outputs={"messages": [message(text)]})
    for number in range(12):
        node = told.start(f"n{number}", kind=RunKind.NODE, name="tools" if number % 2 else "agent")
        if number % 2:
            told.tool("inbox", {}, "no mail", parent=node)
        told.end(node, outputs={"messages": [message("look again")]})
    assert found(told) == []


def handed(told, words):
    """Tell of a swarm in which two agents hand over to each other, saying *words* by turns."""
    told.start("root")
    for number, text in enumerate(words):
        told.model(text=text, calls=[{"name": "transfer", "args": {}, "id": str(number)}], tokens=10)
        told.tool("transfer_to_sales" if number % 2 else "transfer_to_support", {}, "done")


def test_two_agents_that_hand_over_to_each_other(told):
    """By handover tools, which have no arguments; nothing new is said meanwhile."""
    handed(told, ["not mine", "nor mine"] * 3)
    assert found(told) == [("ping_pong", "transfer_to_sales ⇄ transfer_to_support", 3)]


def test_agents_that_talk_or_work_between_handovers_are_none(told):
    """Something new was said each time, or a tool did something."""
    handed(told, [f"news {number}" for number in range(12)])
    assert found(told) == []
    told.events.clear()
    told.start("root")
    for number in range(12):
        told.tool("transfer_to_sales" if number % 2 else "transfer_to_support", {}, "done")
        told.tool("look_up", {"id": number}, number)
    assert found(told) == []


def retried(told, errors):
    told.start("root")
    step = told.start("step")
    for attempt, error in enumerate(errors, 2):
        told.events.append(
            RunRetried(
                time=told.now, run_id=step, parent_run_id="root", root_run_id="root", attempt=attempt,
                error=ErrorInfo(type="OSError", message=error),
            )
        )  # fmt: skip


def test_a_retry_that_never_changes_anything(told):
    """The third time that something is tried again after the same error."""
    retried(told, ["refused"] * 4)
    assert found(told) == [("same_failure", "step", 3)]


def test_a_retry_that_fails_otherwise_is_none(told):
    """Nor is one that gives up after three attempts, as most do."""
    retried(told, ["refused", "reset", "refused", "reset"])
    assert found(told) == []
    told.events.clear()
    retried(told, ["refused", "refused"])
    assert found(told) == []


def test_thresholds_can_be_set(told):
    """By number, and each kind switched off."""
    told.start("root")
    for _ in range(5):
        told.model()
        told.tool("search", {"query": "x"}, "nothing")
    assert found(told, same_call=5) == [("same_call", "search", 5)]
    assert found(told, same_call=2) == [("same_call", "search", 2), ("same_call", "search", 4)]
    assert found(told, same_call=0) == []
    assert parse_loops("same_call:5,ping_pong:0") == Loops(same_call=5, ping_pong=0)
    assert parse_loops("off") is None


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Loops(same_call=1), r"Loops\(same_call=…\) must be a number of times from 2, or 0, not 1"),
        (lambda: parse_loops("calls:3"), "no 'calls'; known are: off, same_call"),
        (lambda: parse_loops("same_call:often"), "'same_call:often' has no number such as same_call:3"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused(make, says):
    """The message names it and what there is."""
    with pytest.raises(ValueError, match=says):
        make()
