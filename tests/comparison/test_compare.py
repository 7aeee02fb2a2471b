"""What corresponds in two runs, what differs, and where they took different ways."""

from __future__ import annotations

from compared_runs import step, tree
from hypothesis import given, settings
from hypothesis import strategies as st

from tracebus.comparison import aligned_runs, compare, line_pairs, report, unified

NAMES = st.sampled_from("abc")
STEPS = st.recursive(
    st.builds(step, NAMES, kind=st.sampled_from(["tool", "chat_model", "chain"]), given=NAMES, made=NAMES),
    lambda below: st.builds(lambda name, kids: step(name, *kids), NAMES, st.lists(below, max_size=4)),
    max_leaves=12,
)


def steps(found):
    return [
        (each.change, each.name, [difference.what for difference in each.differences]) for each in found.steps
    ]


@given(STEPS, STEPS)
@settings(max_examples=150, deadline=None)
def test_every_run_of_both_stands_in_the_alignment_once(one, other):
    """Nothing is lost, nothing is twice, each side keeps its order, and a pair is of one kind."""
    left, right = tree(one), tree(other)
    pairs = list(aligned_runs(left, right))
    assert [pair.left for pair in pairs if pair.left] == list(left.walk())
    assert [pair.right for pair in pairs if pair.right] == list(right.walk())
    assert all(pair.left.kind is pair.right.kind for pair in pairs[1:] if pair.left and pair.right)


@given(STEPS, STEPS)
@settings(max_examples=100, deadline=None)
def test_only_like_runs_are_the_same(one, other):
    """A run and its like are the same; two that are not part somewhere, from both sides."""
    assert compare(tree(one), tree(one)).same
    found = compare(tree(one), tree(other))
    assert found.same == (one == other)
    assert found.same == compare(tree(other), tree(one)).same
    assert found.same or found.steps[found.parted].change != "same"


def test_they_part_where_the_first_step_made_something_else_of_the_same():
    """The container's output differs too, and so do later prompts: the model that began it is named."""

    def agent(hour):
        ask = {"messages": [{"type": "human", "content": "When?"}]}
        more = {"messages": [*ask["messages"], {"type": "ai", "content": f"at {hour}"}]}
        return step(
            "agent",
            step("node", step("chat", kind="chat_model", given=ask, made=f"at {hour}"), made=f"at {hour}"),
            step("chat", kind="chat_model", given=more, made="bye"),
            given="When?",
            made=f"at {hour}",
        )

    found = compare(tree(agent(0)), tree(agent(12)))
    assert steps(found) == [
        ("differs", "agent", ["output"]),
        ("differs", "node", ["output"]),
        ("differs", "chat", ["answer"]),
        ("differs", "chat", ["prompt"]),
    ]
    assert found.parted == 2


def test_an_input_that_differs_comes_before_all_it_causes():
    """Two questions part at the question."""
    found = compare(
        tree(step("a", step("b", given="x"), given="x")), tree(step("a", step("b", given="y"), given="y"))
    )
    assert found.parted == 0


def test_a_step_more_is_no_difference_of_its_neighbours():
    """A third search on one side stands alone; those before and after correspond."""
    left = step("agent", step("think"), step("search", kind="tool", given="bus"), step("answer"))
    right = step(
        "agent",
        step("think"),
        step("search", kind="tool", given="bus"),
        step("search", kind="tool", given="tram"),
        step("answer"),
    )
    found = compare(tree(left), tree(right))
    assert [each.change for each in found.steps] == ["same", "same", "same", "only_right", "same"]
    assert found.parted == 3


def test_a_model_that_was_exchanged_is_the_same_step():
    """Another class of model in its place: the name and the model differ, and the step is not two."""
    left = step("chain", step("ChatA", kind="chat_model", model="small", made="yes"))
    right = step("chain", step("ChatB", kind="chat_model", model="large", made="yes"))
    found = compare(tree(left), tree(right))
    assert steps(found)[1] == (
        "differs",
        "ChatB" if found.steps[1].left is None else "ChatA",
        ["name", "model"],
    )


