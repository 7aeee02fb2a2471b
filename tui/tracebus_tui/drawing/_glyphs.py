"""The signs of the screen, in Unicode and in ASCII; every sign is one cell wide."""

from __future__ import annotations

from typing import Final

import msgspec

from tracebus.events import RunKind
from tracebus.tree import RunStatus


class Glyphs(msgspec.Struct, frozen=True):
    """One set of signs."""

    status: dict[RunStatus, str]
    kind: dict[RunKind, str]
    spinner: str
    batch: str
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
    fallback: str
    pin: str
    arrow: str
    ellipsis: str
    sparks: str
    dot: str
    rule: str


UNICODE: Final = Glyphs(
    status={
        RunStatus.RUNNING: "●",
        RunStatus.OK: "✓",
        RunStatus.ERROR: "✗",
        RunStatus.CANCELLED: "⊘",
        RunStatus.ABANDONED: "⊝",
        RunStatus.INTERRUPTED: "‖",
        RunStatus.LOST: "?",
    },
    kind={
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
    },
    spinner="⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
    batch="▤",
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
    fallback="⤷",
    pin="★",
    arrow="→",
    ellipsis="…",
    sparks="▁▂▃▄▅▆▇█",
    dot="●",
    rule="─",
)

ASCII: Final = Glyphs(
    status={
        RunStatus.RUNNING: "*",
        RunStatus.OK: "o",
        RunStatus.ERROR: "x",
        RunStatus.CANCELLED: "-",
        RunStatus.ABANDONED: "~",
        RunStatus.INTERRUPTED: "|",
        RunStatus.LOST: "?",
    },
    kind={
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
    },
    spinner="|/-\\",
    batch="B",
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
    fallback="f",
    pin="*",
    arrow=">",
    ellipsis="~",
    sparks="_.-=+*#@",
    dot="*",
    rule="-",
)

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
