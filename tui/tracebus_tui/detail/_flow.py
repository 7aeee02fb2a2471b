"""Blocks laid out one below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from tracebus_tui.detail._blocks import Marked, Paragraph
from tracebus_tui.detail._markdown import markdown
from tracebus_tui.detail._wrap import broken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracebus_tui.detail._blocks import Block
    from tracebus_tui.detail._wrap import Layout, Line


def flow(blocks: Iterable[Block], *, rendered: bool = True) -> Layout:
    """Return how *blocks* are laid out; Markdown as it is written, unless it is *rendered*."""
    kept = list(blocks)

    def lay(cells: int, *, wrap: bool) -> list[Line]:
        return [line for block in kept for line in _laid(block, cells, wrap=wrap, rendered=rendered)]

    return lay


def _laid(block: Block, cells: int, *, wrap: bool, rendered: bool) -> Iterator[Line]:
    margin = " " * max(0, min(block.indent, cells - 1))
    room = cells - len(margin)
    match block:
        case Marked(text) if rendered:
            for line in markdown(text, room, wrap=wrap):
                yield line._replace(margin=margin + line.margin)
        case Marked(text):
            yield from _plain(text, "value", room, margin, wrap=wrap)
        case Paragraph(text, style):
            yield from _plain(text, style, room, margin, wrap=wrap)
        case _:
            assert_never(block)


def _plain(text: str, style: str, cells: int, margin: str, *, wrap: bool) -> Iterator[Line]:
    for line in text.split("\n"):
        yield from broken([(line, style)], cells, margin, wrap=wrap)
