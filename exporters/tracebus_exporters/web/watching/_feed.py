"""One document followed by any number of viewers, each at its own pace."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from tracebus_exporters.web.watching._shape import PLAIN
from tracebus_exporters.web.wire._wire import PREAMBLE, frame, json_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tracebus_exporters.web.watching._shape import Shape

__all__ = ["Document", "Feed"]

_KEPT_FRAMES = 512
_KEPT_OPERATIONS = 20_000


class Document(Protocol):
    """A document that operations lead to."""

    @property
    def document(self) -> dict[str, Any]: ...

    @property
    def seq(self) -> int: ...


class _Frame:
    """Operations with what they look like on the wire: encoded once, however many viewers."""

    __slots__ = ("_encoded", "operations", "seq")

    def __init__(self, seq: int, operations: list[dict[str, Any]]) -> None:
        self.seq = seq
        self.operations = operations
        self._encoded: dict[Shape, bytes] = {}

    def encoded(self, shape: Shape) -> bytes:
        found = self._encoded.get(shape)
        if found is None:
            found = frame("patch", json_bytes(shape.operations(self.operations)), self.seq)
            self._encoded[shape] = found
        return found


class Feed:
    """The latest frames of a document, for viewers who each remember how far they are.

    Nothing is kept per viewer. Who falls behind the frames kept, or comes with a position that is none
    of theirs, gets the document as it is now: memory is bounded whatever a client does.

    Not thread-safe: lives in one event loop.
    """

    def __init__(self, state: Document) -> None:
        self._state = state
        self._frames: deque[_Frame] = deque()
        self._first = 0
        self._start_seq = state.seq
        self._operations = 0
        self._changed = asyncio.Event()
        self._snapshots: dict[Shape, tuple[int, int, bytes, bytes]] = {}
        self._ended: tuple[str, bytes] | None = None
        self.viewers = 0

    def publish(self, operations: list[dict[str, Any]]) -> None:
        """Hand on *operations*, which have been applied to the document."""
        if operations:
            self._frames.append(_Frame(self._state.seq, operations))
            self._operations += len(operations)
            while len(self._frames) > 1 and (
                len(self._frames) > _KEPT_FRAMES or self._operations > _KEPT_OPERATIONS
            ):
                self._drop_oldest()
            self._wake()

    def restart(self, state: Document) -> None:
        """Go on with another document: every viewer gets it whole."""
        self._state = state
        self._first += len(self._frames) + 1
        self._frames.clear()
        self._operations = 0
        self._start_seq = state.seq
        self._wake()

    def end(self, event: str = "end", data: Any = None) -> None:
        """Send every viewer a last event once it has everything before it."""
        if self._ended is None:
            self._ended = (event, json_bytes({} if data is None else data))
            self._wake()

    def reopen(self) -> None:
        """Take back the end: something came after it."""
        self._ended = None

    @property
    def ended(self) -> bool:
        """Whether `end` was called."""
        return self._ended is not None

    async def stream(self, after: int | None = None, shape: Shape = PLAIN) -> AsyncIterator[bytes]:
        """Yield what a viewer who has everything up to *after* needs, until the end.

        Args:
            after: the id of the last frame the viewer has; `None` for a new viewer.
            shape: what the viewer is shown of the document.
        """
        self.viewers += 1
        try:
            yield PREAMBLE
            position = self._position(after)
            while True:
                if position is None or position < self._first:
                    position = self._next
                    yield self._snapshot(shape)
                while self._first <= position < self._next:
                    pending = self._frames[position - self._first]
                    position += 1
                    yield pending.encoded(shape)
                if position < self._first:
                    continue
                if self._ended is not None:
                    yield frame(*self._ended, self._state.seq)
                    return
                await self._changed.wait()
        finally:
            self.viewers -= 1

    def snapshot(self, shape: Shape = PLAIN) -> bytes:
        """Return the document as it is now, and its position, as JSON: `{"seq", "state"}`."""
        self._snapshot(shape)
        return self._snapshots[shape][3]

    @property
    def _next(self) -> int:
        return self._first + len(self._frames)

    def _position(self, after: int | None) -> int | None:
        """Return the number of the frame to go on with; `None` where only the document itself helps."""
        if after is None:
            return None
        if after == self._state.seq:
            return self._next
        for number, known in enumerate(self._frames):
            if known.seq == after:
                return self._first + number + 1
        return self._first if after == self._start_seq and self._frames else None

    def _snapshot(self, shape: Shape) -> bytes:
        """Return the document as a frame, encoded once for all who need it at this moment."""
        cached = self._snapshots.get(shape)
        if cached is None or cached[:2] != (self._next, self._state.seq):
            data = json_bytes({"seq": self._state.seq, "state": shape.document(self._state.document)})
            cached = (self._next, self._state.seq, frame("snapshot", data, self._state.seq), data)
            self._snapshots[shape] = cached
        return cached[2]

    def _drop_oldest(self) -> None:
        oldest = self._frames.popleft()
        self._first += 1
        self._start_seq = oldest.seq
        self._operations -= len(oldest.operations)

    def _wake(self) -> None:
        self._snapshots.clear()
        self._changed.set()
        self._changed = asyncio.Event()
