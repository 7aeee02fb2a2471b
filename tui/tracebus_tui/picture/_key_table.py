"""Every key in one table: the bindings, the help screen and the footer are made of it."""

from __future__ import annotations

from typing import Final, NamedTuple

from textual.binding import Binding, BindingType


class Key(NamedTuple):
    """A line of the table."""

    group: str
    keys: str
    """Textual's names, by comma; the first is shown."""
    action: str
    says: str
    short: str = ""
    """What the footer says; nothing keeps it out of there."""
    shown: str = ""


KEYS: Final = (
    Key("Move", "j,down", "move(1)", "down", shown="j ↓"),
    Key("Move", "k,up", "move(-1)", "up", shown="k ↑"),
    Key("Move", "ctrl+d,pagedown", "page(1)", "a page down"),
    Key("Move", "ctrl+u,pageup", "page(-1)", "a page up"),
    Key("Move", "g,home", "edge(-1)", "to the first run"),
    Key("Move", "G,end", "edge(1)", "follow the last; 57G: model call 57"),
    Key("Move", "h,left", "fold_or_parent", "close, or to the parent", shown="h ←"),
    Key("Move", "l,right", "unfold_or_child", "open, or to the first child", shown="l →"),
    Key("Move", "tab", "switch_pane", "between the runs and the detail"),
    Key(
        "Find",
        "slash",
        "filter",
        "filter the runs; in a text, find",
        "Filter",
        "/",
    ),
    Key("Find", "F", "search", "find a text in all runs of the log"),
    Key("Find", "n", "hit(1)", "next hit; in a text the next place"),
    Key("Find", "N", "hit(-1)", "previous hit; in a text the place before"),
    Key("Find", "ampersand", "context", "only hits, or hits marked among all", shown="&"),
    Key("Find", "e", "error(1)", "next error", "Next error"),
    Key("Find", "E", "error(-1)", "previous error"),
    Key("Find", "L", "slowest", "slowest run"),
    Key("Find", "dollar_sign", "dearest", "most expensive run", shown="$"),
    Key("Find", "s", "sort", "sort root runs by the next order", "Sort"),
    Key("Find", "S", "reverse", "turn the order round"),
    Key("Find", "b", "pin", "pin or unpin the run"),
    Key("Find", "apostrophe", "next_pin", "next pinned run", shown="'"),
    Key("Find", "c", "compare", "compare the run with the last pinned one"),
    Key("Fold", "space", "fold", "open or close the run", "Fold"),
    Key("Fold", "o", "fold_all(1)", "open all"),
    Key("Fold", "O", "fold_all(0)", "close all"),
    Key("Fold", "z", "depth", "then 1-9: levels to open; O C: all below"),
    Key("Fold", "Z", "isolate", "only this run and what is below it, or all again"),
    Key("View", "f", "follow", "follow the newest run", "Follow"),
    Key("View", "p", "pause", "hold the picture still, or the replay", "Pause"),
    Key("View", "enter", "zoom", "open the run over the whole screen", "Open", "⏎"),
    Key("View", "v", "pane", "show or hide the detail pane"),
    Key("View", "left_square_bracket", "tab(-1)", "previous tab of the detail", shown="["),
    Key("View", "right_square_bracket", "tab(1)", "next tab of the detail", shown="]"),
    Key("View", "J", "neighbour(1)", "the next run, in the detail"),
    Key("View", "K", "neighbour(-1)", "the previous run, in the detail"),
    Key("View", "w", "wrap", "break long lines, or not"),
    Key("View", "m", "markdown", "Markdown as it reads, or as it is written"),
    Key("View", "H", "history", "all of a conversation, or what is new in it"),
    Key("View", "1", "screen(1)", "runs"),
    Key("View", "2", "screen(2)", "totals by model, tool and node"),
    Key("View", "3", "screen(3)", "errors"),
    Key("View", "4", "screen(4)", "what the program printed"),
    Key("View", "W", "wall", "bars on the wall clock, or on their own"),
    Key("View", "plus", "wall_length(1)", "a longer stretch of that clock", shown="+"),
    Key("View", "minus", "wall_length(-1)", "a shorter stretch", shown="-"),
    Key("View", "M", "mouse", "the mouse to the terminal, or back"),
    Key("View", "T", "theme", "theme"),
    Key("Replay", "full_stop", "event(1)", "one event more, and stand still", shown="."),
    Key("Replay", "comma", "event(-1)", "one event less, and stand still", shown=","),
    Key("Replay", "greater_than_sign", "speed(1)", "faster", shown=">"),
    Key("Replay", "less_than_sign", "speed(-1)", "slower", shown="<"),
    Key("Replay", "right_curly_bracket", "failure(1)", "to the next error in the recording", shown="}"),
    Key("Replay", "left_curly_bracket", "failure(-1)", "to the error before", shown="{"),
    Key("Replay", "right_parenthesis", "seek(1)", "on by a tenth of the recording", shown=")"),
    Key("Replay", "left_parenthesis", "seek(-1)", "back by a tenth", shown="("),
    Key("Take", "y", "copy", "copy input, output, error, JSON or id", "Copy"),
    Key("Take", "x", "save", "save the whole run as JSON lines", "Save"),
    Key("Take", "ctrl+s", "picture", "save the screen as SVG"),
    Key("Else", "colon", "palette", "all commands", shown=":"),
    Key("Else", "question_mark", "help", "this help", "Help", "?"),
    Key("Else", "escape", "step_back", "back; clears the filter", shown="esc"),
    Key("Else", "q,ctrl+c", "leave", "quit", "Quit"),
)

