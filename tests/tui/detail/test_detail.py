"""What the detail pane says: Markdown, events, finding; without a screen and with one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tui_support import EPOCH, SECOND, History, opened, press, screen_text, step, until

from tracebus.text import sanitise
from tracebus_tui.detail import Events, Journal, Line, broken, emphasised, find, markdown
from tracebus_tui.drawing import width
from tracebus_tui.model import Runs


def read(text, cells=60):
    """Return Markdown as the lines that are shown."""
    return [(line.margin + line.text).rstrip() for line in markdown(text, cells)]


# Markdown.


def test_markdown_reads_as_it_was_meant():
    """Headings, lists, quotations, code, emphasis and rules take their shape; the marks go."""
    text = "# Title\n\nSome *soft* and **hard** and `code`.\n\n- one\n- two\n  1. deep\n\n> said\n\n```py\nx = 1\n```\n\n---"
    assert read(text, 40) == [
        "Title",
        "",
        "Some soft and hard and code.",
        "",
        "• one",
        "• two",
        "  1. deep",
        "",
        "│ said",
        "",
        "py",
        "  x = 1",
        "",
        "─" * 40,
    ]
    styles = {text: style for line in markdown(text, 40) for text, style in line.spans}
    assert styles["Title"] == "title"
    assert styles["soft"] == "emphasis"
    assert styles["hard"] == "strong"
    assert styles["code"] == "code"


def test_line_breaks_stay_where_the_writer_made_them():
    """A model's single line breaks are not joined: plain text reads as it did."""
    assert read("one\ntwo\n\nthree") == ["one", "two", "", "three"]


def test_a_link_shows_where_it_leads():
    """The target stands beside the text, whatever its scheme; nothing is hidden behind a word."""
    assert read("[here](https://evil.example/x) <https://a.example>") == [
        "here <https://evil.example/x> https://a.example"
    ]
    assert read("[run](javascript:alert(1))") == ["run <javascript:alert(1)>"]
    assert read("![cat](http://a.example/c.png)") == ["image cat <http://a.example/c.png>"]


@pytest.mark.parametrize(
    "text", ["<b>x</b>", "<!-- secret -->", "[a]: http://hidden.example", "[/foo] [bold]x"]
)
def test_nothing_is_hidden(text):
    """HTML, comments, link definitions and Rich's markup are text."""
    assert read(text) == [text]


def test_a_table_has_columns():
    """Columns line up, and are made narrower until they fit."""
    table = "| name | took |\n|---|---|\n| search | 1s |\n| 日本 | 12s |"
    assert read(table) == ["name   │ took", "───────┼─────", "search │ 1s", "日本   │ 12s"]
    wide = "| a | b |\n|---|---|\n| " + "word " * 30 + "| " + "x" * 50 + " |"
    assert all(width(line) <= 30 for line in read(wide, 30))
    assert "x" * 13 in "\n".join(read(wide, 30))


HOSTILE = {
    "nested quotes": "> " * 500 + "deep",
    "nested lists": "".join("  " * depth + "- a\n" for depth in range(300)),
    "open brackets": "[" * 50_000,
    "images": "![[" * 15_000,
    "a long table": "|a|b|\n|-|-|\n" + "|x|y|\n" * 9_000,
    "a wide table": "|a" * 300 + "|\n" + "|-" * 300 + "|\n" + "|x" * 300 + "|\n",
    "ten megabytes": "word " * 2_000_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_too_much_is_shown_as_it_was_written(text):
    """What would hold up a key is shown plain, with a note, and nothing of it is lost."""
    lines = read(text, 70)
    assert lines[0].startswith("shown as it was written: ")
    squeezed = "".join("".join(lines[1:]).split())
    assert squeezed == "".join(text.split())


ODD = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("*_`[]()<>|#-+>!~\\&;:\n\t 1.\x1b\x9b\u202e日👩e\u0301"),
    ),
    max_size=120,
)


