"""What the run tree says about runs."""

from __future__ import annotations

import gc
import weakref
from typing import NamedTuple

import pytest
from written_events import EPOCH, SECOND, History, openai, tokens

from tracebus.events import BatchMembership, ModelInfo, RunKind, RunStarted, TokenUsage, ToolCallFragment
from tracebus.tree import RunStatus, RunTree, ToolCall, _rollup


class Snapshot(NamedTuple):
    seq: int
    open: tuple[RunStarted, ...]


def folded(history: History, **options) -> RunTree:
    tree = RunTree(**options)
    for event in history.events:
        tree.apply(event)
    return tree


def test_a_model_run_tells_its_times_text_and_price():
    """A streamed answer has a first token, a rate, its text, its tokens and what it cost."""
    history = History()
    history.start("chain")
    history.start("model", "chain", at=1, kind="chat_model", model=openai())
    history.stream("model", at=1.2)
    for number, word in enumerate(("one ", "two ", "three")):
        history.stream("model", word, at=1.5 + number / 2)
    history.end("model", at=3.5, usage=tokens(1_000_000, 100))
    history.end("chain", at=4)
    tree = folded(history)
    model, chain = tree.get("model"), tree.get("chain")
    assert (model.status, model.kind, model.duration) == (RunStatus.OK, RunKind.CHAT_MODEL, 2.5)
    assert (model.time_to_first_token, model.tokens_per_second, model.chunks) == (0.5, 50.0, 3)
    assert model.text == "one two three"
    assert model.cost == chain.cost == pytest.approx(0.15006)
    assert (chain.usage, chain.own_usage) == (tokens(1_000_000, 100), None)
    assert (chain.time_to_first_token, chain.tokens_per_second) == (1.5, None)
    assert [root.name for root in tree.roots] == ["chain"]
    assert chain.children == [model]
    assert model.parent is chain


def test_a_running_run_has_no_duration_but_an_age():
    """What has not ended is measured against a time given."""
    history = started()
    tree = folded(history)
    run = tree.get("run")
    assert (run.status, run.duration, run.tokens_per_second) == (RunStatus.RUNNING, None, None)
    assert run.elapsed(EPOCH + 3 * SECOND) == 3.0
    assert list(tree.running) == [run]
    tree.apply(history.end("run", at=2))
    assert (run.duration, run.elapsed(EPOCH + 9 * SECOND), list(tree.running)) == (2.0, 2.0, [])


def started() -> History:
    history = History()
    history.start("run")
    return history


def test_unknown_usage_is_none_and_marks_the_total():
    """A model that reports nothing leaves its own usage unknown and its parents' too low, visibly."""
    history = started()
    for name, usage in (("told", tokens(10, 5)), ("silent", None)):
        history.start(name, "run", kind="chat_model", model=openai())
        history.end(name, usage=usage)
    tree = folded(history)
    assert (tree.get("silent").usage, tree.get("silent").cost) == (None, None)
    assert not tree.get("told").usage_partial
    assert tree.get("run").usage == tokens(10, 5)
    assert tree.get("run").usage_partial
    assert tree.get("run").cost_partial


def test_a_model_inside_a_model_is_counted_once():
    """A wrapper that reports its inner model's tokens again adds nothing; without the inner report it counts."""
    history = started()
    history.start("outer", "run", kind="chat_model", model=openai())
    history.start("inner", "outer", kind="chat_model", model=openai())
    history.end("outer", usage=tokens(100, 10))
    tree = folded(history)
    assert tree.get("run").usage == tokens(100, 10)
    tree.apply(history.end("inner", usage=tokens(90, 9)))
    assert tree.get("run").usage == tree.get("outer").usage == tokens(90, 9)
    assert tree.get("outer").own_usage == tokens(100, 10)
    assert not tree.get("run").usage_partial


def test_details_of_tokens_add_up():
    """Cached and reasoning tokens are summed apart, and stay unknown where nobody reported them."""
    history = started()
    for number in range(2):
        history.start(f"m{number}", "run", kind="llm", model=openai())
        history.end(f"m{number}", usage=tokens(100, 50, cache_read_tokens=40, reasoning_tokens=number))
    usage = folded(history).get("run").usage
    assert usage == TokenUsage(
        input_tokens=200, output_tokens=100, total_tokens=300, cache_read_tokens=80, reasoning_tokens=1
    )


