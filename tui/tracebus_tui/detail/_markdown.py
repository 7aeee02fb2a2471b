"""Markdown as lines of spans. markdown-it-py reads it; nothing of it reaches a markup parser or a terminal.

Links stand with their target, and cannot be clicked. What a reader could not see otherwise stays text:
HTML, link definitions. Reading is bounded in steps, so that no text, however made, holds up a key;
what is too much is shown as it was written, with a note.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

from tracebus_tui.detail._wrap import TAB, Line, broken
from tracebus_tui.drawing import clean, cut, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

    from tracebus_tui.drawing import Span

_LONGEST = 60_000
_MOST_STEPS = 60_000
"""About a tenth of a second."""
_MOST_CELLS = 2_000
_DEEPEST = 20
_REMEMBERED = 128
_NARROWEST = 10
"""Cells left to the text, however deep its lists are."""
_NARROWEST_COLUMN = 3
_STYLES = {"strong_open": "strong", "em_open": "emphasis", "s_open": "faint", "link_open": "link"}


class _TooMuchError(Exception):
    """The text takes too long to read; the message says why."""


def markdown(text: str, cells: int, *, wrap: bool = True) -> Sequence[Line]:
    """Return sanitised *text* read as Markdown; as it is, with a note, where that takes too long."""
    return _laid(text, max(1, cells), wrap)


@lru_cache(maxsize=_REMEMBERED)
def _laid(text: str, cells: int, wrap: bool) -> Sequence[Line]:  # noqa: FBT001 - a cache key
    try:
        return [*_Writer(cells, wrap=wrap).write(_tokens(text))]
    except _TooMuchError as error:
        note = broken([(f"shown as it was written: {error}", "faint")], cells)
        plain = (line for part in text.split("\n") for line in broken([(part, "value")], cells, wrap=wrap))
        return [*note, *plain]


# Reading.


def _tokens(text: str) -> list[Token]:
    if len(text) > _LONGEST:
        raise _TooMuchError("long for Markdown")
    return _PARSER.parse(text, {"steps": 0})


def _count(env: Any, level: int) -> None:
    env["steps"] += 1
    if env["steps"] > _MOST_STEPS:
        raise _TooMuchError("too intricate for Markdown")
    if level >= _DEEPEST:  # markdown-it would drop what is inside
        raise _TooMuchError("nested too deep for Markdown")


def _counted_block(state: StateBlock, _start: int, _end: int, _silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    _count(state.env, state.level)
    return False


def _counted_inline(state: StateInline, _silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    _count(state.env, 0)
    return False


class _Parser(MarkdownIt):
    """Takes links as they are: where one leads is shown, not followed, so nothing is refused or rewritten."""

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - markdown-it's
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - markdown-it's
        return url


def _parser() -> MarkdownIt:
    parser = _Parser("commonmark", {"html": False, "maxNesting": _DEEPEST + 2})
    parser.enable(["table", "strikethrough"]).disable(["reference", "html_block", "html_inline"])
    parser.block.ruler.before("table", "counted", _counted_block)
    parser.inline.ruler.before("text", "counted", _counted_inline)
    return parser


_PARSER = _parser()


# Writing.


class _Writer:
    """Turns tokens into lines; keeps what stands in front of them: bullets, numbers, bars."""

    def __init__(self, cells: int, *, wrap: bool) -> None:
        self._cells = cells
        self._wrap = wrap
        self._margins: list[str] = []
        self._first: str | None = None
        """The margin of the next line, with the bullet, where an item begins."""
        self._numbers: list[int | None] = []
        self._apart_from_above = False
        """Whether a line stays free before the next block."""

    def write(self, tokens: list[Token]) -> Iterator[Line]:
        """Yield the lines."""
        place = 0
        while place < len(tokens):
            token = tokens[place]
            if token.type == "table_open":
                end = _end_of_table(tokens, place)
                yield from self._apart()
                yield from self._table(_rows(tokens[place:end]))
                place = end
            else:
                yield from self._token(token, tokens[place - 1] if place else token)
            place += 1

    def _token(self, token: Token, before: Token) -> Iterator[Line]:
        if token.type.endswith(("_list_open", "_list_close", "list_item_open", "list_item_close")):
            yield from self._list(token)
            return
        match token.type:
            case "blockquote_open":
                yield from self._apart()
                self._margins.append("│ ")
                self._apart_from_above = False
            case "blockquote_close":
                self._margins.pop()
            case "inline":
                if not before.hidden:  # the paragraphs of a tight list are
                    yield from self._apart()
                style = "title" if before.type == "heading_open" else "value"
                for line in _spans(token.children or (), style):
                    yield from self._line(line)
            case "fence" | "code_block":
                yield from self._code(token)
            case "hr":
                yield from self._apart()
                yield from self._line([("─" * self._room(), "guide")])

    def _list(self, token: Token) -> Iterator[Line]:
        match token.type:
            case "bullet_list_open":
                yield from () if self._numbers else self._apart()
                self._numbers.append(None)
            case "ordered_list_open":
                yield from () if self._numbers else self._apart()
                self._numbers.append(int(token.attrGet("start") or 1))
            case "list_item_open":
                self._open_item()
            case "list_item_close":
                if self._first is not None:  # an item without anything in it
                    yield from self._line([])
                self._margins.pop()
            case _:
                self._numbers.pop()

    def _code(self, token: Token) -> Iterator[Line]:
        yield from self._apart()
        if language := token.info.strip():
            yield from self._line([(clean(language), "faint")])
        for text in token.content.removesuffix("\n").split("\n"):
            yield from self._line([("  " + clean(text.replace("\t", TAB)), "code")])

    def _open_item(self) -> None:
        number = self._numbers[-1]
        sign = "• " if number is None else f"{number}. "
        if number is not None:
            self._numbers[-1] = number + 1
        self._first = self._margin() + sign
        self._margins.append(" " * len(sign))

    def _apart(self) -> Iterator[Line]:
        """Leave a line free before a block, but not between a bullet and its text."""
        if self._apart_from_above and self._first is None:
            yield Line([], self._margin().rstrip())

    def _line(self, spans: list[Span]) -> Iterator[Line]:
        margin = self._margin()
        first, self._first = self._first, None
        self._apart_from_above = True
        for number, line in enumerate(broken(spans, self._room(), margin, wrap=self._wrap)):
            yield line._replace(margin=self._fitted(first)) if number == 0 and first is not None else line

    def _margin(self) -> str:
        return self._fitted("".join(self._margins))

    def _fitted(self, margin: str) -> str:
        """Return *margin* cut so that some text fits behind it."""
        return margin[-max(0, self._cells - _NARROWEST) :] if self._cells > _NARROWEST else ""

    def _room(self) -> int:
        return max(1, self._cells - width(self._margin()))

    def _table(self, rows: list[list[list[Span]]]) -> Iterator[Line]:
        widths = _column_widths(rows, self._room())
        for number, row in enumerate(rows):
            for line in _table_lines(row, widths):
                yield from self._line([(text, "strong") for text, _ in line] if number == 0 else line)
            if number == 0:
                yield from self._line([("─┼─".join("─" * cells for cells in widths), "guide")])


def _spans(tokens: Iterable[Token], style: str) -> list[list[Span]]:
    """Return inline *tokens* as lines of spans; line breaks stay where the writer made them."""
    lines: list[list[Span]] = [[]]
    styles = [style]
    targets: list[str] = []
    for token in tokens:
        match token.type:
            case "softbreak" | "hardbreak":
                lines.append([])
            case "strong_open" | "em_open" | "s_open" | "link_open":
                styles.append(_STYLES[token.type])
                targets.append(str(token.attrGet("href") or ""))
            case "strong_close" | "em_close" | "s_close" | "link_close":
                styles.pop()
                lines[-1] += _target(targets.pop(), lines[-1])
            case "code_inline":
                lines[-1].append((token.content, "code"))
            case "image":
                lines[-1].append((f"image {token.content} <{token.attrGet('src')}>", "faint"))
            case _:
                lines[-1].append((token.content, styles[-1]))
    return [[(clean(text.replace("\t", TAB)), look) for text, look in line if text] for line in lines]


def _target(target: str, line: list[Span]) -> list[Span]:
    """Return where a link leads, unless its text has said so."""
    said = bool(line) and line[-1][0].endswith(target)
    return [(f" <{target}>", "faint")] if target and not said else []


# Tables.


def _end_of_table(tokens: list[Token], start: int) -> int:
    return next(place for place in range(start, len(tokens)) if tokens[place].type == "table_close")


def _rows(tokens: list[Token]) -> list[list[list[Span]]]:
    rows: list[list[list[Span]]] = []
    cells = 0
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            cells += 1
            if cells > _MOST_CELLS:
                raise _TooMuchError("a table this large")
            lines = _spans(token.children or (), "value")
            rows[-1].append([span for line in lines for span in line])
    return rows


def _column_widths(rows: list[list[list[Span]]], room: int) -> list[int]:
    """Return the columns' widths: what they need, the widest made narrower until all fit."""
    columns = max(map(len, rows), default=0)
    if columns * (_NARROWEST_COLUMN + 3) > room + 3:
        raise _TooMuchError("a table wider than the pane")
    widths = [
        max((width("".join(text for text, _ in row[place])) for row in rows if place < len(row)), default=0)
        for place in range(columns)
    ]
    spare = room - 3 * (columns - 1)
    widest = next(
        (
            cap
            for cap in range(min(room, max(widths, default=0)), _NARROWEST_COLUMN, -1)
            if _capped(widths, cap) <= spare
        ),
        _NARROWEST_COLUMN,
    )
    return [max(_NARROWEST_COLUMN, min(wanted, widest)) for wanted in widths]


def _capped(widths: list[int], cap: int) -> int:
    return sum(max(_NARROWEST_COLUMN, min(wanted, cap)) for wanted in widths)


def _table_lines(row: list[list[Span]], widths: list[int]) -> Iterator[list[Span]]:
    row = row[: len(widths)] + [[]] * (len(widths) - len(row))
    columns = [list(broken(cell, cells)) for cell, cells in zip(row, widths, strict=True)]
    for parts in zip_longest(*columns):
        line: list[Span] = []
        for part, cells in zip(parts, widths, strict=True):
            spans = part.spans if part is not None else []
            used = sum(width(text) for text, _ in spans)
            line += [*spans, (" " * (cells - used) + " │ ", "guide")]
        line[-1] = (cut(line[-1][0].removesuffix(" │ "), widths[-1]), "guide")
        yield line