@given(ODD, st.integers(1, 50))
@settings(max_examples=300, deadline=None)
def test_any_text_is_drawn_safely(text, cells):
    """Whatever is written, lines fit and hold nothing that a terminal obeys, entities included."""
    for line in markdown(sanitise(text), cells):
        whole = line.margin + line.text
        assert width(whole) <= max(cells, 2)
        assert all(sanitise(part, one_line=True) == part for part, _ in line.spans)
        assert "\n" not in whole


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=80))
@settings(max_examples=100, deadline=None)
def test_plain_words_stay_as_they_are(text):
    """Text without marks is the same text."""
    assert "".join(read(sanitise(text), 1000)).split() == sanitise(text).split()


def test_entities_cannot_smuggle_a_control_character():
    """`&#x202e;` and `&#27;` become what is shown of such characters."""
    text = "".join(read("a &#x202e; b &#27; c &#x9b; d"))
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "\x9b" not in text


# Finding.


def lines_of(text, cells):
    return [line for part in text.split("\n") for line in broken([(part, "value")], cells, "  ")]


@given(
    st.text(st.sampled_from("ab \n日"), max_size=80),
    st.text(st.sampled_from("ab 日"), min_size=1, max_size=4),
    st.integers(2, 12),
)
@settings(max_examples=300, deadline=None)
def test_finding_does_not_see_where_lines_were_broken(text, wanted, cells):
    """Laid out at any width, as many places are found as the text has, and the pieces spell them."""
    lines = lines_of(text, cells)
    found = find(lines, wanted)
    assert len(found) == text.count(wanted)
    for place in found:
        spelt = "".join(lines[line].text[start:end] for line, start, end in place)
        assert spelt.replace(" ", "") == wanted.replace(" ", "")


def test_capitals_matter_only_where_there_are_some():
    """Small letters find both; a capital finds itself."""
    lines = [Line([("Refund refund", "value")])]
    assert len(find(lines, "refund")) == 2
    assert len(find(lines, "Refund")) == 1
    assert find(lines, "") == []


@given(
    st.lists(st.tuples(st.text(max_size=6), st.just("value")), max_size=4),
    st.integers(0, 12),
    st.integers(0, 12),
)
def test_marking_changes_no_letter(spans, start, length):
    """A mark changes the style of its characters, and nothing else."""
    marked = emphasised(spans, start, start + length, "found")
    whole = "".join(text for text, _ in spans)
    assert "".join(text for text, _ in marked) == whole
    assert "".join(text for text, style in marked if style == "found") == whole[start : start + length]


# Events.


def talk(chunks, *, ended=True):
    """Return the events of a model run that streams *chunks* chunks, one a millisecond."""
    h = History()
    h.start("m", kind="chat_model", inputs="say it")
    for number in range(chunks):
        h.stream("m", f"word{number} ", at=1 + number / 1000)
    if ended:
        h.end("m", at=2 + chunks / 1000)
    return h.events


def events_of(history, run_id="m", opened=frozenset(), *, journal=True, cells=100):
    runs = Runs()
    runs.apply(history)
    kept = None
    if journal:
        kept = Journal(run_id)
        kept.add(history)
        kept.whole = True
    return Events(runs.runs.get(run_id), kept, opened, cells)


def test_chunks_are_one_line_until_they_are_opened():
    """A stretch says how many, how fast, how long; opened, every chunk has a line with its time and number."""
    history = talk(100)
    closed = events_of(history)
    assert len(closed) == 3
    assert "100 chunks in 99ms, 1.0k/s, to #101" in closed[1].text
    stretch = closed.stretch_at(1)
    opened_ = events_of(history, opened=frozenset([stretch]))
    assert len(opened_) == 103
    assert "+1.050s" in opened_[52].text
    assert "#52" in opened_[52].text
    assert "word50" in opened_[52].text
    assert opened_.stretch_at(52) == stretch
    assert opened_.line_of(stretch) == 1
    assert "ended" in opened_[102].text


