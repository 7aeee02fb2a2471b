"""Finds a text in all runs of the log, and asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tracebus_tui.drawing import cut
from tracebus_tui.widgets import Bar, plain_border

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult

_LEADING = 24
"""Characters of a text shown before what was found in it."""
_MOST_SHOWN = 400
_LEAST = 2


class Place(NamedTuple):
    """A run in which a text appeared first."""

    root_run_id: str
    run_id: str
    where: str
    """The run's name and that of its root run, and in how many runs the text is besides."""
    text: str
    """What was said there."""


def excerpt(text: str, wanted: str) -> str:
    """Return a line of *text* around the first place of *wanted*, whatever the case."""
    at = max(0, text.casefold().find(wanted.casefold()))
    first = max(0, at - _LEADING)
    return ("…" if first else "") + " ".join(text[first : first + _MOST_SHOWN].split())


class Search(ModalScreen[Place | None]):
    """A field, and the places of what is typed there; the one chosen is the answer.

    Args:
        spell: makes of any text one that may be shown.
        text: what to begin with.
    """

    class Asked(Message):
        """A text is to be looked for."""

        def __init__(self, screen: Search, text: str) -> None:
            super().__init__()
            self.screen = screen
            self.text = text

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "back", show=False),
        Binding("down", "to_places", "to the places", show=False),
    ]
    DEFAULT_CSS = """
    Search { align: center middle; }
    Search > Vertical { width: 96%; max-width: 132; height: 80%; background: $panel; border: round $primary; }
    Search Input { height: 1; border: none; padding: 0 1; background: $panel; }
    Search Input:focus { border: none; }
    Search OptionList, Search OptionList:focus { height: 1fr; border: none; background: $panel; }
    """

    def __init__(self, spell: Callable[[str], str], text: str = "") -> None:
        super().__init__()
        self._spell = spell
        self._text = text
        self.places: list[Place] = []

    def compose(self) -> ComposeResult:
        """Build the screen."""
        with Vertical():
            yield Input(self._text, placeholder="find a text in all runs", select_on_focus=True)
            yield Bar(id="searched")
            yield OptionList(markup=False)

    def on_mount(self) -> None:
        """Say which keys there are."""
        frame = self.query_one(Vertical)
        frame.border_title, frame.border_subtitle = "Find in all runs", "enter search, go there   esc back"
        plain_border(frame)
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Have the text looked for."""
        event.stop()
        text = event.value.strip()
        if len(text) < _LEAST:
            self.say(f"at least {_LEAST} characters")
            return
        self.places.clear()
        self.query_one(OptionList).clear_options()
        self.say("searching …")
        self.post_message(self.Asked(self, text))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the place that was chosen."""
        event.stop()
        self.dismiss(self.places[event.option_index])

    def action_to_places(self) -> None:
        """Give the keys to the list."""
        if self.places:
            self.query_one(OptionList).focus()

    def add(self, places: Sequence[Place]) -> None:
        """Show more places, the newest runs' first."""
        listed = self.query_one(OptionList)
        cells = max(20, listed.size.width - 2)
        for place in places:
            self.places.append(place)
            line = f"{self._spell(place.where)}   {self._spell(place.text)}"
            listed.add_option(Option(Content(cut(line, cells))))
        if places and len(self.places) == len(places):
            listed.highlighted = 0
            listed.focus()

    def say(self, text: str) -> None:
        """Say how the search stands."""
        self.query_one(Bar).show([(f" {self._spell(text)}", "faint")])
