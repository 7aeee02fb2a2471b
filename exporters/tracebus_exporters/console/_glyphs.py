"""The signs a tree is drawn with, in Unicode and in ASCII."""

from __future__ import annotations

from typing import Final

import msgspec

from tracebus import signs
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
    status=signs.STATUS,
    kind=signs.KIND,
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
    status=signs.ASCII_STATUS,
    kind=signs.ASCII_KIND,
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
