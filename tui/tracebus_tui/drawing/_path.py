"""The names of the runs above the first visible row, for the line above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.tree import RunNode
from tracebus.watching import circles
from tracebus_tui.drawing._cells import clean, cut, width
from tracebus_tui.model import Together

if TYPE_CHECKING:
    from tracebus_tui.drawing._cells import Span
    from tracebus_tui.drawing._columns import Columns
    from tracebus_tui.drawing._glyphs import Glyphs
    from tracebus_tui.model import Item, Row

_MOST_NAME = 200
_MOST_NAMES = 30


def path_to(row: Row, columns: Columns, glyphs: Glyphs) -> Span | None:
    """Return the names above *row*, the root's first; `None` where it is at the top itself.

    Where they don't fit, those in the middle are left out: the root says which run it is, the parent where.
    """
    names: list[str] = []
    above = row.parent
    while above is not None and above.item is not None:
        if len(names) == _MOST_NAMES and isinstance(above.item, RunNode):
            names.append(_name(above.item.root, glyphs))
            break
        names.append(_name(above.item, glyphs))
        above = above.parent
    if not names:
        return None
    names.reverse()
    between = f" {glyphs.sticky} "
    room = columns.name - 1
    text = between.join(names)
    while width(text) > room and len(names) > 2:  # noqa: PLR2004 - the root and the parent
        del names[1]
        text = between.join([names[0], glyphs.ellipsis, *names[1:]])
    if width(text) > room and len(names) > 1:
        lead = f"{cut(names[0], room // 3, glyphs.ellipsis)}{between}"
        text = lead + cut(names[-1], room - width(lead), glyphs.ellipsis)
    return (" " + cut(text, room, glyphs.ellipsis), "path")


def _name(item: Item, glyphs: Glyphs) -> str:
    name = clean((item.title if isinstance(item, Together) else item.name)[:_MOST_NAME])
    loops = isinstance(item, RunNode) and item.custom_events and circles(item.custom_events)
    return f"{name} {glyphs.loop}" if loops else name