RUNS_FOOTER: Final = tuple((key.action, key.short) for key in KEYS if key.short)
REPLAY_FOOTER: Final = (
    ("pause", "Pause"),
    ("speed(-1)", "Slower"),
    ("speed(1)", "Faster"),
    ("event(-1)", "Back"),
    ("event(1)", "Step"),
    ("failure(1)", "Error"),
    ("seek(-1)", "-10%"),
    ("seek(1)", "+10%"),
    ("zoom", "Open"),
    ("filter", "Filter"),
    ("help", "Help"),
    ("leave", "Quit"),
)
TEXT_FOOTER: Final = (
    ("filter", "Find"),
    ("hit(1)", "Next place"),
    ("markdown", "Markdown"),
    ("wrap", "Wrap"),
    ("neighbour(1)", "Next run"),
    ("tab(1)", "Next tab"),
    ("copy", "Copy"),
    ("step_back", "Back"),
    ("help", "Help"),
)
TABLE_FOOTER: Final = (
    ("zoom", "Its runs"),
    ("sort", "Sort"),
    ("reverse", "Turn round"),
    ("filter", "Find"),
    ("step_back", "Back"),
    ("help", "Help"),
    ("leave", "Quit"),
)
LOG_FOOTER: Final = (
    ("filter", "Find"),
    ("hit(1)", "Next place"),
    ("wrap", "Wrap"),
    ("edge(1)", "Follow"),
    ("step_back", "Back"),
    ("help", "Help"),
    ("leave", "Quit"),
)
"""What the last line says, by where the keys are: actions, and what to call them there."""

_NAMES = {
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "ctrl+d": "^d",
    "ctrl+u": "^u",
    "ctrl+s": "^s",
    "ctrl+c": "^c",
}


def name_of(key: Key) -> str:
    """Return how the key is shown."""
    return key.shown or " ".join(_NAMES.get(part, part) for part in key.keys.split(","))


def key_of(action: str) -> Key:
    """Return the line of the table that does *action*."""
    return next(key for key in KEYS if key.action == action)


def bindings() -> list[BindingType]:
    """Return the bindings; each has an id, so that a keymap can change it."""
    listed = [
        Binding(key.keys, key.action, key.says, show=False, id=key.action.replace("(", "-").rstrip(")"))
        for key in KEYS
    ]
    # The other digits have lines of their own above.
    digits = [Binding(key, f"digit({key})", show=False, id=f"digit-{key}") for key in "056789"]
    return [*listed, *digits]