def test_absurd_counts_do_not_leak_into_other_counters():
    """Negative and huge token counts are cut off; every other figure stays right."""
    history = started()
    for number, usage in enumerate((tokens(-5, 2**70), tokens(1, 1))):
        history.start(f"m{number}", "run", kind="llm")
        history.end(f"m{number}", usage=usage)
    run = folded(history).get("run")
    assert run.usage.input_tokens == 1
    assert run.usage.output_tokens > 2**51
    assert run.counts.ok == run.counts.total == 2


def test_a_cached_answer_costs_nothing():
    """An answer out of LangChain's cache costs 0, whatever model gave it once."""
    history = started()
    history.start("m", "run", kind="chat_model", model=ModelInfo(provider="who", name="knows"))
    history.end("m", usage=tokens(0, 0), cached=True)
    assert folded(history).get("run").cost == 0.0


def test_the_user_s_price_counts_and_may_fail(caplog):
    """A price function replaces the list prices; one that raises costs the price, never the fold."""
    history = started()
    history.start("m", "run", kind="chat_model", model=openai())
    history.end("m", usage=tokens(3, 0))
    assert folded(history, price=lambda model, usage: usage.input_tokens * 2.0).get("run").cost == 6.0
    broken = folded(history, price=lambda model, usage: 1 / 0)
    assert (broken.get("run").cost, broken.get("run").usage) == (None, tokens(3, 0))
    assert "price function" in caplog.text


def test_tool_calls_are_put_together():
    """Fragments with one index make one call, also where every call comes as index 0 with its own id."""
    history = started()
    for fragments in (
        [ToolCallFragment(index=0, id="a", name="search", args="")],
        [ToolCallFragment(index=0, args='{"q":'), ToolCallFragment(index=1, id="b", name="sum", args="[1")],
        [ToolCallFragment(index=1, args="]"), ToolCallFragment(index=0, args='"x"}')],
        [ToolCallFragment(index=0, id="c", name="stop", args="{}")],
    ):
        history.stream("run", tool_calls=tuple(fragments))
    assert folded(history).get("run").tool_calls == (
        ToolCall("a", "search", '{"q":"x"}'),
        ToolCall("b", "sum", "[1]"),
        ToolCall("c", "stop", "{}"),
    )


def test_an_answer_that_was_not_streamed_is_read_from_the_outputs():
    """Text and tool calls of a plain invoke come out of the final message."""
    history = started()
    call = {"id": "1", "name": "f", "args": {"x": 1}}
    history.end(
        "run", outputs={"messages": [{"content": [{"type": "text", "text": "hi"}], "tool_calls": [call]}]}
    )
    run = folded(history).get("run")
    assert run.text == "hi"
    assert run.tool_calls == (ToolCall("1", "f", '{"x":1}'),)


@pytest.mark.parametrize(
    "outputs",
    [None, 3, "text", [], {"messages": None}, {"messages": [None, 1, {"content": 3, "tool_calls": [1]}]}],
)
def test_outputs_of_any_shape_are_taken(outputs):
    """What is no message has no text and no tool call, and raises nothing."""
    history = started()
    history.end("run", outputs=outputs)
    run = folded(history).get("run")
    assert (run.text, run.tool_calls, run.outputs) == ("", (), outputs)


def test_late_inputs_replace_the_first():
    """Inputs known only at the end are the ones shown."""
    history = History()
    history.start("run", inputs={"input": ""})
    assert folded(history).get("run").inputs == {"input": ""}
    history.end("run", inputs={"input": "real"})
    assert folded(history).get("run").inputs == {"input": "real"}


def test_retries_add_up_and_attempts_are_known():
    """Announced retries count on the run and its ancestors; an attempt's own number is known, too."""
    history = started()
    history.start("step", "run", attempt=3)
    history.retry("step", 2)
    history.retry("step", 4)
    tree = folded(history)
    assert (tree.get("step").retries, tree.get("run").retries) == (2, 2)
    assert (tree.get("step").attempts, tree.get("run").attempts) == (4, 1)


def test_the_model_that_answered_is_named():
    """The answer's model name wins over the one asked for; provider and parameters stay."""
    history = History()
    asked = ModelInfo(provider="openai", name="gpt-4o-mini", parameters={"temperature": 0})
    history.start("run", kind="chat_model", model=asked)
    history.end("run", model=ModelInfo(name="gpt-4o-mini-2024-07-18"), usage=tokens(1_000_000, 0))
    run = folded(history).get("run")
    assert run.model == ModelInfo(
        provider="openai", name="gpt-4o-mini-2024-07-18", parameters={"temperature": 0}
    )
    assert run.cost == pytest.approx(0.15)


