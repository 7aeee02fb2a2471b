"""The run tree against a naive recomputation over the whole history."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from written_events import History, openai, tokens

from tracebus.events import BatchMembership, Event, RunEnded, RunRetried, RunStarted, RunStreamed
from tracebus.tree import RunNode, RunTree, StatusCounts

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ("chain", "tool", "chat_model", "llm")
MODELS = ("chat_model", "llm")
OUTCOMES = ("ok", "error", "cancelled", "abandoned", "interrupted")
FIELDS = ("input_tokens", "output_tokens", "total_tokens")


@st.composite
def histories(draw: Callable[..., Any]) -> list[Event]:
    """Return the events of a few runs in a possible order, some runs being still open."""
    history = History()
    steps_back = draw(st.lists(st.sampled_from((1, 1, 1, 2, 3, 99)), min_size=1, max_size=8))
    ids = [f"r{number}" for number in range(len(steps_back))]
    for number, back in enumerate(steps_back):
        parent_id = ids[number - back] if back <= number else None
        kind = draw(st.sampled_from(KINDS))
        model = openai() if kind in MODELS else None
        history.start(ids[number], parent_id, at=number, kind=kind, model=model)
    count = st.none() | st.integers(0, 1000)
    usages = st.none() | st.builds(tokens, count, count)
    for step, run_id in enumerate(draw(st.lists(st.sampled_from(ids), max_size=20))):
        match draw(st.sampled_from(("stream", "end", "retry", "custom"))):
            case "stream":
                history.stream(run_id, draw(st.sampled_from(("", "a", "bc"))), at=10 + step)
            case "end":
                outcome = draw(st.sampled_from(OUTCOMES))
                history.end(run_id, at=10 + step, outcome=outcome, usage=draw(usages))
            case "retry":
                history.retry(run_id, draw(st.integers(2, 4)), at=10 + step)
            case _:
                history.custom(run_id, "note", at=10 + step)
    return history.events


@st.composite
def damaged(draw: Callable[..., Any]) -> list[Event]:
    """Return a history with events missing, repeated and out of order."""
    events = draw(histories())
    kept = [event for event in events if draw(st.integers(0, 4))]
    again = draw(st.lists(st.sampled_from(kept), max_size=5)) if kept else []
    return draw(st.permutations(kept + again))


def shown(node: RunNode) -> dict[str, Any]:
    """Return everything a view shows of a run."""
    return {
        "parent": node.parent and node.parent.run_id,
        "children": [child.run_id for child in node.children],
        "status": node.status,
        "text": node.text,
        "usage": node.usage,
        "usage_partial": node.usage_partial,
        "cost": node.cost,
        "cost_partial": node.cost_partial,
        "counts": node.counts,
        "retries": node.retries,
        "first": node.first_token_at,
        "custom": node.custom_events,
        "duration": node.duration,
    }


def all_shown(tree: RunTree) -> dict[str, Any]:
    return {node.run_id: shown(node) for root in tree.roots for node in root.walk()}


class Naive:
    """What the tree ought to say, worked out from scratch."""

    def __init__(self, events: list[Event]) -> None:
        self.of: dict[str, list[Any]] = {}
        seen: set[int] = set()
        for event in events:
            self.of.setdefault(event.root_run_id, [])
            if event.parent_run_id:
                self.of.setdefault(event.parent_run_id, [])
            own = self.of.setdefault(event.run_id, [])
            if event.seq not in seen:
                own.append(event)
            seen.add(event.seq)
        self.roots = {event.run_id: event.root_run_id for event in events}
        for event in events:
            self.roots.setdefault(event.parent_run_id or event.root_run_id, event.root_run_id)

    def first(self, run_id: str, kind: type) -> Any:
        return next((event for event in self.of[run_id] if isinstance(event, kind)), None)

    def parent(self, run_id: str) -> str | None:
        if self.roots.get(run_id, run_id) == run_id:
            return None
        own = self.of[run_id]
        return own[0].parent_run_id if own else self.roots[run_id]

    def children(self, run_id: str) -> list[str]:
        return [other for other in self.of if self.parent(other) == run_id]

    def status(self, run_id: str) -> str:
        end = self.first(run_id, RunEnded)
        if end is not None:
            return end.outcome.value
        return "running" if self.of[run_id] else "lost"

    def text(self, run_id: str) -> str:
        text, last = "", 0
        for event in self.of[run_id]:
            if isinstance(event, RunStreamed) and event.seq > last:
                text, last = text + event.text, event.seq
        return text

    def used(self, run_id: str) -> Counter[str]:
        """Return sums, how many runs know each field, and how many reported or stayed silent."""
        below: Counter[str] = Counter()
        for child in self.children(run_id):
            below.update(self.used(child))
        if below["reported"]:
            return below
        start, end = self.first(run_id, RunStarted), self.first(run_id, RunEnded)
        usage = end.usage if end is not None else None
        if usage is not None and any(getattr(usage, field) is not None for field in FIELDS):
            known = {field: getattr(usage, field) for field in FIELDS if getattr(usage, field) is not None}
            complete = usage.input_tokens is not None and usage.output_tokens is not None
            return Counter(
                reported=1, silent=not complete, **known, **{f"knows {field}": 1 for field in known}
            )
        if start is not None and start.kind.value in MODELS and end is not None and not below["silent"]:
            return Counter(silent=1)
        return below

    def descendants(self, run_id: str) -> list[str]:
        found = self.children(run_id)
        return found + [deeper for child in found for deeper in self.descendants(child)]


def assert_same(tree: RunTree, events: list[Event]) -> None:
    naive = Naive(events)
    assert len(tree) == len(naive.of)
    assert {root.run_id for root in tree.roots} == {
        run_id for run_id in naive.of if naive.parent(run_id) is None
    }
    for run_id in naive.of:
        node = tree.get(run_id)
        assert node is not None
        assert (node.parent and node.parent.run_id) == naive.parent(run_id)
        assert sorted(child.run_id for child in node.children) == sorted(naive.children(run_id))
        assert node.status == naive.status(run_id)
        assert node.text == naive.text(run_id)
        assert counted(node.counts) == Counter(map(naive.status, naive.descendants(run_id)))
        retried = [run_id, *naive.descendants(run_id)]
        assert node.retries == sum(
            isinstance(event, RunRetried) for run in retried for event in naive.of[run]
        )
        used = naive.used(run_id)
        for field in FIELDS:
            expected = used[field] if used["reported"] and used[f"knows {field}"] else None
            assert (node.usage and getattr(node.usage, field)) == expected
        assert node.usage_partial == bool(used["reported"] and used["silent"])


def counted(counts: StatusCounts) -> Counter[str]:
    return Counter({status: number for status, number in counts if number})


def folded(events: list[Event]) -> RunTree:
    tree = RunTree(price=lambda _model, usage: (usage.input_tokens or 0) * 0.1)
    for event in events:
        tree.apply(event)
    return tree


@given(histories())
def test_roll_ups_equal_a_recomputation(events):
    """Parents, states, texts, tokens and counts are what a look at the whole history gives."""
    assert_same(folded(events), events)


@given(damaged())
def test_roll_ups_survive_lost_repeated_and_shuffled_events(events):
    """Whatever arrives in whatever order, the totals agree with the runs that are known."""
    assert_same(folded(events), events)


@given(damaged(), st.randoms(use_true_random=False))
def test_roll_ups_are_the_same_whenever_they_are_read(events, chance):
    """Reading any run's totals on the way, or none, changes nothing of what is read at the end."""
    tree = folded([])
    for number, event in enumerate(events):
        in_batch = {"batch": BatchMembership("b", number, len(events))} if number % 3 == 0 else {}
        tree.apply(msgspec.structs.replace(event, **in_batch) if isinstance(event, RunStarted) else event)
        known = [node for root in tree.roots for node in root.walk()]
        if known and chance.random() < 0.5:
            read = chance.choice(known)
            assert read.generation <= tree.generation
            assert read.counts.total == sum(1 for _ in read.walk()) - 1
            if tree.batches and chance.random() < 0.5:
                assert tree.batches["b"].counters >= 0
    assert_same(tree, events)
    if "b" in tree.batches:
        members = tree.batches["b"].members.values()
        assert tree.batches["b"].counters == sum(node.counters for node in members)
    for root in tree.roots:
        open_runs = sum(node.status == "running" for node in root.walk())
        assert root.open_runs == open_runs
        assert {node.root for node in root.walk()} == {root}


