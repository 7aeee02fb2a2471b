from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tui_support import EPOCH, SECOND, History, usage

from tracebus.events import BatchMembership, ModelInfo
from tracebus.tree import BatchGroup, RunNode, RunStatus
from tracebus_tui.model import ORDERS, Runs, Together, View, _alike, _quiet, _rounds

FAR = EPOCH + 1000 * SECOND


def finished(h, name, at, *, kids=0, outcome="ok", **fields):
    """Write a root run of one second with *kids* below it."""
    h.start(name, at=at, **fields)
    for number in range(kids):
        h.start(f"{name}.{number}", name, at=at)
        h.end(f"{name}.{number}", at=at + 0.5)
    h.end(name, at=at + 1, outcome=outcome)


def lines(runs):
    """Return what stands on the lines, groups as what they hold."""
    return ["  " * row.depth + label(row) for row in runs.rows.window(0, 10_000)]


def label(row):
    item = row.item
    if isinstance(item, Together):
        return f"{item.name or '≡'} x{len(item)}"
    return item.name if isinstance(item, BatchGroup) else item.run_id


def view_of(events, *, now=FAR, line=None, **limits):
    runs = Runs(**limits)
    view = View(runs)
    runs.apply(events)
    view.cursor = runs.rows.top.kids[-1] if line is None else runs.rows.at(line)
    runs.tidy(now)
    return view, runs


def crowd(count, *, first=0):
    h = History()
    for number in range(first, first + count):
        finished(h, f"r{number}", number, kids=2)
    return h


def test_a_crowd_of_good_roots_is_one_row():
    """Twenty neighbours fold; the newest ten rows stay as they are; the sums are those of the members."""
    _, runs = view_of(crowd(35).events)
    assert lines(runs) == ["≡ x25", *(f"r{number}" for number in range(25, 35))]
    together = runs.rows.at(0).item
    assert together.percentile(0.5) == 1.0
    assert together.seconds == 25
    assert (together.started_at, together.ended_at) == (EPOCH, EPOCH + 25 * SECOND)


def test_a_run_that_is_read_does_not_close():
    """With the cursor on one of its children a root stays open, and closes when the cursor has left."""
    view, runs = view_of(crowd(3).events, line=1)
    assert lines(runs) == ["r0", "  r0.0", "  r0.1", "r1", "r2"]
    view.cursor = runs.row_of("r1")
    runs.tidy(FAR + 4 * SECOND)
    assert lines(runs) == ["r0", "r1", "r2"]


def test_few_good_roots_stay_rows():
    """Nineteen that could fold don't."""
    _, runs = view_of(crowd(29).events)
    assert len(runs.rows) == 29


def test_a_crowd_grows_and_opens_and_closes():
    """What ends later joins the row there is; opened, it shows its members, closed again it does not."""
    h = crowd(35)
    view, runs = view_of(h.events)
    group = runs.rows.at(0)
    done = len(h.events)
    for number in range(35, 40):
        finished(h, f"r{number}", number)
    runs.apply(h.events[done:])
    runs.tidy(FAR)
    assert runs.rows.at(0) is group
    assert len(group.item) == 30
    view.set_open(group, opened=True)
    assert len(runs.rows) == 1 + 30 + 10
    assert lines(runs)[1] == "  r0"
    view.set_open(group, opened=False)
    assert len(runs.rows) == 1 + 10


@pytest.mark.parametrize("outcome", ["error", "cancelled", "interrupted", "abandoned"])
def test_what_did_not_end_well_never_folds(outcome):
    """An error, and whatever else is not well, stands between two groups; one below a good root does too."""
    h = crowd(30)
    finished(h, "bad", 30, outcome=outcome)
    for number in range(31, 70):
        finished(h, f"r{number}", number)
    h.start("half", at=70)
    h.start("half.bad", "half", at=70)
    h.end("half.bad", at=71, outcome=outcome)
    h.end("half", at=72)
    for number in range(73, 110):
        finished(h, f"r{number}", number)
    _, runs = view_of(h.events)
    assert lines(runs)[:5] == ["≡ x30", "bad", "≡ x39", "half", "≡ x27"]


