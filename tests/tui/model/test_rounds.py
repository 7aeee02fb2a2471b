"""The middle rounds of a long agent as one row, and the numbers of model calls."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tui_support import EPOCH, SECOND, History

from tracebus.tree import RunStatus
from tracebus_tui.model import Runs, Together, View

FAR = EPOCH + 10_000 * SECOND


class Agent:
    """An agent of rounds, each a node with a model call and a node with a tool, and its view."""

    def __init__(self):
        self.h = History()
        self.runs = Runs()
        self.view = View(self.runs)
        self.second = 0
        self.now = FAR
        self.rounds = 0
        self.runs.apply([self.h.start("agent", at=0, kind="agent")])

    def step(self, name, error=None, *, ended=True):
        """Run a node with one run inside."""
        self.second += 1
        inner, kind = f"{name} {self.second}", "chat_model" if name == "model" else "tool"
        node = f"node {self.second}"
        events = [
            self.h.start(node, "agent", at=self.second, name=name, kind="node"),
            self.h.start(inner, node, at=self.second, kind=kind),
        ]
        if ended:
            events.append(self.h.end(inner, at=self.second + 0.5, error=error))
            events.append(self.h.end(node, at=self.second + 0.6, error=error))
        self.runs.apply(events)
        return inner

    def round(self, error=None):
        self.rounds += 1
        self.step("model")
        self.step("tools", error)

    def tidy(self):
        self.now += 10 * SECOND
        self.runs.tidy(self.now)
        self.view.settle()

    @property
    def below(self):
        """What stands directly below the agent."""
        rows = self.runs.row_of("agent").kids
        return [row.item.title if isinstance(row.item, Together) else row.item.name for row in rows]


def agent(rounds, **options):
    found = Agent()
    for _ in range(rounds):
        found.round(**options)
    found.tidy()
    return found


TURN = ["model", "tools"]


def test_the_middle_of_a_long_agent_is_one_row():
    """The first round and the last two stay; what goes on joins the row there is, in one piece."""
    long = agent(60)
    assert long.below == [*TURN, "57 rounds", *TURN, *TURN]
    fold = long.runs.row_of("agent").kids[2]
    for _ in range(5):
        long.round()
        long.tidy()
    assert long.below == [*TURN, "62 rounds", *TURN, *TURN]
    assert long.runs.row_of("agent").kids[2] is fold
    assert not fold.open
    assert agent(7).below == TURN * 7


def test_what_runs_or_failed_stays_in_sight():
    """A failed tool stands between the rounds before and after it; a round that has begun is none yet."""
    long = agent(20)
    long.round(error="ValueError: no")
    for _ in range(20):
        long.round()
    long.step("model", ended=False)
    long.tidy()
    assert long.below == [*TURN, "20 rounds", "tools", "18 rounds", *TURN, *TURN, "model"]


def test_a_jump_brings_a_call_out_and_it_goes_back():
    """`57G` shows the call where it stood among the others; when the cursor has left it folds again."""
    long = agent(60)
    call = long.view.model_calls()[29]
    assert long.view.reveal(call)
    assert long.view.node is call
    assert long.below == [*TURN, "28 rounds", "model", "29 rounds", *TURN, *TURN]
    assert long.runs.rows.shown(long.view.cursor) is long.view.cursor
    long.tidy()
    assert long.view.node is call
    long.view.move_to(0)
    long.tidy()
    long.tidy()
    assert long.below == [*TURN, "57 rounds", *TURN, *TURN]


def test_an_opened_row_shows_its_rounds():
    """Opened by hand it stays open, and its runs are below it."""
    long = agent(30)
    fold = long.runs.row_of("agent").kids[2]
    long.view.set_open(fold, opened=True)
    long.round()
    long.tidy()
    assert fold.open
    assert [kid.item.name for kid in fold.kids] == TURN * 28


def test_model_calls_are_numbered_as_they_begin():
    """The number is that of the key; the total that of the root run."""
    long = agent(3)
    calls = long.view.model_calls() or long.runs.calls.all_of("agent")
    assert [long.runs.calls.of(call) for call in calls] == [(1, 3), (2, 3), (3, 3)]
    assert long.runs.calls.of(long.runs.runs.get("agent")) is None
    long.runs.apply(long.h.events)
    assert len(long.runs.calls.all_of("agent")) == 3
    long.runs.calls.forget("agent")
    assert long.runs.calls.of(calls[0]) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["round"] * 6 + ["fail", "reveal", "open", "top", "tidy"]), st.integers(0, 999)
        ),
        min_size=20,
        max_size=80,
    )
)
@settings(max_examples=60, deadline=None)
def test_order_sums_and_failures_whatever_happens(steps):
    """Rows stand in the order of the runs; what failed is in sight; the folded row adds its own up."""
    long = agent(12)
    for what, number in steps:
        rows = list(long.runs.rows)
        match what:
            case "round":
                long.round()
            case "fail":
                long.round(error="ValueError: no")
            case "reveal":
                calls = long.runs.calls.all_of("agent")
                assert long.view.reveal(calls[number % len(calls)])
            case "open":
                long.view.set_open(rows[number % len(rows)], opened=number % 3 == 0)
            case "top":
                long.view.move_to(0)
            case _:
                long.tidy()
        kids = long.runs.row_of("agent").kids
        flat = [kid for row in kids for kid in (row.kids if isinstance(row.item, Together) else [row])]
        assert [row.item for row in flat] == long.runs.runs.get("agent").children
        for row in kids:
            if isinstance(row.item, Together):
                nodes = [kid.item for kid in row.kids]
                assert len(nodes) >= 10
                assert all(node.status is RunStatus.OK for node in nodes)
                assert row.item.counters == sum(node.counters for node in nodes)
                assert len(row.item) == len(nodes)
                assert row.item.row is row
        cursor = long.view.cursor
        if cursor is not None:
            long.view.settle()
            assert long.runs.rows.shown(long.view.cursor) is long.view.cursor
