from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tracebus_tui.model import Row, Rows

CHOICES = st.tuples(
    st.sampled_from(
        ["add", "add", "add", "under", "under", "under", "fold", "remove", "keep", "sort", "gather", "free"]
    ),
    st.integers(0, 10_000),
    st.booleans(),
    st.booleans(),
)


def flat(rows):
    """Return the rows shown, the plain way."""
    found, pending = [], list(reversed(rows.top.kids))
    while pending:
        row = pending.pop()
        found.append(row)
        if row.open:
            pending.extend(reversed(row.kids))
    return found


def gather(rows, above, *, opened):
    """Put the latter half of the rows below *above* into a row of their own, as folding does."""
    half = len(above.kids) // 2
    group = Row(None, open=opened)
    rest = above.kids[:half]
    rows.replace(group, above.kids[half:])
    rows.replace(above, [*rest, group], half)


@given(st.lists(CHOICES, max_size=80))
@settings(max_examples=150, deadline=None)
def test_every_line_has_its_row_whatever_was_folded_added_and_removed(steps):
    """Line to row, row to line and windows agree with a plain flattening, whenever somebody looks."""
    rows = Rows()
    for what, number, flag, looked_at in [*steps, ("add", 0, True, True)]:
        known = list(rows)
        chosen = known[number % len(known)] if known else None
        if what == "add" or chosen is None:
            rows.add(Row(None, open=flag))
        elif what == "under":
            rows.add(Row(None, open=flag), chosen)
        elif what == "fold":
            rows.set_open(chosen, flag)
        elif what == "remove":
            rows.remove(chosen)
        elif what == "keep":
            rows.keep(lambda row, number=number: (row.place + number) % 3 > 0)
        elif what == "gather":
            gather(rows, chosen.parent, opened=flag)
        elif what == "free":
            above = chosen.parent
            rows.replace(above, [*above.kids[: chosen.place], *chosen.kids, *above.kids[chosen.place + 1 :]])
            chosen.parent = None
        else:
            rows.sort(id, reverse=flag)
        if not looked_at:
            continue
        shown = flat(rows)
        assert len(rows) == len(shown)
        assert [rows.at(line) for line in range(len(shown))] == shown
        assert [rows.line_of(row) for row in shown] == list(range(len(shown)))
        first = number % (len(shown) + 1)
        assert rows.window(first, 7) == shown[first : first + 7]
        assert rows.depths(rows.window(first, 7)) == [row.depth for row in shown[first : first + 7]]
        for row in rows:
            assert rows.at(rows.line_of(row)) is rows.shown(row)


def test_a_tree_deeper_than_the_recursion_limit_is_no_trouble():
    """Three thousand levels are indexed, walked and folded."""
    rows = Rows()
    row = None
    for _ in range(3000):
        child = Row(None)
        rows.add(child, row)
        row = child
    assert rows.at(2999) is row
    assert row.depth == 2999
    rows.set_open(rows.at(0), False)
    assert len(rows) == 1


def test_a_row_more_costs_the_same_however_deep(monkeypatch):
    """Nobody is told of a row before somebody asks for lines, and then each row once."""
    rows, row, heard = Rows(), None, []
    hear = Rows._hear
    monkeypatch.setattr(
        Rows, "_hear", lambda self, above, news: heard.extend(news) or hear(self, above, news)
    )
    for _ in range(2000):
        child = Row(None)
        rows.add(child, row)
        row = child
    assert not heard
    assert len(rows) == 2000
    assert len(heard) == 1999
    for _ in range(100):
        rows.add(Row(None), row)
    assert len(rows) == 2100
    assert len(heard) == 1999 + 2000
