"""A message put together from the events of LangChain's v3 protocol."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, ToolMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

_DELTAS = {"text-delta": "text", "reasoning-delta": "reasoning", "tool-call-delta": "args"}


class ProtocolMessage:
    """The blocks of one message, by their index."""

    __slots__ = ("_blocks", "_call_id", "_finish", "_id", "_start")

    def __init__(self) -> None:
        self._blocks: dict[int, dict[str, Any]] = {}
        self._id: str | None = None
        self._call_id: Any = None
        self._start: Mapping[str, Any] = {}
        self._finish: Mapping[str, Any] = {}

    def add(self, event: Mapping[str, Any]) -> None:
        """Take in one event; one of a kind not known says nothing."""
        match event.get("event"):
            case "message-start":
                self._id = event.get("id")
                self._call_id = event.get("tool_call_id")
                self._start = event.get("metadata") or {}
            case "content-block-start" | "content-block-finish":
                content = event.get("content") or event.get("content_block") or {}
                self._blocks[event.get("index", len(self._blocks))] = dict(content)
            case "content-block-delta":
                self._add_delta(event)
            case "message-finish":
                self._finish = event

    def finished(self) -> AIMessage:
        """Return the message."""
        blocks = [self._blocks[index] for index in sorted(self._blocks)]
        metadata = dict(self._finish.get("metadata") or {})
        if "model" in self._start:
            metadata.setdefault("model_name", self._start["model"])
        return AIMessage(
            content=[block for block in blocks if block.get("type") != "tool_call_chunk"],
            id=self._id,
            tool_calls=[call for block in blocks if (call := _tool_call(block)) is not None],
            usage_metadata=self._finish.get("usage"),
            response_metadata=metadata,
        )

    def finished_by_tool(self) -> ToolMessage | None:
        """Return the message as a tool's answer, `None` where it answers no call."""
        if not isinstance(self._call_id, str):
            return None
        blocks = [self._blocks[index] for index in sorted(self._blocks)]
        texts = [block.get("text") for block in blocks]
        plain = all(isinstance(text, str) for text in texts)
        content: Any = "".join(map(str, texts)) if plain else blocks
        return ToolMessage(content, id=self._id, tool_call_id=self._call_id)

    def _add_delta(self, event: Mapping[str, Any]) -> None:
        delta = event.get("delta") or {}
        block = self._blocks.setdefault(event.get("index", 0), {})
        if (field := _DELTAS.get(str(delta.get("type")))) is not None:
            block[field] = f"{block.get(field) or ''}{delta.get(field) or ''}"
            block.setdefault("type", field)
        elif isinstance(fields := delta.get("fields"), dict):
            block.update(fields)


def _tool_call(block: Mapping[str, Any]) -> dict[str, Any] | None:
    if block.get("type") not in ("tool_call", "tool_call_chunk"):
        return None
    args = block.get("args")
    if isinstance(args, str):
        try:
            args = json.loads(args or "{}")
        except ValueError:
            return None
    call = {"name": str(block.get("name") or ""), "args": args, "id": block.get("id")}
    return {**call, "type": "tool_call"} if isinstance(args, dict) else None