def test_what_stood_between_joins_the_groups_when_it_ends():
    """A long run between two groups, once it ends well, makes one group of all."""
    h = crowd(25)
    h.start("long", at=25)
    for number in range(26, 60):
        finished(h, f"r{number}", number)
    _, runs = view_of(h.events)
    assert lines(runs)[:3] == ["≡ x25", "long", "≡ x24"]
    runs.apply([h.end("long", at=100)])
    runs.tidy(EPOCH + 102 * SECOND)
    assert lines(runs)[1] == "long"
    runs.tidy(EPOCH + 103 * SECOND)
    assert lines(runs)[:2] == ["≡ x50", "r50"]
    assert [kid.item.run_id for kid in runs.rows.at(0).kids][24:27] == ["r24", "long", "r26"]


def test_the_run_under_the_cursor_stays_a_row():
    """It joins when the cursor has left it."""
    h = crowd(70)
    runs = Runs()
    view = View(runs)
    runs.apply(h.events)
    view.move_to(30 * 3)
    assert view.node.run_id == "r30"
    runs.tidy(FAR)
    assert lines(runs)[:3] == ["≡ x30", "r30", "≡ x29"]
    assert view.node.run_id == "r30"
    view.move_to(10_000)
    runs.tidy(FAR + 10 * SECOND)
    runs.tidy(FAR + 20 * SECOND)
    assert lines(runs)[:2] == ["≡ x60", "r60"]


def test_pinned_and_opened_runs_stay_rows():
    """A pin keeps a run out; one the user opened stays out until it is closed."""
    h = crowd(80)
    runs = Runs()
    view = View(runs)
    runs.apply(h.events)
    view.pins["r25"] = None
    view.set_open(runs.row_of("r50"), opened=True)
    view.cursor = runs.row_of("r79")
    runs.tidy(FAR)
    assert lines(runs)[:6] == ["≡ x25", "r25", "≡ x24", "r50", "  r50.0", "  r50.1"]
    view.set_open(runs.row_of("r50"), opened=False)
    del view.pins["r25"]
    runs.tidy(FAR)
    assert lines(runs)[:2] == ["≡ x70", "r70"]


def test_a_jump_brings_one_run_out_of_its_group():
    """What is looked for stands between two groups, and goes back when the cursor has left."""
    view, runs = view_of(crowd(80).events)
    assert view.reveal(runs.runs.get("r30"))
    assert lines(runs)[:3] == ["≡ x30", "r30", "≡ x39"]
    assert view.node.run_id == "r30"
    view.move_to(10_000)
    runs.tidy(FAR)
    assert lines(runs)[:2] == ["≡ x70", "r70"]


def test_what_is_left_of_a_small_group_stands_alone():
    """Where a jump leaves fewer than twenty on a side, they are rows again."""
    view, runs = view_of(crowd(35).events)
    assert view.reveal(runs.runs.get("r3"))
    assert lines(runs)[:5] == ["r0", "r1", "r2", "r3", "≡ x21"]
    assert view.reveal(runs.runs.get("r9"))
    assert len(runs.rows) == 35


def test_the_cursor_on_a_group_that_goes_stays_near():
    """Sorted by anything but time there are no groups; the cursor goes to the first member, and back."""
    view, runs = view_of(crowd(35).events)
    view.move_to(0)
    view.order_by(ORDERS[1])
    view.settle()
    assert view.node.run_id == "r0"
    assert len(runs.rows) == 35
    view.order_by(ORDERS[0])
    view.move_to(34)
    runs.tidy(FAR)
    assert lines(runs)[0] == "≡ x25"


