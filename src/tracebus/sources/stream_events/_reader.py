"""Reads a stream of any known form and passes the runs in it to a tracker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tracebus.sources.reading._unknown import note_unknown
from tracebus.sources.stream_events._dictionaries import StreamEventReader
from tracebus.sources.stream_events._forms import part_of
from tracebus.sources.stream_events._graph_parts import SILENT, GraphPartReader
from tracebus.sources.stream_events._message_runs import MessageRuns, failure

if TYPE_CHECKING:
    from tracebus.capture import Capture
    from tracebus.sources.tracking._tracker import RunTracker

_PROTOCOL = frozenset(
    (
        *("message-start", "content-block-start", "content-block-delta", "content-block-finish"),
        *("message-finish", "error"),
    )
)
"""Events of the v3 protocol that a model's own stream consists of."""


class StreamReader:
    """Reads one stream, whichever form its items have.

    Args:
        tracker: opened with `reap=False`: the stream's end ends what is left.
        capture: what of the content is captured.
    """

    def __init__(self, tracker: RunTracker, capture: Capture) -> None:
        self._capture = capture
        self._count = tracker.count
        self._events = StreamEventReader(tracker, capture)
        self._parts = GraphPartReader(tracker, capture)
        self._model = MessageRuns(tracker, capture, lambda _namespace, _metadata: None)
        self._unread: Any = None
        self._understood = False
        self._told_by_events = False

    def read(self, item: Any) -> None:
        """Tell of one item of the stream."""
        if self._is_read(item):
            self._understood = True
        else:
            if self._understood and isinstance(item, Mapping):  # else it is refused, or no part of any form
                note_unknown(self._count, "stream item", str(item.get("event")), "it is passed over")
            self._unread = item if self._unread is None else self._unread

    def finish(self, error: BaseException | None) -> None:
        """Close what the stream left open: it is over, by *error* or by exhaustion.

        Raises:
            TypeError: it gave something, and nothing of it could be read.
        """
        self._parts.finish(error)
        self._events.finish(error)
        self._model.finish(error)
        if error is None and not self._understood and self._unread is not None:
            raise TypeError(_refusal(self._unread))

    def _is_read(self, item: Any) -> bool:
        if (part := part_of(item)) is not None:
            if part.mode == "events":
                self._told_by_events = True
                return self._events.read(part.data)
            if not self._told_by_events:
                known = self._parts.read(part)
                if not known:
                    note_unknown(self._count, "stream part", part.mode, "it is passed over")
                # A stream of nothing but checkpoints is refused.
                return known and (part.mode not in SILENT or self._understood)
            # Where both are streamed, the events tell of every run already, but of no error.
            if part.mode == "error":
                self._events.hidden_error = failure(part.data, self._capture)
            return True
        if not isinstance(item, Mapping):
            return False
        if item.get("event") in _PROTOCOL:
            self._model.message((), item, {})
            return True
        return self._events.read(item)


def _refusal(item: Any) -> str:
    return (
        f"normalize() found nothing about runs in this stream, whose first item is {type(item).__name__} "
        f'({_shape(item)}): give it chain.astream_events(input, version="v2" or "v3"), a graph\'s '
        'astream(…, stream_mode=["updates", "messages"], version="v2"), or client.runs.stream(…)'
    )


def _shape(item: Any) -> str:
    """Describe an item without its content, which may be private."""
    if isinstance(item, Mapping):
        return "with the keys " + ", ".join(sorted(map(str, item))[:8])
    return f"of length {len(item)}" if hasattr(item, "__len__") else "no mapping"
