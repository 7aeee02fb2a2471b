"""Makes the text to copy or save of a run: all of it, not what fits the screen."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import msgspec

from tracebus.events import RunStreamed, encode_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tracebus.events import Event
    from tracebus.tree import RunNode

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")

COPIES = {"i": "input", "o": "output", "e": "error", "j": "JSON", "r": "run id"}


def copied(node: RunNode, what: str) -> str:
    """Return what the key *what* of `COPIES` stands for, whole."""
    match what:
        case "i":
            return _text(node.inputs)
        case "o":
            return node.text or _text(node.outputs)
        case "e":
            error = node.error
            return "" if error is None else error.traceback or f"{error.type}: {error.message}"
        case "j":
            return "\n".join(
                encode_json(event).decode() for event in (node.start, node.end) if event is not None
            )
        case _:
            return node.run_id


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def as_lines(events: Iterable[Event]) -> bytes:
    """Return *events* as JSON lines."""
    return b"".join(encode_json(event) + b"\n" for event in events)


def plain_name(name: str) -> str:
    """Return *name* with what a file's name cannot hold everywhere, or what a header cannot, replaced."""
    return _UNSAFE.sub("_", name)


def write_private(content: bytes, name: str, suffix: str, folder: Path) -> Path:
    """Write *content* to a new file, mode 0600, and return its path."""
    name = plain_name(name)
    for number in range(1, 1000):
        path = folder / (f"{name}{suffix}" if number == 1 else f"{name}-{number}{suffix}")
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        return path
    raise FileExistsError(f"{folder} holds a thousand files called {name}{suffix}")


def known_events(root: RunNode) -> Sequence[Event]:
    """Return the events of *root*'s tree that the view still holds: all but the single chunks.

    What a run streamed becomes one event.
    """
    return sorted(
        (event for node in root.walk() for event in _events(node)), key=lambda event: (event.time, event.seq)
    )


def _events(node: RunNode) -> Iterator[Event]:
    if node.start is not None:
        yield node.start
    stream = node.stream
    if stream is not None and stream.first_at is not None:
        yield RunStreamed(
            time=stream.first_at,
            seq=stream.seq,
            run_id=node.run_id,
            parent_run_id=node.parent.run_id if node.parent is not None else None,
            root_run_id=node.root_run_id,
            text=stream.text,
            reasoning=stream.reasoning,
        )
    yield from node.retry_events
    yield from node.custom_events
    if node.end is not None:
        yield node.end