def test_time_and_tokens_alone_are_no_difference():
    """They are told, and both sides' numbers stand beside each other."""
    left = step("chat", kind="chat_model", made="x", took=1, tokens=10)
    found = compare(tree(left), tree(step("chat", kind="chat_model", made="x", took=3, tokens=20)))
    assert found.same
    assert (found.steps[0].left.duration, found.steps[0].right.duration) == (1.0, 3.0)
    assert (found.steps[0].left.input_tokens, found.steps[0].right.input_tokens) == (10, 20)


def test_ids_that_are_new_in_every_run_are_no_difference():
    """A message's id and a tool call's say nothing about what happened."""

    def node(number):
        call = {"name": "look", "args": {"q": "x"}, "id": f"call_{number}", "type": "tool_call"}
        message = {"type": "ai", "content": "", "id": f"m{number}", "tool_calls": [call]}
        state = {"tool_call": call, "state": {"messages": [message]}}
        return step("tools", kind="node", given=state, made={"messages": [message]})

    assert compare(tree(node(1)), tree(node(2))).same


def test_a_tree_deeper_than_the_stack():
    """Ten thousand levels are compared."""
    deep = {"made": "a"}, {"made": "b"}
    trees = []
    for fields in deep:
        data = step("leaf", **fields)
        for _ in range(300):
            data = step("level", data)
        trees.append(tree(data))
    found = compare(*trees)
    assert found.parted == 300


LINES = st.lists(st.text("ab c", max_size=6), max_size=12)


@given(LINES, LINES)
@settings(max_examples=200, deadline=None)
def test_both_texts_can_be_read_from_their_comparison(left, right):
    """The pairs hold every line of both in order; a pair is the same exactly where both lines are."""
    pairs = list(line_pairs(left, right))
    assert ["".join(part.text for part in pair.left) for pair in pairs if pair.left is not None] == left
    assert ["".join(part.text for part in pair.right) for pair in pairs if pair.right is not None] == right
    for pair in pairs:
        marked = [part for side in pair for part in side or () if part.changed]
        assert pair.same == (not marked)


@given(LINES, LINES)
@settings(max_examples=100, deadline=None)
def test_what_is_left_out_between_changes_is_counted(left, right):
    """Shown and counted lines together are all there are."""
    hunks = list(unified(left, right))
    assert sum(hunk if isinstance(hunk, int) else 1 for hunk in hunks) == len(list(line_pairs(left, right)))


def test_a_word_in_a_long_paragraph_is_found():
    """What stays the same around it is left out, and said how much it was; all of it with `--full`."""
    before, after = "Be brief. " * 300, "Be polite. " * 300
    (pair,) = line_pairs([f"{before}Answer in German.{after}"], [f"{before}Answer in French.{after}"])
    assert [[part.text for part in side if part.changed] for side in pair] == [["German"], ["French"]]
    found = compare(*(tree(step("ask", given=f"{before}Answer in {word}.{after}")) for word in "ab"))
    lines = list(report(found))
    assert any("{+b+}" in line and "… 2850 characters …" in line for line in lines)
    assert max(map(len, lines)) < 500
    assert max(map(len, report(found, full=True))) > len(before + after)


def test_a_line_without_a_word_in_common_is_cut():
    """A document of one line that was exchanged does not fill the screen."""
    found = compare(*(tree(step("ask", made=mark * 100_000)) for mark in "ab"))
    lines = list(report(found))
    assert any("… 99400 characters …" in line for line in lines)
    assert max(map(len, lines)) < 1_000


def test_thousands_of_steps_are_compared_while_one_waits():
    """What differs in the first of them is shown, and how many more there are is said."""
    pair = [
        tree(step("agent", *(step("look", kind="tool", given=f"{mark} {n}") for n in range(1_000))))
        for mark in "ab"
    ]
    found = compare(*pair)
    assert sum(each.change == "differs" for each in found.steps) == 1_000
    lines = list(report(found))
    assert lines[-1] == "… 960 steps more differ; all of them with --full"
    assert any("601 steps more" in line for line in lines)
    assert len(lines) < 1_000
