"""What the detail pane is made of: blocks of sanitised text, and how much of a value is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

from tracebus.figures import count
from tracebus.text import sanitise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_SHOWN = 200_000
"""Characters of one text that are shown; copying and saving take all of it."""
_MOST_IN_ALL = 600_000
_MOST_IN_JSON = 20_000
_DEEP = 40


class Paragraph(NamedTuple):
    """Text, possibly of many lines, in one style."""

    text: str
    style: str = "value"
    indent: int = 0


class Marked(NamedTuple):
    """Text that its writer may have meant as Markdown."""

    text: str
    indent: int = 0


Block: TypeAlias = Paragraph | Marked


def shown(text: str, *, tail: bool = False) -> str:
    """Return *text* safe to show, cut where nobody would read on; the end of it with *tail*."""
    if len(text) > MOST_SHOWN:
        more = count(len(text) - MOST_SHOWN)
        kept = sanitise(text[-MOST_SHOWN:] if tail else text[:MOST_SHOWN])
        return f"… {more} characters before\n{kept}" if tail else f"{kept}\n… {more} characters more"
    return sanitise(text)


def bounded(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield *blocks* as long as all of them together can be wrapped while a key waits."""
    room = _MOST_IN_ALL
    rest = iter(blocks)
    for block in rest:
        if room < 0:
            left = 1 + sum(1 for _ in rest)
            yield Paragraph(f"… {count(left)} parts more; y copies all, x saves all", "faint")
            return
        room -= len(block.text)
        yield block


def as_json(value: Any) -> str:
    """Return *value* as indented JSON with its longest strings cut."""
    try:
        encoded = msgspec.json.encode(_shortened(value, _DEEP))
        return msgspec.json.format(encoded, indent=2).decode()
    except (TypeError, ValueError, RecursionError) as error:
        return f"(no JSON form: {error})"


def _shortened(value: Any, depth: int) -> Any:
    if depth == 0:
        return "…"
    match value:
        case str() if len(value) > _MOST_IN_JSON:
            return f"{value[:_MOST_IN_JSON]}… ({count(len(value))} characters)"
        case dict():
            return {key: _shortened(inner, depth - 1) for key, inner in value.items()}
        case list() | tuple():
            return [_shortened(inner, depth - 1) for inner in value]
        case _:
            return value
