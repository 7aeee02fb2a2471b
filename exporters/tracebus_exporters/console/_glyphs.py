"""The signs a tree is drawn with, in Unicode and in ASCII."""

from __future__ import annotations

from typing import Final

import msgspec

from tracebus.events import RunKind
from tracebus.tree import RunStatus


class Glyphs(msgspec.Struct, frozen=True):
    """One set of signs. All are one cell wide."""

    status: dict[RunStatus, str]
    kind: dict[RunKind, str]
    batch: str
    group: str
    branch: str
    last: str
    trunk: str
    retry: str
    times: str
    arrow: str
    waiting: str
    first_token: str
    busy: str
    partial: str


UNICODE = Glyphs(
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
        RunKind.NODE: "◇",
        RunKind.UNKNOWN: "·",
    },
    batch="▤",
    group="≡",
    branch="├─ ",
    last="╰─ ",
    trunk="│  ",
    retry="↻",
    times="×",  # noqa: RUF001 - the multiplication sign it looks like
    arrow="→",
    waiting="·",
    first_token="◆",  # noqa: S106 - no password
    busy="━",
    partial="+",
)

ASCII = Glyphs(
    status={
        RunStatus.RUNNING: "*",
        RunStatus.OK: "o",
        RunStatus.ERROR: "x",
        RunStatus.CANCELLED: "-",
        RunStatus.ABANDONED: "-",
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
    batch="b",
    group="=",
    branch="|- ",
    last="`- ",
    trunk="|  ",
    retry="r",
    times="x",
    arrow=">",
    waiting=".",
    first_token="+",  # noqa: S106 - no password
    busy="=",
    partial="+",
)

STATUS_STYLE: Final[dict[RunStatus, str]] = {
    RunStatus.RUNNING: "cyan",
    RunStatus.OK: "green",
    RunStatus.ERROR: "bold red",
    RunStatus.CANCELLED: "yellow",
    RunStatus.ABANDONED: "yellow",
    RunStatus.INTERRUPTED: "magenta",
    RunStatus.LOST: "bright_black",
}
KIND_STYLE: Final[dict[RunKind, str]] = {
    RunKind.CHAT_MODEL: "blue",
    RunKind.LLM: "blue",
    RunKind.TOOL: "yellow",
    RunKind.RETRIEVER: "cyan",
    RunKind.EMBEDDING: "cyan",
    RunKind.AGENT: "magenta",
    RunKind.GRAPH: "magenta",
}
DIM: Final = "bright_black"
