"""Modal screens: help, a choice by one key, two runs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tracebus_tui.detail import Line, Paragraph, beside, broken, compare, flow
from tracebus_tui.picture._key_table import KEYS, name_of
from tracebus_tui.widgets import Bar, TextView, plain_border

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from tracebus.tree import RunNode

_CLOSE: list[BindingType] = [Binding("escape,q,question_mark", "dismiss", "back", show=False)]
_LEGEND = (
    "✓ ok   ✗E error   ⊘C cancelled   ⊝A abandoned   ‖I interrupted   ?L lost   ⠋r running",
    "◇ chain   ◆ agent, graph   ○ node   ◈ model   ⚒ tool   ⌕ retriever   ¶ prompt   ⊢ parser   ▤ batch",
    "≡ many that ended well   ×12 siblings alike   Σ their times added up   space opens them",  # noqa: RUF001 - signs
    "···◆━━━ waiting, first token, answering   ↻2 second attempt   ⤷1 first fallback   ~ counted in chunks",
)
_FILTERS = (
    "kind:tool  status:error  name:~retriev  tokens:>1000  took:>2s  ttft:>500ms  cost:>0.01  tag:prod",
    "model:gpt  error:timeout  run:36f6  text:refund  is:root  is:pinned  is:retried   ! not, | or",
)


_LEAVING = "j k scroll   esc back"
_LEFT = ("Move", "Find", "Fold")
_KEY = 12
_COLUMN = 44
"""Cells a column of keys needs."""
_BETWEEN = 3


DEPTHS: Final = {
    "1-9": "levels",
    "O": "all below",
    "C": "none below",
    "R": "everything",
    "M": "nothing",
}
"""What follows `z`, by vi's letters."""


class Help(ModalScreen[None]):
    """Every key and every sign."""

    BINDINGS = _CLOSE
    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > Vertical { width: 96%; max-width: 132; height: 96%; background: $panel; border: round $primary; }
    """

    def compose(self) -> ComposeResult:
        """Build the screen."""
        with Vertical():
            yield TextView(id="help")

    def on_mount(self) -> None:
        """Fill it from the table of keys."""
        self.query_one(Vertical).border_subtitle = _LEAVING
        plain_border(self.query_one(Vertical))
        self.query_one(TextView).show(_help, restart=True)
        self.query_one(TextView).focus()

    def on_key(self, event: events.Key) -> None:
        """Scroll."""
        _scroll(self.query_one(TextView), event)


def _help(cells: int, *, wrap: bool) -> list[Line]:
    """Lay out every key, in two columns where there is room, and below them filters and signs."""
    groups = {
        group: [(name_of(key), key.says) for key in KEYS if key.group == group]
        for group in dict.fromkeys(key.group for key in KEYS)
    }
    half = (cells - _BETWEEN) // 2
    if half < _COLUMN:
        lines = [line for group, keys in groups.items() for line in _group(group, keys, cells)]
    else:
        left = [line for group in _LEFT for line in _group(group, groups[group], half)]
        right = [
            line for group in groups if group not in _LEFT for line in _group(group, groups[group], half)
        ]
        lines = list(beside(left, right, half, " " * _BETWEEN))
    more = [Paragraph("Filters", "title"), *(Paragraph(line, indent=2) for line in _FILTERS)]
    more += [Paragraph("Signs", "title"), *(Paragraph(line, indent=2) for line in _LEGEND)]
    return [*lines, *flow(more)(cells, wrap=wrap)]


def _group(title: str, keys: list[tuple[str, str]], cells: int) -> list[Line]:
    lines = [Line([(title, "title")])]
    for name, says in keys:
        first, *rest = broken([(says, "value")], cells - _KEY)
        lines.append(Line([(f"  {name:<{_KEY - 2}}", "key"), *first.spans]))
        lines += [Line([(" " * _KEY, ""), *line.spans]) for line in rest]
    return [*lines, Line([])]


class Choice(ModalScreen[str | None]):
    """One line of choices, taken by one key."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "back", show=False)]
    DEFAULT_CSS = """
    Choice { align: center bottom; background: transparent; }
    Choice > Bar { background: $primary-muted; }
    """

    def __init__(self, title: str, choices: dict[str, str]) -> None:
        super().__init__()
        self._title = title
        self._choices = choices

    def compose(self) -> ComposeResult:
        """Build the line."""
        yield Bar()

    def on_mount(self) -> None:
        """Show the choices."""
        spans = [(f" {self._title}  ", "title")]
        for key, says in self._choices.items():
            spans += [(key, "key"), (f" {says}  ", "value")]
        self.query_one(Bar).show(spans)

    def on_key(self, event: events.Key) -> None:
        """Take the choice, or leave at any other key."""
        event.stop()
        self.dismiss(event.key if any(event.key in _keys_in(key) for key in self._choices) else None)


def _keys_in(choice: str) -> tuple[str, ...]:
    """Return the keys *choice* stands for: itself, or the digits of `1-9`."""
    first, dash, last = choice.partition("-")
    return tuple(str(digit) for digit in range(int(first), int(last) + 1)) if dash else (choice,)


class Compare(ModalScreen[None]):
    """Two runs side by side; what differs comes first and stands out."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,c", "dismiss", "back", show=False),
        Binding("w", "wrap", "break long lines, or not", show=False),
    ]
    DEFAULT_CSS = """
    Compare { align: center middle; }
    Compare > TextView { width: 100%; height: 100%; background: $background; border: round $primary-muted; }
    """

    def __init__(self, left: RunNode, right: RunNode, now: int) -> None:
        super().__init__()
        self._layout_of_both = compare(left, right, now)

    def compose(self) -> ComposeResult:
        """Build the text."""
        yield TextView()

    def on_mount(self) -> None:
        """Fill it."""
        text = self.query_one(TextView)
        text.border_title, text.border_subtitle = "pinned | here", f"w wrap   {_LEAVING}"
        plain_border(text)
        text.show(self._layout_of_both, restart=True)
        text.focus()

    def action_wrap(self) -> None:
        """Break long lines, or not."""
        self.query_one(TextView).toggle_wrap()

    def on_key(self, event: events.Key) -> None:
        """Scroll."""
        _scroll(self.query_one(TextView), event)


def _scroll(text: TextView, event: events.Key) -> None:
    """Scroll *text* by the keys that scroll elsewhere."""
    page = max(1, text.size.height - 1)
    end = len(text.lines)
    steps = {"j": 1, "down": 1, "k": -1, "up": -1, "g": -end, "home": -end, "G": end, "end": end}
    steps |= dict.fromkeys(("pagedown", "ctrl+d", "space"), page)
    steps |= dict.fromkeys(("pageup", "ctrl+u"), -page)
    step = steps.get(event.key)
    if step is not None:
        event.stop()
        text.scroll_lines(step)