def test_a_filter_shows_members_one_by_one():
    """Hits are not folded together; the cursor on a group finds to its first hit."""
    view, runs = view_of(crowd(35).events)
    view.move_to(0)
    view.set_filter("is:root")
    assert len(view.rows) == 35
    assert view.node.run_id == "r0"
    view.set_filter("")
    assert lines(runs)[0] == "r0"  # where the cursor is
    view.move_to(40)
    runs.tidy(FAR)
    assert lines(runs)[0] == "≡ x25"


def test_what_comes_late_brings_a_run_out_again():
    """A run that starts below a folded one, which had ended, is in sight while it runs."""
    h = crowd(80)
    _, runs = view_of(h.events)
    runs.apply([h.start("late", "r30", at=500)])
    runs.tidy(FAR)
    assert lines(runs)[:3] == ["≡ x30", "r30", "≡ x39"]
    runs.apply([h.end("late", at=501)])
    runs.tidy(FAR + 10 * SECOND)
    assert lines(runs)[0] == "≡ x70"


def test_a_root_with_something_running_inside_folds_when_that_has_ended():
    """It is looked at again, not forgotten."""
    h = crowd(40)
    h.start("slow", at=40)
    h.start("inner", "slow", at=40)
    h.end("slow", at=41)
    for number in range(42, 60):
        finished(h, f"r{number}", number)
    _, runs = view_of(h.events, now=EPOCH + 70 * SECOND)
    assert "  inner" in lines(runs)
    runs.apply([h.end("inner", at=71)])
    runs.tidy(EPOCH + 80 * SECOND)
    assert lines(runs)[0] == "≡ x49"


def test_members_that_leave_the_view_leave_the_sums():
    """With the oldest roots gone, a group counts those that are left, and groups that meet are one."""
    h = History()
    for number in range(100):
        finished(h, f"r{number}", number, outcome="error" if number == 40 else "ok")
    runs = Runs(max_roots=70)
    View(runs)
    runs.apply(h.events[:160])
    runs.tidy(FAR)
    runs.apply(h.events[160:])
    runs.tidy(FAR)
    runs.tidy(FAR)
    group = runs.rows.at(0)
    assert lines(runs)[:3] == ["≡ x10", "r40", "≡ x49"]
    assert group.item.started_at == EPOCH + 30 * SECOND
    assert group.item.seconds == 10
    done = len(h.events)
    for number in range(100, 112):
        finished(h, f"r{number}", number)
    runs.apply(h.events[done:])
    runs.tidy(FAR)
    runs.tidy(FAR)
    assert lines(runs)[0] == "≡ x60"


def test_a_cursor_on_a_run_that_leaves_the_view_goes_elsewhere():
    """The frame after does not look for a row that is gone."""
    h = crowd(5)
    runs = Runs(max_roots=5)
    view = View(runs)
    runs.apply(h.events)
    view.move_to(0)
    done = len(h.events)
    finished(h, "new", 9)
    runs.apply(h.events[done:])
    runs.tidy(EPOCH)
    view.settle()
    assert view.node.run_id == "r1"
    assert view.line == 0


# Siblings.


def fan(count, *, failed=(), running=(), name="chat"):
    h = History()
    h.start("map", at=0)
    h.start("split", "map", at=0, kind="prompt")
    h.end("split", at=0.1)
    gpt = ModelInfo(provider="openai", name="gpt-4o-mini")
    for number in range(count):
        h.start(f"c{number}", "map", at=1, name=name, kind="chat_model", model=gpt)
    for number in range(count):
        if number in failed:
            h.end(f"c{number}", at=2, error="ValueError: no")
        elif number not in running:
            h.end(f"c{number}", at=2 + number / 10, usage=usage(100, 10), model=gpt)
    return h


