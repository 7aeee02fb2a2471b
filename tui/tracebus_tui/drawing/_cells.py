"""Text in cells: cut, padded and measured as the terminal will show it."""

from __future__ import annotations

from typing import TypeAlias

from rich.cells import cell_len, set_cell_size

from tracebus.text import sanitise

Span: TypeAlias = tuple[str, str]
"""A piece of a line and the name of its style."""


def clean(text: str) -> str:
    """Return *text* as one line that no terminal obeys."""
    return text if text.isprintable() else sanitise(text, one_line=True)


def width(text: str) -> int:
    """Return how many cells *text* takes."""
    return len(text) if text.isascii() else cell_len(text)


def cut(text: str, cells: int, ellipsis: str = "…") -> str:
    """Return *text* in at most *cells* cells, with an ellipsis where something is missing."""
    if cells <= 0:
        return ""
    if len(text) > cells * 8:  # combining characters aside, no more than this can be seen
        text = text[: cells * 8]
    if width(text) <= cells:
        return text
    return fit(text, cells - 1) + ellipsis


def fit(text: str, cells: int) -> str:
    """Return *text* in exactly *cells* cells: cut without a word, or padded."""
    if text.isascii():
        return text[:cells].ljust(cells)
    return set_cell_size(text, cells)


def right(text: str, cells: int) -> str:
    """Return *text* at the right of exactly *cells* cells."""
    short = cells - width(text)
    return " " * short + text if short >= 0 else fit(text, cells)


def spark(values: list[float], cells: int, signs: str) -> str:
    """Return the last *cells* of *values* as little columns, scaled to the highest."""
    shown = values[-cells:]
    highest = max(shown, default=0.0)
    if highest <= 0:
        return signs[0] * len(shown)
    top = len(signs) - 1
    return "".join(signs[min(top, round(value / highest * top))] for value in shown)


def line_width(spans: list[Span]) -> int:
    """Return how many cells *spans* take."""
    return sum(width(text) for text, _ in spans)