def test_events_between_chunks_split_the_stretch():
    """What happened between two chunks stands between them."""
    h = History()
    h.start("m", kind="chain")
    h.stream("m", "a", at=1)
    h.stream("m", "b", at=1.5)
    h.start("kid", "m", at=2, kind="tool")
    h.end("kid", at=2.5, error="E: no")
    h.stream("m", "c", at=3)
    h.retry("m", 2, at=3.5)
    h.end("m", at=4, error="E: no")
    text = [line.text for line in events_of(h.events)]
    kinds = [line.split()[2 if line.startswith("▸") is False else 3] for line in text]
    assert kinds == ["started", "text", "child", "child", "text", "retried", "ended"]
    assert "tool kid error after 0.50s" in text[3]
    assert "attempt 2 follows" in text[5]
    assert "E: no" in text[6]


def test_where_single_chunks_are_not_known_their_sum_is():
    """A bus does not look back: the line says how many there were, and that only the sum is kept."""
    text = [line.text for line in events_of(talk(100), journal=False)]
    assert "100 chunks" in text[1]
    assert "only their sum is kept" in text[1]


@given(st.lists(st.integers(0, 29), max_size=30), st.integers(0, 30))
def test_a_journal_is_the_chunks_in_order_once(picked, cut):
    """However the events come, in two overlapping lots and any order of lots, each chunk is kept once."""
    history = talk(30)
    journal = Journal("m")
    journal.add(history[cut:])
    journal.add([history[place] for place in sorted(set(picked))])
    journal.add(history[: cut + 3])
    assert [chunk.seq for chunk in journal.chunks] == list(range(2, 32))


async def test_a_hundred_thousand_chunks_scroll():
    """Opened, they are drawn where they are looked at; the end is one key away."""
    async with opened(talk(100_000), size=(100, 30), at=200) as (app, pilot):
        await press(pilot, "g", "enter", "5")
        await until(pilot, lambda: app._pane.journal.whole)
        await press(pilot, "j", "enter")
        assert len(app._detail.lines) == 100_003
        await press(pilot, "G")
        assert "word99999" in screen_text(app)
        await press(pilot, "ctrl+u", "g", "j", "space")
        assert len(app._detail.lines) == 3


async def test_events_of_a_run_that_still_streams_grow():
    """New chunks come into the open tab as they are published, none twice, none lost."""
    history = talk(50, ended=False)
    async with opened(history[:20], size=(100, 30)) as (app, pilot):
        await press(pilot, "g", "enter", "5")
        await until(pilot, lambda: app._pane.journal.whole)
        app.feed._waiting.extend(history[15:])
        await step(pilot)
        assert "50 chunks" in screen_text(app)


# With a screen.


def essay(*, ended=True):
    h = History()
    h.start("m", kind="chat_model", inputs={"messages": [{"role": "user", "content": "*why*?"}]})
    h.stream(
        "m", "# Late\n\nThe **bus** is late.\n\n" + "\n".join(f"line {n} of it" for n in range(80)), at=1
    )
    if ended:
        h.end("m", at=2)
    return h.events


async def test_markdown_is_rendered_when_the_run_has_ended():
    """What is still written is shown as it comes; M turns either round."""
    async with opened(essay(), size=(100, 30)) as (app, pilot):
        await press(pilot, "g", "enter", "g")
        assert "The bus is late." in screen_text(app)
        await press(pilot, "m")
        assert "The **bus** is late." in screen_text(app)
        await press(pilot, "m", "2")
        assert "why?" in screen_text(app)
    async with opened(essay(ended=False), size=(100, 30)) as (app, pilot):
        await press(pilot, "g", "enter", "g")
        assert "The **bus** is late." in screen_text(app)
        await press(pilot, "m")
        assert "The bus is late." in screen_text(app)