def test_siblings_alike_are_one_row():
    """Ten of one kind and name fold; what failed or runs stays, after them; the sums are theirs."""
    view, runs = view_of(fan(30, failed=(3, 4), running=(20,)).events, line=0)
    assert lines(runs) == ["map", "  split", "  chat x27", "  c3", "  c4", "  c20"]
    fold = runs.rows.at(2)
    assert fold.item.usage.input_tokens == 2700
    view.set_open(fold, opened=True)
    assert lines(runs)[2:5] == ["  chat x27", "    c0", "    c1"]


def test_nine_siblings_alike_are_nine_rows():
    """Below ten nothing folds, and what is not alike does not count."""
    _, runs = view_of(fan(9, running=()).events)
    assert len(runs.rows) == 11


def test_a_short_loop_keeps_its_rows():
    """Siblings of two names in turn are not torn apart."""
    h = History()
    h.start("loop", at=0)
    for number in range(18):
        h.start(f"s{number}", "loop", at=number, name="agent" if number % 2 else "tools", kind="node")
        h.end(f"s{number}", at=number + 1)
    _, runs = view_of(h.events)
    assert len(runs.rows) == 19


def test_a_sibling_that_ends_later_joins():
    """The row there is takes what ends; the last to end leaves it alone with the failed."""
    h = fan(30, running=(20, 25))
    _, runs = view_of(h.events, line=0)
    runs.apply([h.end("c20", at=900)])
    runs.tidy(FAR)
    assert lines(runs) == ["map", "  split", "  chat x29", "  c25"]


def test_a_jump_brings_a_sibling_out():
    """What is looked for stands beside the rest, and goes back when the cursor has left."""
    view, runs = view_of(fan(30).events, line=0)
    assert view.reveal(runs.runs.get("c7"))
    assert lines(runs)[2:4] == ["  chat x29", "  c7"]
    assert view.node.run_id == "c7"
    runs.tidy(FAR)
    assert view.node.run_id == "c7"
    view.move_to(0)
    runs.tidy(FAR)
    runs.tidy(FAR + 10 * SECOND)
    assert lines(runs) == ["map", "  split", "  chat x30"]


def test_siblings_with_runs_below_them_close_as_they_fold():
    """Opened, the row lists them, each closed."""
    h = History()
    h.start("map", at=0)
    for number in range(12):
        h.start(f"s{number}", "map", at=1, name="step")
        h.start(f"m{number}", f"s{number}", at=1, kind="chat_model")
        h.end(f"m{number}", at=2)
        h.end(f"s{number}", at=2)
    view, runs = view_of(h.events, line=0)
    assert lines(runs) == ["map", "  step x12"]
    view.set_open(runs.rows.at(1), opened=True)
    assert len(runs.rows) == 14


# Batches.


def test_an_opened_batch_shows_first_what_asks_for_attention():
    """What runs and what failed float to the top, in the batch's order; the rest follows in it too."""
    h = History()
    for number in range(12):
        h.start(f"b{number}", name="b", at=0, batch=BatchMembership("x", number, 12))
    for number in (0, 1, 3, 5, 7, 9, 10):
        h.end(f"b{number}", at=1)
    h.end("b8", at=1, error="ValueError: no")
    view, runs = view_of(h.events)
    assert lines(runs) == ["b"]
    view.set_open(runs.rows.at(0), opened=True)
    order = [2, 4, 6, 8, 11, 0, 1, 3, 5, 7, 9, 10]
    assert lines(runs)[1:] == [f"  b{number}" for number in order]
    view.move_to(1)
    runs.apply([h.end("b2", at=3)])
    runs.tidy(FAR)
    assert lines(runs)[1:] == [f"  b{number}" for number in [4, 6, 8, 11, 0, 1, 2, 3, 5, 7, 9, 10]]
    assert view.node.run_id == "b2"


# Levels.


