"""The signs every view draws runs with, each one cell wide: in Unicode, and in ASCII for plain terminals.

One vocabulary for the console, the terminal UI and whoever writes another view.
"""

from __future__ import annotations

from typing import Final

from tracebus.events import RunKind
from tracebus.tree import RunStatus

__all__ = ["ASCII_KIND", "ASCII_STATUS", "KIND", "STATUS", "TO_ASCII"]

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
