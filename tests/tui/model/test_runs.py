from __future__ import annotations

import gc
import weakref

from hypothesis import given, settings
from hypothesis import strategies as st
from tui_support import EPOCH, SECOND, History, story

from tracebus.events import BatchMembership, Gap
from tracebus.tree import BatchGroup
from tracebus_tui.model import ORDERS, Runs, View


def names(runs):
    return ["  " * row.depth + row.item.name for row in runs.rows.window(0, 1000)]


def applied(events, **limits):
    runs = Runs(**limits)
    runs.apply(events)
    return runs


def test_rows_follow_the_tree():
    """Children stand under their parents, batches as groups, in the order they began."""
    assert names(applied(story())) == [
        "agent", "  search", "  chat", "  lookup",
        "classify", "  classify", "  classify", "  classify",
        "graph", "  node",
        "broken",
        "live", "  talk",
    ]  # fmt: skip


@given(st.permutations([event for event in story() if event.__class__.__name__ != "RunStreamed"]))
@settings(max_examples=60, deadline=None)
def test_any_order_of_events_gives_the_rows_of_the_tree(events):
    """Late starts, early ends and children before parents leave every row where its run belongs."""
    runs = applied(events)
    for row in runs.rows:
        if isinstance(row.item, BatchGroup):
            assert row.parent is runs.rows.top
            continue
        above = row.item.parent if row.item.parent is not None else row.item.batch_group
        assert row.parent is (runs.row_for(above) if above is not None else runs.rows.top)
    assert sum(1 for row in runs.rows if not isinstance(row.item, BatchGroup)) == len(runs.runs)


def test_what_ended_well_folds_and_what_failed_stays_open():
    """Three seconds after its end a good root closes; a failed, an open or a touched one does not."""
    runs = applied(story())
    runs.tidy(EPOCH + 6 * SECOND)
    assert runs.row_of("agent").open
    runs.tidy(EPOCH + 60 * SECOND)
    assert not runs.row_of("agent").open
    assert runs.row_of("graph").open
    assert runs.row_of("live").open


def test_what_the_user_opened_stays_open():
    """A row the user has opened or closed does not fold by itself."""
    runs = applied(story())
    view = View(runs)
    view.set_open(runs.row_of("agent"), opened=True)
    runs.tidy(EPOCH + 60 * SECOND)
    assert runs.row_of("agent").open


def test_old_finished_roots_leave_and_open_ones_never_do():
    """Beyond the limit finished roots go, with their rows; running ones stay; the number is kept."""
    h = History()
    h.start("open")
    for number in range(50):
        h.start(f"r{number}", at=number)
        h.start(f"k{number}", f"r{number}", at=number)
        h.end(f"k{number}", at=number)
        h.end(f"r{number}", at=number)
    runs = applied(h.events, max_roots=10)
    runs.tidy(EPOCH)
    assert len(runs.runs.roots) == 10
    assert runs.row_of("open") is not None
    assert len(runs.rows) == 19
    assert runs.forgotten == 41
    assert runs.rows.at(0).item.run_id == "open"


def test_the_number_of_runs_is_bounded_too():
    """A few roots with many runs make room as well."""
    h = History()
    for number in range(10):
        h.start(f"r{number}", at=number)
        for kid in range(9):
            h.start(f"k{number}.{kid}", f"r{number}", at=number)
            h.end(f"k{number}.{kid}", at=number)
        h.end(f"r{number}", at=number)
    runs = applied(h.events, max_runs=35)
    runs.tidy(EPOCH)
    assert len(runs.runs) <= 35
    assert len(list(runs.rows)) == len(runs.runs)


def test_what_was_said_is_bounded():
    """Long inputs and answers make finished roots leave, whatever the number of runs; open ones stay."""
    h = History()
    h.start("open", inputs="x" * 50_000)
    for number in range(20):
        h.start(f"r{number}", at=number, inputs={"messages": [{"content": "x" * 10_000}]})
        h.stream(f"r{number}", "y" * 5_000, at=number)
        h.end(f"r{number}", at=number, outputs=["z" * 5_000])
    runs = applied(h.events, max_text=150_000)
    runs.tidy(EPOCH)
    assert runs.text <= 150_000
    assert [row.item.run_id for row in runs.rows] == ["open", "r16", "r17", "r18", "r19"]


def test_a_long_agent_weighs_what_it_holds():
    """Its steps hand the same messages on: they are there once, and push no other run out."""
    h = History()
    h.start("before")
    h.end("before")
    messages = [{"type": "tool", "content": "x" * 2_000, "id": str(number)} for number in range(200)]
    h.start("agent", at=1)
    for step in range(200):
        h.start(f"step{step}", "agent", at=1, inputs={"messages": messages[: step + 1]})
        h.end(f"step{step}", at=1, outputs={"messages": messages[step : step + 1]})
    h.end("agent", at=2)
    runs = applied(h.events, max_text=2_000_000)
    runs.tidy(EPOCH)
    assert runs.text < 1_500_000
    assert runs.row_of("before") is not None