async def test_of_a_conversation_that_grew_what_is_new_comes_first():
    """The input of a later model call shows the new messages and how many there were; H shows all."""
    said = [{"type": "human", "content": f"message {number} of all"} for number in range(40)]
    h = History()
    h.start("agent", kind="agent")
    for number, length in enumerate((37, 40)):
        h.start(f"m{number}", "agent", at=number, kind="chat_model", inputs={"messages": said[:length]})
        h.end(f"m{number}", at=number + 0.5)
    h.end("agent", at=3)
    async with opened(h.events, size=(100, 40)) as (app, pilot):
        await press(pilot, "g", "j", "j", "enter", "2")
        shown = screen_text(app)
        assert "+3 messages, 37 before: H shows all" in shown
        assert "message 39 of all" in shown
        assert "message 3 of all" not in shown
        await press(pilot, "H")
        assert "message 3 of all" in screen_text(app)
        await press(pilot, "H")
        assert "+3 messages" in screen_text(app)


async def test_a_finished_text_is_read_from_its_beginning_a_growing_one_from_its_end():
    """Opening a long answer shows how it begins; one that is still written, what was written last."""
    async with opened(essay(), size=(100, 30)) as (app, pilot):
        await press(pilot, "g", "enter")
        assert "The bus is late." in screen_text(app)
    async with opened(essay(ended=False), size=(100, 30)) as (app, pilot):
        await press(pilot, "g", "enter")
        assert "line 79 of it" in screen_text(app)
        assert "The **bus**" not in screen_text(app)


async def test_finding_in_a_text():
    """/ finds as it is typed, n and N walk the places, escape forgets them and only then closes the run."""
    async with opened(essay(), size=(100, 30)) as (app, pilot):
        await press(pilot, "g", "enter", "g", "slash", *"line", "space", "7")
        assert app._detail.wanted == "line 7"
        assert "line 7: 1 of 11" in screen_text(app)
        assert not app.view.filter_text
        await press(pilot, "enter", "n")
        assert "line 7: 2 of 11" in screen_text(app)
        assert "line 70 of it" in screen_text(app)
        await press(pilot, "N", "N")
        assert "line 7: 11 of 11" in screen_text(app)
        assert "line 79 of it" in screen_text(app)
        await press(pilot, "escape")
        assert app._zoomed
        assert not app._detail.wanted
        await press(pilot, "slash", "z", "z")
        assert "zz: nowhere in what is shown" in screen_text(app)
        await press(pilot, "escape", "escape")
        assert not app._zoomed


async def test_finding_stays_true_while_the_text_grows():
    """The count follows a text that still streams."""
    history = essay(ended=False)
    async with opened(history, size=(100, 30)) as (app, pilot):
        await press(pilot, "g", "enter", "slash", *"late", "enter")
        assert app._detail.said == "late: 1 of 2"
        h = History()
        h.events, h._seq = [], iter([900])
        h._parents = {"m": None}
        h.stream("m", " too late", at=3)
        app.feed._waiting.extend(h.events)
        await step(pilot)
        assert app._detail.said.endswith("of 3")


def test_the_clock_of_the_tests_is_the_histories():
    """The events of `talk` begin at the epoch the other tests use."""
    assert talk(1)[0].time == EPOCH
    assert talk(1)[1].time == EPOCH + SECOND


async def test_a_decision_model_s_questions_and_answers_are_readable():
    """Not JSON: what was asked, the possible answers, what was answered."""
    h = History()
    asked = {
        "state": "Stripe fails.",
        "questions": {
            "team": {"type": "choice", "instructions": "Which team?", "criteria": {"billing": "Invoices."}},
        },
    }
    h.start("m", kind="chat_model", name="Decides", inputs=asked)
    h.end(
        "m", at=1, outputs={"answers": {"team": {"type": "choice", "choice": "billing", "confidence": 0.7}}}
    )
    async with opened(h.events, size=(100, 30)) as (app, pilot):
        await press(pilot, "g", "enter")
        assert "team: billing (confidence 0.7)" in screen_text(app)
        await press(pilot, "2")
        seen = screen_text(app)
        assert "team (choice): Which team?" in seen
        assert "billing: Invoices." in seen
        assert "Stripe fails." in seen
