from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tui_support import EPOCH, SECOND, History, story, usage

from tracebus.events import BatchMembership, ModelInfo
from tracebus.text import sanitise
from tracebus_tui.detail import TABS, Look, Paragraph, broken, flow, layout_of, wrapped
from tracebus_tui.drawing import (
    ASCII,
    UNICODE,
    Brush,
    columns_for,
    cut,
    heading,
    line_width,
    path_to,
    row_spans,
    spark,
    width,
)
from tracebus_tui.model import Runs, Together, Window

NOW = EPOCH + 14 * SECOND
HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x1b\x07\x9b\x00\r\n\t\u202e\u200f\u2066日本語👩\u200d👧é[]/\\"),
    ),
    max_size=60,
)


def drawn(events, cells=120, glyphs=UNICODE, now=NOW):
    runs = Runs()
    runs.apply(events)
    brush = Brush(columns_for(cells), glyphs, now, 0)
    return ["".join(text for text, _ in row_spans(row, brush)) for row in runs.rows]


@given(HOSTILE, HOSTILE, st.integers(30, 220))
@settings(max_examples=80, deadline=None)
def test_a_row_is_as_wide_as_its_columns_whatever_is_in_it(name, message, cells):
    """Wide, combining, right-to-left and control characters neither widen a row nor stay in it."""
    h = History()
    h.start("a", name=name, kind="chat_model", model=ModelInfo(name=message))
    h.stream("a", name, at=1)
    h.end("a", at=3, error=f"E: {message}", usage=usage(12345, 99999))
    h.start("b", name=name, at=4)
    for number in range(12):
        h.start(f"c{number}", "b" if number == 0 else f"c{number - 1}", name=message, at=4)
    h.start("m", name=name, batch=BatchMembership("x", 0, 5))
    runs = Runs()
    runs.apply(h.events)
    columns = columns_for(cells)
    for row in runs.rows:
        spans = row_spans(row, Brush(columns, UNICODE, NOW, 3))
        assert line_width(spans) == columns.total == cells
        assert all(text == sanitise(text, one_line=True) for text, _ in spans)


@given(HOSTILE, st.integers(30, 220), st.integers(0, 40), st.booleans())
@settings(max_examples=80, deadline=None)
def test_a_row_of_many_is_as_wide_as_its_columns_whatever_is_in_it(name, cells, second, ascii_only):
    """Runs folded together, batches and what leads to a row keep to their columns, on any scale."""
    glyphs = ASCII if ascii_only else UNICODE
    h = History()
    for number in range(31):
        h.start(f"r{number}", name=name, at=number)
        h.end(f"r{number}", at=number + 1, usage=usage(123456789, 99999))
    h.start("wide", name=name, at=31)
    h.start("deep", "wide", name=name, at=31)
    for number in range(12):
        h.start(f"w{number}", "deep", name=name, kind="chat_model", at=32)
        h.end(f"w{number}", at=33, usage=usage(12345, 99999))
    h.start("m", name=name, batch=BatchMembership("x", 0, 5), at=34)
    runs = Runs()
    runs.apply(h.events)
    runs.tidy(EPOCH + 100 * SECOND)
    assert sum(isinstance(row.item, Together) for row in runs.rows) == 2
    columns = columns_for(cells)
    start = EPOCH + second * SECOND
    for window in (None, Window(start, start + 30 * SECOND, live=bool(second % 2))):
        for row in runs.rows:
            spans = row_spans(row, Brush(columns, glyphs, NOW, 3, window))
            assert line_width(spans) == columns.total == cells
            assert all(text == sanitise(text, one_line=True) for text, _ in spans)
            line = heading(columns, "start", path=path_to(row, columns, glyphs), window=window)
            assert line_width(line) == cells
            assert all(text == sanitise(text, one_line=True) for text, _ in line)


def test_the_line_above_says_which_run_goes_in_circles():
    """Its own row is out of view as soon as the tree is longer than the window."""
    h = History()
    h.start("root", name="night desk")
    h.start("step", "root", name="agent")
    h.start("tool", "step", name="look")
    runs = Runs()
    runs.apply(h.events)
    runs.tidy(EPOCH)

    def above():
        return path_to(list(runs.rows)[-1], columns_for(100), UNICODE)[0]

    assert above() == f" night desk {UNICODE.sticky} agent"
    circle = {"run_id": "root", "kind": "same_call", "what": "look", "count": 3}
    runs.apply([h.custom("root", "tracebus.loop", circle)])
    assert above() == f" night desk ∞ {UNICODE.sticky} agent"


def test_columns_fill_every_width():
    """From 10 to 300 cells the columns and their heading fill the line exactly."""
    for cells in range(10, 301):
        columns = columns_for(cells)
        assert columns.total == cells
        assert line_width(heading(columns, "start")) == cells


def test_a_state_is_told_by_sign_and_letter():
    """Every state but the good one has a letter, so that neither colour nor sign is needed."""
    text = "\n".join(drawn(story()))
    assert "✗E ⚒ lookup" in text
    assert "‖I ◆ graph" in text
    assert "✓  ⌕ search" in text
    assert "r ◈ talk" in text


def test_ascii_is_ascii():
    """With the ASCII signs a row of ASCII names has nothing else."""
    lines = drawn(story(), glyphs=ASCII)
    assert all(line.isascii() for line in lines if "classify  " not in line), lines


def test_live_counts_are_marked():
    """A running model's tokens are a count of chunks and say so; afterwards the usage is shown."""
    lines = drawn(story())
    assert "~5" in next(line for line in lines if "talk" in line)
    assert "1.2k→80" in next(line for line in lines if " chat " in line)