def test_levels_open_runs_and_not_what_is_folded_together():
    """Level 1 is the roots, 2 their children; a crowd stays one row."""
    h = crowd(40)
    h.start("deep", at=50)
    h.start("a", "deep", at=50)
    h.start("b", "a", at=50)
    view, runs = view_of(h.events)
    view.open_to(1)
    assert lines(runs)[-1] == "deep"
    view.open_to(2)
    assert lines(runs)[-2:] == ["deep", "  a"]
    assert lines(runs)[0].startswith("≡")
    view.open_to(3)
    assert lines(runs)[-1] == "    b"


# Everything at once, against the plain rules.

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("root", "root", "crowd", "crowd", "fan", "kid", "kid", "kid", "member"),
                *("end", "end", "end", "fail", "cursor", "pin", "unpin", "open", "shut"),
                *("reveal", "sort", "filter", "tidy", "tidy", "tidy"),
            ]
        ),
        st.integers(0, 10_000),
    ),
    min_size=5,
    max_size=60,
)


@given(STEPS, st.sampled_from([1000, 1000, 12]))
@settings(max_examples=300, deadline=None)
def test_rows_keep_the_rules_whatever_happens(steps, limit):
    """After any history the rows are those of the tree, in order, and what can fold is folded and no more."""
    patch = pytest.MonkeyPatch()
    patch.setattr(_quiet, "QUIET", 3)
    patch.setattr(_quiet, "NEWEST", 2)
    patch.setattr(_alike, "ALIKE", 3)
    patch.setattr("tracebus_tui.model._runs.ALIKE", 3)
    patch.setattr(_rounds, "ROUNDS", 1_000_000)  # test_rounds.py holds those to their rules
    try:
        world = World(limit)
        for what, number in steps:
            world.do(what, number)
            world.check_rows()
        world.do("tidy", 0)
        world.check_rows()
        world.check_folds()
    finally:
        patch.undo()