def test_a_batch_adds_up_members_below_a_member_that_joins_late():
    """The late one is asked what it adds up to, and has the batch told of those below it on the way."""
    history = History()
    for number, parent_id in enumerate([None, "r0", "r1", "r2"]):
        history.start(f"r{number}", parent_id, at=number, batch=BatchMembership("b", number, 4))
    first, late, *below = history.events
    tree = folded([first, *below, late])
    assert tree.batches["b"].counters == sum(node.counters for node in tree.batches["b"].members.values())


@given(damaged())
def test_applying_again_changes_nothing(events):
    """A log read twice shows the same tree, and says so: no run is returned as changed."""
    tree = folded(events)
    before, generation = all_shown(tree), tree.generation
    assert [tree.apply(event) for event in events] == [None] * len(events)
    assert all_shown(tree) == before
    assert tree.generation == generation


@given(damaged())
def test_the_tree_s_own_totals_are_those_of_its_roots(events):
    """The whole tree counts every run once and spends what its roots spend."""
    tree = folded(events)
    nodes = [node for root in tree.roots for node in root.walk()]
    assert counted(tree.counts) == Counter(node.status for node in nodes)
    assert {node.run_id for node in tree.running} == {n.run_id for n in nodes if n.status == "running"}
    given = [
        root.usage.input_tokens for root in tree.roots if root.usage and root.usage.input_tokens is not None
    ]
    assert (tree.usage and tree.usage.input_tokens) == (sum(given) if given else None)
    assert tree.root_counts.total == len(tree.roots)


@given(damaged(), st.integers(1, 3))
def test_memory_is_bounded_by_finished_roots_only(events, max_roots):
    """With too many roots only finished ones have left, with all their runs."""
    tree = RunTree(max_roots=max_roots)
    for event in events:
        tree.apply(event)
    nodes = [node for root in tree.roots for node in root.walk()]
    assert len(nodes) == len(tree)
    if len(tree.roots) > max_roots:
        assert all(any(node.status == "running" for node in root.walk()) for root in tree.roots)
