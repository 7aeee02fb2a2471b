"""A chain's output on standard output: text as it comes, anything else as JSON at the end."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

__all__ = ["Output"]


class Output:
    """Writes what is text as it comes, and the rest, joined, at the end."""

    def __init__(self) -> None:
        self._whole: Any = None
        self._said = False
        self._open_line = False
        self._terminal = sys.stdout.isatty()

    def add(self, chunk: Any) -> None:
        """Take one chunk of a stream."""
        if text := _text(chunk):
            self._said = True
            self._write(text)
        if not isinstance(chunk, str):
            self._whole = _joined(self._whole, chunk)

    def finish(self, result: Any = None) -> None:
        """Write what was not written yet, of *result* or of the chunks, and end the line."""
        whole = _last_message(self._whole if result is None else result)
        if whole is not None:
            self._write_whole(whole)
        self.end_line()

    def end_line(self) -> None:
        """End the line that text left open."""
        if self._open_line:
            click.echo()
            self._open_line = False

    def _write_whole(self, whole: Any) -> None:
        text = _text(whole)
        if text is None:
            self.end_line()
            self._write(_as_json(whole))
        elif not self._said:
            self._write(text)
        if calls := getattr(whole, "tool_calls", None):
            self.end_line()
            self._write(_as_json({"tool_calls": calls}))

    def _write(self, text: str) -> None:
        shown = _safe(text) if self._terminal else text
        click.echo(shown, nl=False)
        self._open_line = not shown.endswith("\n")


def _text(value: Any) -> str | None:
    """Return the text of what is text or a model's message, else `None`."""
    if isinstance(value, str):
        return value
    if getattr(value, "type", None) in ("ai", "AIMessageChunk"):
        return str(value.text)
    return None


def _last_message(whole: Any) -> Any:
    """Return the answer in a state with messages, which is what one wants to read."""
    messages = whole.get("messages") if isinstance(whole, dict) else None
    if isinstance(messages, list) and messages and _text(messages[-1]) is not None:
        return messages[-1]
    return whole


def _joined(whole: Any, chunk: Any) -> Any:
    """Join as LangChain does: chunks that cannot be added are states, the last one counts."""
    if whole is None:
        return chunk
    try:
        return whole + chunk
    except TypeError:
        return chunk


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    """Give JSON something for an object: a pydantic model's fields, otherwise its text."""
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else str(value)


def _safe(text: str) -> str:
    """Keep a model's control characters from the terminal."""
    from tracebus.text import sanitise  # noqa: PLC0415  only where there is a terminal

    return sanitise(text)
