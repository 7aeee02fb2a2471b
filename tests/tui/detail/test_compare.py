"""Two runs side by side: what differs is found, marked, and nothing of either is lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tui_support import EPOCH, SECOND, History, usage

from tracebus.events import ModelInfo
from tracebus.text import sanitise
from tracebus_tui.detail import compare
from tracebus_tui.drawing import width
from tracebus_tui.model import Runs

NOW = EPOCH + 100 * SECOND


def two(left, right, **fields):
    """Return two runs of a model with these answers."""
    h = History()
    for run_id, text, took, model in (("a", left, 1, "small"), ("b", right, 2, "large")):
        info = ModelInfo(provider="x", name=model, parameters={"temperature": 0.5, "top_p": took})
        inputs = {"messages": [{"role": "user", "content": fields.get(run_id, "Why?")}]}
        h.start(run_id, kind="chat_model", name="chat", model=info, inputs=inputs)
        h.end(run_id, at=took, outputs={"messages": [{"role": "ai", "content": text}]}, usage=usage(10, took))
    runs = Runs()
    runs.apply(h.events)
    return runs.runs.get("a"), runs.runs.get("b")


def laid(left, right, cells=100):
    return [*compare(left, right, NOW)(cells, wrap=True)]


def marked(lines, style):
    return [text for line in lines for text, look in line.spans if look == style]


def test_what_differs_comes_first():
    """Model, parameters, time, tokens: both values, and how much more the right one is; what is the same, last."""
    lines = laid(*two("same", "same"))
    text = "\n".join(line.text for line in lines)
    assert text.index("x small") < text.index("output: the same") < text.index("the same in both")
    assert "2.00s  +100%" in text
    assert text.index("temperature", text.index("the same in both"))
    assert "top_p" in text[: text.index("input:")]
    assert "input: the same" in text


def test_words_that_differ_are_marked_in_their_lines():
    """A changed line stands beside its other form, with the changed words in it marked on both sides."""
    left, right = two("first\nthe red bus is late\nlast", "first\nthe blue bus is late\nmore\nlast")
    lines = laid(left, right)
    below = lines[next(n for n, line in enumerate(lines) if line.text.startswith("output")) :]
    assert "red" in marked(below, "removed")
    assert "blue" in marked(below, "added")
    assert "more" in marked(below, "added")
    row = next(line.text for line in below if "red" in line.text)
    assert row.index("the red bus is late") < row.index("the blue bus is late")


def test_the_runs_below_stand_side_by_side():
    """Steps of one name share a line; one that only one side has stands alone, and a failure shows."""
    h = History()
    for root, failed in (("a", False), ("b", True)):
        h.start(root, name="chain")
        h.start(f"{root}1", root, name="search", kind="retriever")
        h.end(f"{root}1", at=1 + failed)
        if failed:
            h.start(f"{root}2", root, name="repair", kind="tool")
            h.end(f"{root}2", at=3, error="E: no")
        h.end(root, at=4)
    runs = Runs()
    runs.apply(h.events)
    lines = [line.text for line in laid(runs.runs.get("a"), runs.runs.get("b"))]
    search = next(line for line in lines if line.count("retriever search") == 2)
    assert search.index("1.00s") < search.index("2.00s")
    assert next(line for line in lines if "repair" in line).startswith(" " * 40)


TEXT = st.text(st.sampled_from("ab \n日e\u0301"), max_size=120)


@given(TEXT, TEXT, st.integers(1, 90))
@settings(max_examples=150, deadline=None)
def test_nothing_of_either_side_is_lost(left, right, cells):
    """At any width every line fits, and each side reads as its text does."""
    first, second = two(left, right)
    lines = laid(first, second, cells)
    assert all(width(line.text) <= max(cells, 7) for line in lines)
    if cells > 40:
        half = (cells - 3) // 2
        begun = next(n for n, line in enumerate(lines) if line.text.startswith("output"))
        ended = next(n for n, line in enumerate(lines) if line.text.startswith("the same in both"))
        sides = ["", ""]
        for line in lines[begun + 1 : ended]:
            at, side = 0, 0
            for text, _ in line.spans:
                side = side or (at >= half and text == " │ ")
                sides[side] += text.replace(" │ ", "")
                at += width(text)
        for seen, text in zip(sides, (left, right), strict=True):
            # An answer without text is shown as the message it is.
            assert "".join(seen.split()) == ("" if text else "ai") + "".join(sanitise(text).split())


@pytest.mark.parametrize(
    "make",
    [
        lambda mark: f"{mark}\n" * 100_000,
        lambda mark: "\n".join(f"{mark}{n}, " * 40 for n in range(1_900)),
        lambda mark: mark * 5_000_000,
        lambda mark: "\n".join(f"{n} same" for n in range(1_900)) + mark,
    ],
    ids=["many lines", "all lines changed", "one line", "many alike"],
)
def test_any_two_texts_can_be_compared(make):
    """However long they are, comparing ends while a reader still waits for it."""
    assert laid(*two(make("a"), make("b")))


def test_a_conversation_of_ten_megabytes():
    """Two prompts of a thousand long messages each are compared, and what is left out is said."""
    h = History()
    for run_id in "ab":
        messages = [{"role": "user", "content": f"{run_id} word " * 1_500} for _ in range(1_000)]
        h.start(run_id, kind="chat_model", inputs={"messages": messages})
    runs = Runs()
    runs.apply(h.events)
    assert "parts more" in "\n".join(line.text for line in laid(runs.runs.get("a"), runs.runs.get("b")))