def test_the_waterfall_marks_waiting_and_the_first_token():
    """A model's bar waits, marks the first token and works; a tool's only works, and fails with a cross."""
    lines = drawn(story())
    assert "·◆━" in next(line for line in lines if " chat " in line)
    assert next(line for line in lines if "lookup" in line).rstrip().endswith("✗")
    assert "◆" in next(line for line in lines if "agent" in line)[80:]


def test_a_roots_bar_shows_work_over_waiting():
    """While one model still waits, what another did in the same time is seen."""
    h = History()
    h.start("root", at=0)
    h.start("done", "root", at=0, kind="chat_model")
    h.end("done", at=7)
    h.start("waits", "root", at=0, kind="chat_model")
    bar = drawn(h.events)[0][-33:]
    assert bar.strip("━·") == ""
    assert 15 <= bar.count("━") <= 17
    assert bar.startswith("━" * 15)


def test_a_batch_shows_how_far_it_is():
    """The group's row counts what has ended, and what failed."""
    h = History()
    for number in range(4):
        h.start(f"m{number}", name="step", batch=BatchMembership("b", number, 10))
    h.end("m0")
    h.end("m1", error="ValueError: no")
    line = drawn(h.events)[0]
    assert "step  \u00d710" in line
    assert "2/10" in line
    assert "2●" in line
    assert "1✗" in line


def test_retries_and_fallbacks_are_recognisable():
    """A retried run has its attempt; a fallback its number."""
    h = History()
    h.start("f", name="RunnableWithFallbacks")
    h.start("one", "f", kind="chat_model")
    h.end("one", error="E: down")
    h.start("two", "f", kind="chat_model")
    text = "\n".join(drawn(h.events))
    assert "two ⤷1" in text
    assert "lookup ↻2" in "\n".join(drawn(story()))


def test_unknown_is_not_zero():
    """A model that reported no usage and no price shows neither 0 nor $0."""
    h = History()
    h.start("m", kind="chat_model")
    h.end("m")
    assert "0→" not in drawn(h.events)[0]
    assert "$" not in drawn(h.events)[0]


@given(HOSTILE, st.integers(1, 60))
def test_wrapping_loses_nothing_but_blanks(text, cells):
    """Every piece fits, or is a single wide character, and together they are the line."""
    line = text.replace("\n", " ")
    pieces = wrapped(line, cells)
    assert all(width(piece) <= max(cells, 2) for _, piece in pieces)
    assert "".join(joint + piece for joint, piece in pieces) == line


@given(HOSTILE, st.integers(0, 40))
def test_cutting_fits(text, cells):
    """Cut text is never wider than asked."""
    assert width(cut(text.replace("\n", ""), cells)) <= cells


def test_little_columns():
    """A sparkline is scaled to its highest value, and flat where there is nothing."""
    assert spark([0, 5, 10], 3, "▁▂▃▄▅▆▇█") == "▁▅█"
    assert spark([0, 0], 8, "▁█") == "▁▁"


def said(runs, run_id, tab, cells=60, **look):
    """Return what a tab says about a run, line by line, margins included."""
    lines = layout_of(runs.runs.get(run_id), tab, Look(**look), None, NOW)(cells, wrap=True)
    return [line.margin + line.text for line in lines]


def test_messages_read_as_a_conversation():
    """A chat model's inputs show who said what."""
    runs = Runs()
    runs.apply(story())
    assert said(runs, "chat", "Input") == ["system", "  Be brief.", "", "user", "  What is late?", ""]


def test_documents_read_as_documents():
    """A retriever's outputs show sources and texts."""
    runs = Runs()
    runs.apply(story())
    text = said(runs, "search", "Output")
    assert text[:2] == ["1. board", "  Line 7 is late."]


@given(
    st.recursive(
        st.one_of(st.none(), HOSTILE, st.floats(allow_nan=False), st.integers(-9, 9)),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(HOSTILE, inner, max_size=4)),
        max_leaves=20,
    )
)
@settings(max_examples=60, deadline=None)
def test_every_tab_takes_every_payload(payload):
    """Whatever a run was given and gave, every tab has safe lines to show."""
    h = History()
    for run_id, value in (
        ("a", payload),
        ("b", {"messages": [payload, {"role": payload, "content": payload}]}),
        ("c", {"documents": [payload]}),
    ):
        h.start(run_id, inputs=value)
        h.end(run_id, outputs=value)
    runs = Runs()
    runs.apply(h.events)
    for run_id in "abc":
        for tab in TABS:
            for line in said(runs, run_id, tab, 40):
                assert "\x1b" not in line
                assert "\u202e" not in line
                assert width(line) <= 40


def test_a_long_text_is_cut_where_nobody_reads_on():
    """Ten million characters cost what two hundred thousand do, and the rest is announced."""
    h = History()
    h.start("a", inputs="x" * 10_000_000)
    runs = Runs()
    runs.apply(h.events)
    lines = said(runs, "a", "Input")
    assert sum(map(len, lines)) < 210_000
    assert "9.8M characters more" in lines[-1]


def test_a_long_line_of_wide_characters_is_wrapped_in_one_go():
    """Wrapping costs what the text is long, not its square: 200,000 wide characters took minutes."""
    assert len(wrapped("日" * 200_000, 80)) == 5000


def test_a_line_of_very_many_styles_is_wrapped_in_one_go():
    """Likewise where every word has a style of its own: Markdown can ask for that."""
    spans = [("word ", "value"), ("*", "strong")] * 100_000
    lines = list(broken(spans, 80))
    joined = "".join((line.joint if number else "") + line.text for number, line in enumerate(lines))
    assert joined == "word *" * 100_000


def test_no_wrapping_keeps_a_line_a_line():
    """Without wrapping every line of text is one line, cut at the edge."""
    assert len(flow([Paragraph("x" * 100 + "\ny")])(10, wrap=False)) == 2