def test_a_batch_is_counted_as_one():
    """A batch's runs are counted by outcome while they run, with their tokens and cost."""
    history = History()
    for number in range(3):
        history.start(f"r{number}", at=number, name="classify", batch=BatchMembership("b", number, 4))
        history.start(f"m{number}", f"r{number}", kind="chat_model", model=openai())
    history.end("m0", usage=tokens(10, 5))
    history.end("r0", at=5)
    history.end("r1", at=6, error="ValueError: no")
    tree = folded(history)
    group = tree.batches["b"]
    assert (group.name, group.size, group.started, group.running, group.ok, group.error) == (
        "classify",
        4,
        3,
        1,
        1,
        1,
    )
    assert (group.usage, group.done, group.last_ended_at) == (tokens(10, 5), False, EPOCH + 6 * SECOND)
    assert list(group.members) == ["r0", "r1", "r2"]
    assert tree.get("r2").batch_group is group


def test_a_gap_is_counted_and_what_is_missing_is_lost_not_guessed():
    """After a gap, a run known from its child only is lost; a sign of life makes it running, its end ended."""
    history = started()
    history.start("middle", "run")
    history.start("leaf", "middle")
    first, middle, leaf = history.events
    gap, stream, end = history.gap(2), history.stream("middle", "x"), history.end("middle")
    tree = RunTree()
    tree.apply(leaf)
    tree.apply(gap)
    assert (tree.missed, tree.get("middle").status, tree.get("run").status) == (
        2,
        RunStatus.LOST,
        RunStatus.LOST,
    )
    assert tree.get("middle").name == "?"
    tree.apply(stream)
    assert tree.get("middle").status is RunStatus.RUNNING
    tree.apply(end)
    tree.apply(middle)
    assert (tree.get("middle").status, tree.get("middle").name) == (RunStatus.OK, "middle")
    tree.apply(first)
    assert (tree.get("run").status, tree.get("run").counts.ok, len(tree)) == (RunStatus.RUNNING, 1, 3)


def test_a_run_seen_before_its_parents_finds_its_place():
    """A late start moves its run, with what hangs under it, to the right parent; totals move along."""
    history = History()
    history.start("root")
    history.start("upper", "root")
    history.start("lower", "upper")
    history.start("model", "lower", kind="chat_model", model=openai())
    history.stream("model", "x", at=0.5)
    history.end("model", usage=tokens(10, 5))
    tree = RunTree()
    for event in reversed(history.events):
        tree.apply(event)
    root = tree.get("root")
    assert [node.run_id for node in root.walk()] == ["root", "upper", "lower", "model"]
    assert (root.counts.total, root.counts.ok, tree.counts.total) == (3, 1, 4)
    assert root.usage == tree.get("upper").usage == tree.usage == tokens(10, 5)
    assert tree.get("upper").time_to_first_token == 0.5


def test_a_resynchronisation_adds_loses_and_doubles_nothing():
    """Listed runs are kept or added once, unlisted ones are lost, and later ones are left alone."""
    history = started()
    kept, unseen = history.events[0], history.start("unseen")
    gone = history.start("gone", "run")
    later = history.start("later")
    tree = RunTree()
    for event in (kept, gone, later):
        tree.apply(event)
    for _ in range(2):
        tree.resync(Snapshot(seq=3, open=(kept, unseen)))
    states = {node.run_id: node.status.value for root in tree.roots for node in root.walk()}
    assert states == {"run": "running", "gone": "lost", "later": "running", "unseen": "running"}
    assert tree.counts.total == 4
    tree.apply(history.end("gone", outcome="error"))
    assert tree.get("gone").status is RunStatus.ERROR


def test_a_lost_run_s_clock_stops_at_its_last_sign_of_life():
    """When the source is gone, open runs are lost, and shown as long as they were seen."""
    history = started()
    history.stream("run", "x", at=2)
    tree = folded(history)
    tree.lose()
    assert (tree.get("run").status, tree.get("run").duration) == (RunStatus.LOST, 2.0)
    tree.apply(history.stream("run", "y", at=3))
    assert (tree.get("run").status, tree.get("run").duration) == (RunStatus.RUNNING, None)


