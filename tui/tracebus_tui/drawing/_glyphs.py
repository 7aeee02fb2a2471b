"""The signs of the screen beside those every view has: their spelling in ASCII, and the letters of states."""

from __future__ import annotations

from typing import Final

from tracebus.signs import ASCII, UNICODE, Glyphs
from tracebus.tree import RunStatus

__all__ = ["ASCII", "LETTERS", "SPELLING", "UNICODE", "Glyphs"]

SPELLING: Final = str.maketrans(
    {
        "…": "~",
        "▌": "_",
        "•": "*",
        "│": "|",
        "─": "-",
        "┼": "+",
        "▾": "v",
        "▸": ">",
        "›": ">",  # noqa: RUF001 - it is replaced here
        "×": "x",  # noqa: RUF001 - likewise
        "–": "-",  # noqa: RUF001 - likewise
        "“": '"',
        "”": '"',
        "⏎": "enter",
        "µ": "u",
        **{chr(picture): "^" for picture in range(0x2400, 0x2422)},
        "↓": "v",
        "↑": "^",
        "←": "<",
        "→": ">",
    }
)
"""Our own signs outside `Glyphs` in ASCII; text from programs keeps its script."""

LETTERS: Final[dict[RunStatus, str]] = {
    RunStatus.RUNNING: "r",
    RunStatus.OK: " ",
    RunStatus.ERROR: "E",
    RunStatus.CANCELLED: "C",
    RunStatus.ABANDONED: "A",
    RunStatus.INTERRUPTED: "I",
    RunStatus.LOST: "L",
}
"""The state as a letter, for whom neither colour nor sign will do; what is well needs none."""
