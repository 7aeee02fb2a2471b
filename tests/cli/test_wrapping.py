from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracebus.cli._wrapping import WrappedLines


@given(st.lists(st.text(alphabet="ab \n", max_size=12), max_size=40), st.integers(30, 60))
def test_only_white_space_changes(pieces, width):
    """Whatever the pieces, the words are the same ones in the same order."""
    lines = WrappedLines(width, indent="  ")
    assert "".join(map(lines.wrap, pieces)).split() == "".join(pieces).split()


@given(st.lists(st.integers(1, 8), min_size=1, max_size=80), st.integers(30, 100))
def test_lines_end_before_the_edge(lengths, width):
    """Words that fit stand in lines that fit, with the indent on each new one."""
    lines = WrappedLines(width, indent="   ")
    text = "".join(lines.wrap(" " + "x" * length) for length in lengths)
    assert all(len(line) <= width for line in text.split("\n"))
    assert all(line.startswith("   ") for line in text.split("\n")[1:])
