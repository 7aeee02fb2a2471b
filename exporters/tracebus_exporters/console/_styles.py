"""The colours a tree is drawn with."""

from __future__ import annotations

from typing import Final

from tracebus import signs
from tracebus.events import RunKind
from tracebus.tree import RunStatus

STATUS_STYLE: Final = {**signs.COLOURS, RunStatus.ERROR: "bold red"}
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
