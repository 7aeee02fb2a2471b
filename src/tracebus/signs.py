"""The signs every view draws runs with: in Unicode, and in ASCII for plain terminals.

One vocabulary for the console, the terminal UI and whoever writes another view.
"""

from __future__ import annotations

from typing import Final

import msgspec

from tracebus.events import RunKind
from tracebus.tree import RunStatus

__all__ = [
    "ASCII",
    "ASCII_KIND",
    "ASCII_STATUS",
    "COLOURS",
    "KIND",
    "STATUS",
    "TO_ASCII",
    "UNICODE",
    "Glyphs",
]

STATUS: Final = {
    RunStatus.RUNNING: "●",
    RunStatus.OK: "✓",
    RunStatus.ERROR: "✗",
    RunStatus.CANCELLED: "⊘",
    RunStatus.ABANDONED: "⊝",
    RunStatus.INTERRUPTED: "‖",
    RunStatus.LOST: "?",
}
KIND: Final = {
    RunKind.CHAIN: "◇",
    RunKind.PROMPT: "¶",
    RunKind.PARSER: "⊢",
    RunKind.CHAT_MODEL: "◈",
    RunKind.LLM: "◈",
    RunKind.TOOL: "⚒",
    RunKind.RETRIEVER: "⌕",
    RunKind.EMBEDDING: "▦",
    RunKind.AGENT: "◆",
    RunKind.GRAPH: "◆",
    RunKind.NODE: "○",
    RunKind.UNKNOWN: "·",
}
ASCII_STATUS: Final = {
    RunStatus.RUNNING: "*",
    RunStatus.OK: "o",
    RunStatus.ERROR: "x",
    RunStatus.CANCELLED: "-",
    RunStatus.ABANDONED: "~",
    RunStatus.INTERRUPTED: "|",
    RunStatus.LOST: "?",
}
ASCII_KIND: Final = {
    RunKind.CHAIN: "c",
    RunKind.PROMPT: "p",
    RunKind.PARSER: "P",
    RunKind.CHAT_MODEL: "m",
    RunKind.LLM: "m",
    RunKind.TOOL: "t",
    RunKind.RETRIEVER: "r",
    RunKind.EMBEDDING: "e",
    RunKind.AGENT: "A",
    RunKind.GRAPH: "G",
    RunKind.NODE: "n",
    RunKind.UNKNOWN: ".",
}
TO_ASCII: Final = {
    ord(sign): plain
    for drawn, plains in ((STATUS, ASCII_STATUS), (KIND, ASCII_KIND))
    for sign, plain in zip(drawn.values(), plains.values(), strict=True)
} | str.maketrans("├╰│─▤≡↻×→…µ–−·“”‘’", "|`|-b=rx>~u--.\"\"''")  # noqa: RUF001  they are meant
"""For `str.translate`: what views draw, each sign in one cell of ASCII; in texts, what is most used."""


class Glyphs(msgspec.Struct, frozen=True):
    """One set of signs, in Unicode or in ASCII: each one cell wide, those that draw the tree two."""

    status: dict[RunStatus, str]
    kind: dict[RunKind, str]
    spinner: str
    batch: str
    crowd: str
    times: str
    sum: str
    sticky: str
    opened: str
    closed: str
    branch: str
    corner: str
    trunk: str
    blank: str
    wait: str
    token: str
    work: str
    head: str
    done: str
    todo: str
    retry: str
    loop: str
    fallback: str
    pin: str
    arrow: str
    ellipsis: str
    sparks: str
    sorts: str
    dot: str
    rule: str
    partial: str


UNICODE: Final = Glyphs(
    status=STATUS,
    kind=KIND,
    spinner="⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
    batch="▤",
    crowd="≡",
    times="×",  # noqa: RUF001 - the sign it is
    sum="Σ",
    sticky="›",  # noqa: RUF001 - likewise
    opened="▾",
    closed="▸",
    branch="├─",
    corner="╰─",
    trunk="│ ",
    blank="  ",
    wait="·",
    token="◆",  # noqa: S106 - no password
    work="━",
    head="╸",
    done="█",
    todo="░",
    retry="↻",
    loop="∞",
    fallback="⤷",
    pin="★",
    arrow="→",
    ellipsis="…",
    sparks="▁▂▃▄▅▆▇█",
    sorts="▼▲",
    dot="●",
    rule="─",
    partial="+",
)

ASCII: Final = Glyphs(
    status=ASCII_STATUS,
    kind=ASCII_KIND,
    spinner="|/-\\",
    batch="b",
    crowd="=",
    times="x",
    sum="S",
    sticky=">",
    opened="v",
    closed=">",
    branch="|-",
    corner="`-",
    trunk="| ",
    blank="  ",
    wait=".",
    token="+",  # noqa: S106 - no password
    work="=",
    head="=",
    done="#",
    todo=".",
    retry="r",
    loop="@",
    fallback="f",
    pin="*",
    arrow=">",
    ellipsis="~",
    sparks="_.-=+*#@",
    sorts="v^",
    dot="*",
    rule="-",
    partial="+",
)

COLOURS: Final = {
    RunStatus.RUNNING: "cyan",
    RunStatus.OK: "green",
    RunStatus.ERROR: "red",
    RunStatus.CANCELLED: "yellow",
    RunStatus.ABANDONED: "yellow",
    RunStatus.INTERRUPTED: "magenta",
    RunStatus.LOST: "bright_black",
}
"""Of a plain terminal, for whoever has no theme: the console and the commands."""