class World:
    """A program, its view, and the plain rules of what the view may show."""

    def __init__(self, limit):
        self.h = History()
        self.runs = Runs(max_roots=limit)
        self.view = View(self.runs)
        self.open = []
        self.count = 0
        self.second = 0.0
        self.limited = limit < 1000

    def do(self, what, number):
        self.second += 1.0
        rows, view, runs = list(self.view.rows), self.view, self.runs
        row = rows[number % len(rows)] if rows else None
        if what in ("root", "member", "kid"):
            self.begin(what, number)
        elif what in ("crowd", "fan"):
            for place in range(2 + number % 7):
                self.begin("root" if what == "crowd" else "kid", number)
                if (number >> place) % 5:
                    runs.apply([self.h.end(self.open.pop(), at=self.second)])
        elif what in ("end", "fail") and self.open:
            run_id = self.open.pop(number % len(self.open))
            error = "ValueError: no" if what == "fail" else None
            runs.apply([self.h.end(run_id, at=self.second, error=error)])
        elif what == "tidy":
            self.second += 10
            for _ in range(3):
                runs.tidy(EPOCH + round(self.second * SECOND))
                self.second += 10
            view.settle()
        elif row is None:
            return
        elif what == "cursor":
            view.move_to(number % max(1, len(view.rows)))
        elif what == "pin" and isinstance(row.item, RunNode):
            view.pins[row.item.run_id] = None
        elif what == "unpin":
            view.pins.clear()
        elif what in ("open", "shut"):
            view.set_open(row, opened=what == "open")
        elif what == "reveal" and isinstance(row.item, RunNode):
            assert view.reveal(row.item)
            assert view.node is row.item
        elif what == "sort":
            view.order_by(ORDERS[number % 2])
        elif what == "filter":
            view.set_filter("is:root" if number % 2 else "")

    def begin(self, what, number):
        self.count += 1
        self.second += 0.001  # no two begin at once
        run_id = f"x{self.count}"
        fields = {"name": f"n{number % 2}"}
        parent = None
        if what == "member":
            fields["batch"] = BatchMembership("batch", self.count, 1000)
        elif what == "kid":
            known = [node.run_id for root in self.runs.runs.roots for node in root.walk()]
            parent = known[number % len(known)] if known else None
        self.open.append(run_id)
        self.runs.apply([self.h.start(run_id, parent, at=self.second, **fields)])

    def check_rows(self):
        """Hold every row to the tree, and lines to a plain flattening."""
        rows, runs = self.runs.rows, self.runs
        seen = [row.item for row in rows if isinstance(row.item, RunNode)]
        assert len(seen) == len(set(map(id, seen)))
        if not self.limited:
            assert {node.run_id for node in seen} == {
                node.run_id for root in runs.runs.roots for node in root.walk()
            }
        for row in rows:
            assert row.parent.kids[row.place] is row
            node = row.item
            if isinstance(node, RunNode) and node.run_id in runs.runs:
                above = node.parent if node.parent is not None else node.batch_group
                assert row.home is (runs.row_for(above) if above is not None else rows.top)
        shown = flat(self.view.rows)
        assert len(self.view.rows) == len(shown)
        assert self.view.rows.window(0, len(shown)) == shown
        for line, row in enumerate(shown):
            assert self.view.rows.line_of(row) == line

    def check_folds(self):
        """Hold what is folded together to the rules."""
        runs, view = self.runs, self.view
        spared = view._spared()
        view.settle()
        if view.cursor is not None and not view.narrowed:
            assert runs.rows.shown(view.cursor) is view.cursor
        for row in runs.rows:
            if isinstance(row.item, Together):
                self.check_sums(row)
        if view.by_time and not view.narrowed:
            self.check_crowds(spared)
        for row in runs.rows:
            self.check_siblings(row, spared)

    def check_sums(self, row):
        nodes = [kid.item for kid in row.kids]
        assert all(calm(node) for node in nodes)
        assert row.item.counters == sum(node.counters for node in nodes)
        assert row.item.durations == tuple(sorted(node.duration for node in nodes))
        assert row.item.row is row
        assert row.item.seconds == pytest.approx(sum(node.duration for node in nodes))
        if row.parent is not self.runs.rows.top:
            assert {(node.kind, node.name) for node in nodes} == {(row.item.kind, row.item.name)}

    def check_crowds(self, spared):
        kids = self.runs.rows.top.kids
        run = 0
        for place, row in enumerate(kids):
            group = isinstance(row.item, Together)
            if group:
                assert len(row.kids) >= 3 or self.limited
            folds = group or (place < len(kids) - 2 and self.could_fold(row, spared))
            run = run + (3 if group else 1) if folds else 0
            assert run < 3 or (group and run == 3), [label(kid) for kid in kids]
        order = [kid for row in kids for kid in (row.kids if isinstance(row.item, Together) else [row])]
        known = [root.run_id for root in self.runs.runs.roots if root.batch_group is None]
        if not self.limited:
            assert [row.item.run_id for row in order if isinstance(row.item, RunNode)] == known

    def check_siblings(self, above, spared):
        if not isinstance(above.item, RunNode):
            return
        stretch, alike, folded = 0, None, False
        for row in above.kids:
            likeness = (row.item.kind, row.item.name)
            if likeness != alike:
                stretch, alike, folded = 0, likeness, False
            if isinstance(row.item, Together):
                assert len(row.kids) >= 3
                folded = True
            elif self.could_fold(row, spared):
                stretch += 1
            assert stretch == 0 or (not folded and stretch < 3), [label(kid) for kid in above.kids]

    def could_fold(self, row, spared):
        node = row.item
        if not isinstance(node, RunNode) or not calm(node) or row in spared:
            return False
        return not (row.open and row.kids and (row.touched or row.parent is self.runs.rows.top))


def calm(node):
    return all(one.status is RunStatus.OK for one in node.walk())


def flat(rows):
    found, pending = [], list(reversed(rows.top.kids))
    while pending:
        row = pending.pop()
        found.append(row)
        if row.open:
            pending.extend(reversed(row.kids))
    return found