def test_a_batch_leaves_when_all_its_members_have():
    """Members that leave take their rows along, and the last one the group's."""
    h = History()
    for number in range(4):
        h.start(f"m{number}", batch=BatchMembership("b", number, 4))
        h.end(f"m{number}")
    for number in range(3):
        h.start(f"r{number}", at=2)
        h.end(f"r{number}", at=3)
    runs = applied(h.events, max_roots=2)
    runs.tidy(EPOCH)
    assert names(runs) == ["r1", "r2"]


def test_only_the_innermost_error_is_listed():
    """Parents that fail because a child did are no errors of their own."""
    h = History()
    h.start("root")
    h.start("kid", "root")
    h.end("kid", error="ValueError: no")
    h.end("root", error="ValueError: no")
    assert [node.run_id for node in applied(h.events).errors] == ["kid"]


def test_a_gap_is_counted():
    """Events this view missed are known to be missing."""
    assert applied([Gap(seq=9, time=EPOCH, missed=8)]).runs.missed == 8


def test_the_newest_is_a_model_that_talks():
    """A running model is followed before what began later; without one, what began last."""
    runs = applied(story())
    assert runs.newest().run_id == "talk"
    h = History()
    h.start("a")
    h.start("p", "a", kind="prompt")
    assert applied(h.events).newest().run_id == "a"


def test_the_cursor_holds_on_to_its_run():
    """New runs above and below, folding and sorting do not move the cursor to another run."""
    runs = applied(story())
    view = View(runs)
    assert view.reveal(runs.runs.get("chat"))
    for order in ORDERS:
        view.order_by(order)
        assert view.node.run_id == "chat"
    view.set_open(runs.row_of("agent"), opened=False)
    assert view.node.run_id == "agent"


def test_a_filter_keeps_the_ancestors_of_its_hits():
    """What is hit stays with all that is above it; the rest goes; clearing brings it back."""
    runs = applied(story())
    view = View(runs)
    view.set_filter("kind:tool")
    assert [row.item.name for row in view.rows] == ["agent", "lookup"]
    assert view.hits == {"lookup"}
    view.only_hits = False
    view.rebuild()
    assert len(list(view.rows)) == len(list(runs.rows))
    view.set_filter("")
    assert view.rows is runs.rows


def test_a_closed_row_of_a_filtered_view_stays_closed():
    """Folding under a filter survives the next refresh of the hits."""
    runs = applied(story())
    view = View(runs)
    view.set_filter("kind:tool")
    view.set_open(view.rows.at(0), opened=False)
    view.rebuild()
    assert len(view.rows) == 1


def test_jumps_go_round():
    """Next error goes from one to the next and back to the first; hidden ones are opened."""
    runs = applied(story())
    view = View(runs)
    view.settle()
    view.set_open(runs.row_of("agent"), opened=False)
    seen = []
    for _ in range(3):
        assert view.next_error()
        seen.append(view.node.run_id)
    assert seen == ["lookup", "broken", "lookup"]
    assert view.next_error(back=True)
    assert view.node.run_id == "broken"


def test_the_slowest_and_the_dearest_are_leaves():
    """Parents, which last as long as their children, do not hide who is slow."""
    runs = applied(story())
    view = View(runs)
    assert view.extreme(lambda node: node.duration)
    assert view.node.duration == 3.0
    assert view.extreme(lambda node: node.cost)
    assert view.node.run_id == "chat"


def test_one_run_alone():
    """With a focus only that run and what is below it is shown."""
    runs = applied(story())
    view = View(runs)
    view.focus = "agent"
    view.rebuild()
    assert [row.item.name for row in view.rows] == ["agent", "search", "chat", "lookup"]


def test_the_memory_of_runs_that_left_returns_at_once():
    """What leaves the view is freed without the garbage collector, which a viewer hardly ever lets run."""
    model = Runs(max_roots=3)
    h = History()
    for number in range(8):
        h.start(f"r{number}", at=number)
        h.start(f"c{number}", f"r{number}", at=number)
        h.end(f"c{number}", at=number)
        h.end(f"r{number}", at=number)
    gc.collect()
    gc.disable()
    try:
        model.apply(h.events[:4])
        left = [weakref.ref(model.runs.get(run_id)) for run_id in ("r0", "c0")]
        model.tidy(EPOCH)
        model.apply(h.events[4:])
        for _ in range(2):
            model.tidy(EPOCH + 100 * SECOND)
        assert model.runs.get("r0") is None
        assert [node() for node in left] == [None, None]
    finally:
        gc.enable()
