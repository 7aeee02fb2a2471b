"""Totals and errors: what a line adds up, how lines are sorted, and where they lead."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_safety import FORBIDDEN, NASTY
from tui_support import EPOCH, SECOND, History, opened, press, screen_lines, screen_text, usage

from tracebus.events import ModelInfo
from tracebus_tui.drawing import UNICODE, width
from tracebus_tui.model import Runs, parse_filter
from tracebus_tui.tables import (
    Column,
    Table,
    error_table,
    exactly,
    groups_of,
    total_table,
    totals_of,
    uncounted,
)
from tracebus_tui.widgets import TableView

NOW = EPOCH + 1000 * SECOND


def runs_of(history):
    runs = Runs()
    runs.apply(history.events)
    return runs


def busy():
    """Return what two models and a tool did, one of the models often and one of its runs still at it."""
    h = History()
    for number in range(20):
        at = number * 10
        fast = ModelInfo(provider="openai", name="gpt-4o-mini")
        h.start(f"f{number}", at=at, kind="chat_model", name="ChatOpenAI", model=fast)
        h.stream(f"f{number}", "a", at=at + 0.5)
        h.stream(f"f{number}", "b", at=at + 1)
        h.end(f"f{number}", at=at + 1.5 + number / 10, usage=usage(100, 50), model=fast)
    slow = ModelInfo(provider="x", name="slow | model's")
    h.start("s", at=0, kind="chat_model", name="Slow", model=slow)
    h.end("s", at=90, model=slow)
    h.start("s2", at=0, kind="chat_model", name="Slow", model=slow)
    for number in range(4):
        h.start(f"t{number}", kind="tool", name="look up", at=number)
        error = {"error": f"TimeoutError: no answer from {number}"} if number else {}
        h.end(f"t{number}", at=number + 0.2, **error)
    return h


def test_a_line_of_totals_says_what_happened():
    """How many, how many live, how often it failed, p50 and p95, waits, speed, tokens, cost, all of it spent."""
    table = total_table(UNICODE)
    table.put(totals_of(runs_of(busy())))
    heading = "".join(text for text, _ in table.heading(170))
    assert heading.split() == (
        [
            "NAME",
            "KIND",
            "LIVE",
            "DONE",
            "ERR",
            "p50",
            "p95",
            "TTFT50",
            "TTFT95",
            "tok/s",
            "IN",
            "OUT",
            "COST",
            "SPENT▼",
            "TREND",
        ]
    )
    lines = {line.text.split("  ")[0]: line.text.split() for line in table(170, wrap=False)}
    fast = lines["◈ gpt-4o-mini"]
    assert fast[2:13] == [
        "model",
        "20",
        "2.50s",
        "3.40s",
        "0.50s",
        "0.50s",
        "26",
        "2.0k",
        "1.0k",
        "$0.0009",
        "49.0s",
    ]
    assert lines["⚒ look up"][3:6] == ["tool", "4", "75%"]
    assert lines["◈ slow | model's"][4:7] == ["model", "1", "1"]


@pytest.mark.parametrize("cells", [20, 40, 80, 120, 200])
def test_columns_leave_where_it_is_narrow(cells):
    """Every line is as wide as the table, the name is always there, and wider shows no fewer columns."""
    table = total_table(UNICODE)
    table.put(totals_of(runs_of(busy())))
    for line in table(cells, wrap=False):
        assert width(line.text) == cells
    assert "gpt-4o-mini" in "".join(line.text for line in table(cells, wrap=False))
    assert len(table.heading(cells)) <= len(table.heading(cells + 40))


def test_every_line_of_totals_leads_to_its_runs():
    """The filter of a line hits the runs it counts, whatever characters their name has."""
    runs = runs_of(busy())
    for total in totals_of(runs):
        test = parse_filter(total.filter)
        hits = [node for node in runs.runs.roots if test(node)]
        assert len(hits) == total.tally.runs + total.live


@given(st.text(min_size=1, max_size=250))
@settings(max_examples=200, deadline=None)
def test_a_filter_finds_exactly_a_name(name):
    """Quotation marks, bars, breaks and escapes in a name do not lead elsewhere, nor to the terminal."""
    h = History()
    h.start("a", name=name)
    h.start("b", name="another one")
    runs = runs_of(h)
    text = exactly("name", name)
    assert text.isprintable()
    test = parse_filter(text)
    assert test(runs.runs.get("a"))
    assert test(runs.runs.get("b")) is (name == "another one")


def failures():
    """Return errors of two sorts, one in a child whose parents failed by it, one often."""
    h = History()
    for number in range(9):
        h.start(f"r{number}", at=number * 60, name="chain")
        h.start(f"c{number}", f"r{number}", at=number * 60, kind="chat_model", name="ChatOpenAI")
        h.end(
            f"c{number}",
            at=number * 60 + 1,
            error=f"RateLimitError: 429, retry in {number}s (id 12ab-34cd-56ef-7890)",
        )
        h.end(
            f"r{number}",
            at=number * 60 + 1,
            error=f"RateLimitError: 429, retry in {number}s (id 12ab-34cd-56ef-7890)",
        )
    h.start("t", at=100, kind="tool", name="search")
    h.end("t", at=101, error="ToolException: timeout")
    h.start("x", at=102)
    h.end("x", at=103, outcome="cancelled")
    return h


def test_errors_that_differ_in_numbers_are_one_sort():
    """A line says how many, when last, when first, and how it went over time."""
    runs = runs_of(failures())
    table = error_table(UNICODE)
    table.put(groups_of(runs.errors, NOW))
    assert [len(group.nodes) for group in table.things] == [9, 1]
    first, second = (line.text for line in table(140, wrap=False))
    assert "RateLimitError: 429, retry in 8s" in first
    assert first.split()[-4:-2] == ["8m39s", "16m39s"]
    assert first.endswith("ChatOpenAI" + " " * 14)
    assert "ToolException: timeout" in second
    assert uncounted(runs.runs.counts) == "not counted as errors: 1 cancelled"


def test_an_error_leads_to_the_runs_that_failed_by_themselves():
    """Its filter hits all of the sort, without the parents that failed with them."""
    runs = runs_of(failures())
    for group in groups_of(runs.errors, NOW):
        test = parse_filter(group.filter)
        hits = [node for root in runs.runs.roots for node in root.walk() if test(node)]
        assert set(hits) == set(group.nodes)


@given(st.text(max_size=300), st.text(min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_error_can_be_led_to(message, kind):
    """Whatever the message, the filter makes sense, hits its run, and could be typed."""
    h = History()
    h.start("a")
    h.end("a", error=f"{kind.replace(':', '')}: {message}")
    runs = runs_of(h)
    (group,) = groups_of(runs.errors, NOW)
    assert group.filter.isprintable()
    assert parse_filter(group.filter)(runs.runs.get("a"))


THINGS = st.lists(
    st.tuples(st.integers(0, 1000), st.one_of(st.none(), st.integers(0, 9))), unique_by=lambda pair: pair[0]
)


@given(THINGS, st.lists(st.sampled_from(["next", "turn", "VALUE", "WHO"]), max_size=5))
@settings(deadline=None)
def test_sorting_loses_nothing_and_puts_the_unknown_last(things, presses):
    """However it is sorted, all things are there once, those without a value behind, and known ones in order."""
    table = Table(
        [Column("WHO", 10, lambda thing: thing[0]), Column("VALUE", 10, lambda thing: thing[1])],
        who=lambda thing: thing[0], by="VALUE", style=lambda _: "value", nothing="",
    )  # fmt: skip
    table.put(things)
    for key in presses:
        if key == "next":
            table.sort_by_next(80)
        elif key == "turn":
            table.turn_round()
        else:
            table.sort_by(key)
    table.put(things)
    assert sorted(table.things, key=str) == sorted(things, key=str)
    values = [thing[1 if table._by == "VALUE" else 0] for thing in table.things]
    known = [value for value in values if value is not None]
    assert values[: len(known)] == known
    assert known == sorted(known, reverse=not table._reverse)


async def test_sorting_by_keys_and_by_mouse():
    """S sorts by the next column, S turns it round, a click on a title sorts; the line says by what."""
    async with opened(busy().events, size=(170, 30), at=300) as (app, pilot):
        await press(pilot, "2")
        assert "sort:spent" in screen_text(app)
        assert "SPENT▼" in screen_lines(app)[2]
        first = screen_lines(app)[3]
        await press(pilot, "S")
        assert "SPENT▲" in screen_lines(app)[2]
        assert screen_lines(app)[3] != first
        await press(pilot, "s")
        assert "NAME▲" in screen_lines(app)[2]
        assert "gpt-4o-mini" in screen_lines(app)[3]
        where = screen_lines(app)[2].index("DONE")
        await pilot.click("#top", offset=(where, 0))
        await press(pilot)
        assert "DONE▼" in screen_lines(app)[2]


async def test_the_cursor_stays_with_its_line():
    """When the order changes, the cursor goes with the thing it was on."""
    async with opened(busy().events, size=(170, 30), at=300) as (app, pilot):
        await press(pilot, "2", "j", "j")
        table = app.query_one("#top", TableView)
        assert table.thing.tally.name == "look up"
        await press(pilot, "s", "S")
        assert table.cursor == 1
        assert table.thing.tally.name == "look up"
        await press(pilot, "G")
        assert table.cursor == 2


async def test_enter_goes_to_the_runs_of_a_line():
    """Of totals and of errors that came often it filters; of one that came once it goes there."""
    async with opened(failures().events, size=(120, 30), at=1000) as (app, pilot):
        await press(pilot, "3", "enter")
        assert len(app.view.hits) == 9
        assert app.view.node.run_id == "c8"
        await press(pilot, "escape", "3", "j", "enter")
        assert app.view.node.run_id == "t"
        assert not app.view.filter_text
        await press(pilot, "2", "enter")
        assert app.view.hits
        assert app.view.node.run_id in app.view.hits


async def test_finding_in_a_table():
    """/ finds in the lines of a table, and escape forgets it."""
    async with opened(busy().events, size=(120, 30), at=300) as (app, pilot):
        await press(pilot, "2", "slash", *"look", "enter")
        assert app.query_one("#top", TableView).thing.tally.name == "look up"
        await press(pilot, "escape")
        assert not app.query_one("#top", TableView).wanted


async def test_nasty_names_reach_no_terminal_by_way_of_a_filter():
    """A name with escapes in it is filtered for without being put into the prompt as it is."""
    h = History()
    h.start("a", name=NASTY, kind="tool")
    h.end("a", error=f"E{NASTY}: {NASTY} 1")
    h.start("b", name=NASTY, kind="tool")
    h.end("b", error=f"E{NASTY}: {NASTY} 2")
    async with opened(h.events) as (app, pilot):
        for screen in "23":
            await press(pilot, screen, "enter")
            assert len(app.view.hits) == 2
            await press(pilot, "slash")
            text = screen_text(app)
            assert not any(forbidden in text for forbidden in FORBIDDEN)
            await press(pilot, "escape", "escape")