def test_finished_roots_leave_and_open_ones_stay():
    """Beyond the limit the root that finished first goes, with its runs, and its late events are ignored."""
    history = History()
    for name in ("open", "first", "second", "third"):
        history.start(name)
        history.start(f"{name}-child", name)
        if name != "open":
            history.end(f"{name}-child")
            history.end(name)
    tree = folded(history, max_roots=2)
    assert [root.run_id for root in tree.roots] == ["open", "third"]
    assert (len(tree), tree.counts.total, tree.root_counts.ok) == (4, 8, 3)
    assert tree.apply(history.custom("first-child", "late")) is None
    assert tree.get("first") is None


def test_evicted_runs_return_their_memory_at_once():
    """No cycle keeps an evicted run alive until the garbage collector comes."""
    history = History()
    history.start("run", batch=BatchMembership("b", 0, 1))
    history.start("child", "run")
    tree = folded(history)
    gone = weakref.ref(tree.get("child"))
    gc.disable()
    try:
        tree.forget("run")
        assert gone() is None
    finally:
        gc.enable()
    assert (len(tree), len(tree.roots), list(tree.running), tree.batches) == (0, 0, [], {})
    assert (tree.counts.running, tree.counts.lost) == (0, 2)


def test_a_late_child_brings_a_finished_root_back():
    """A root is kept while anything in it runs, also when the child started after the root's end."""
    history = started()
    history.end("run")
    history.start("late", "run")
    history.start("other")
    tree = folded(history, max_roots=1)
    assert [root.run_id for root in tree.roots] == ["run", "other"]
    tree.apply(history.end("late"))
    assert [root.run_id for root in tree.roots] == ["other"]


def test_apply_says_what_changed():
    """The run touched is returned, and its ancestors' generation rises with its own when totals change."""
    history = started()
    history.start("child", "run")
    tree = folded(history)
    before = tree.generation
    stream = history.stream("child", "x")
    assert tree.apply(stream) is tree.get("child")
    assert tree.apply(stream) is None
    assert tree.get("child").generation > before
    seen = tree.generation
    tree.apply(history.end("child"))
    assert tree.get("run").generation > seen


def test_parents_that_form_a_circle_are_survived():
    """Two runs that claim to be each other's parent end up under their root."""

    def begun(run_id, parent):
        return RunStarted(
            time=EPOCH,
            run_id=run_id,
            parent_run_id=parent,
            root_run_id="root",
            kind=RunKind.CHAIN,
            name=run_id,
        )

    tree = RunTree()
    tree.apply(begun("b", "a"))
    tree.apply(begun("a", "b"))
    assert {node.run_id for root in tree.roots for node in root.walk()} == {"root", "a", "b"}


def test_a_tree_a_thousand_deep_is_no_deeper_than_any_other():
    """Depth costs time, not the stack."""
    history = started()
    parent = "run"
    for number in range(2000):
        history.start(f"r{number}", parent)
        parent = f"r{number}"
    tree = folded(history)
    assert tree.get("run").counts.running == 2000
    assert sum(1 for _ in tree.get("run").walk()) == 2001
    assert sum(1 for _ in tree.get(parent).ancestors()) == 2000


def test_an_event_costs_the_same_however_deep(monkeypatch):
    """Each run is told about once when totals are read; who reads the innermost only pays for that."""
    told = []
    take = _rollup.take
    monkeypatch.setattr(_rollup, "take", lambda node: told.append(node) or take(node))
    history = started()
    parent = "run"
    for number in range(1000):
        history.start(f"r{number}", parent)
        parent = f"r{number}"
    tree = folded(history)
    assert not told
    assert tree.get("run").counts.running == 1000
    assert len(told) == 1000
    told.clear()
    for number in reversed(range(1000)):
        tree.apply(history.end(f"r{number}"))
        assert tree.get(f"r{number}").counts.running == 0
    assert len(told) == 999
    assert tree.get("run").counts.ok == 1000
    assert len(told) == 1000


def test_a_custom_event_is_kept_in_order_and_the_newest_thousand():
    """Custom events are kept once each, by seq, and do not fill the memory."""
    history = started()
    events = [history.custom("run", "n", number) for number in range(1500)]
    tree = folded(history)
    assert [event.data for event in tree.get("run").custom_events] == list(range(500, 1500))
    assert tree.apply(events[0]) is None
    assert tree.apply(events[-1]) is None


def test_a_tree_without_room_is_refused():
    """A limit of no roots is an error that says so."""
    with pytest.raises(ValueError, match="max_roots is 0"):
        RunTree(max_roots=0)
