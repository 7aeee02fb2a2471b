"""Nothing but the text: for the simplest of chat pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus_exporters.web.protocols._speech import Speech, failed
from tracebus_exporters.web.wire._wire import DONE, frame, json_bytes, text_frame

if TYPE_CHECKING:
    from tracebus.events import RunEvent

__all__ = ["TextProjection"]


class TextProjection:
    """Turns a tree's events into `data: …` frames of text and, where it failed, an `error` event."""

    def __init__(self, root_id: str, *, inner: bool = False) -> None:
        self._speech = Speech(root_id, inner=inner)

    def frames(self, event: RunEvent) -> list[bytes]:
        """Return the frames *event* makes."""
        frames = []
        for act in self._speech.acts(event):
            if act.kind == "text":
                frames.append(text_frame(act.value))
            elif act.kind == "paused":
                asked = [
                    {"id": pause.id, "value": pause.value, "toolCallIds": pause.calls} for pause in act.value
                ]
                frames.append(frame("interrupt", json_bytes({"interrupts": asked})))
            elif act.kind == "end" and failed(act.value):
                error = act.value.error
                message = error.message if error is not None else ""
                frames.append(self.failure(message or f"the run was {act.value.outcome}"))
        return frames

    def failure(self, message: str) -> bytes:
        """Return the frame that says what went wrong."""
        return frame("error", json_bytes({"message": message}))

    @property
    def trailer(self) -> bytes:
        """What ends the stream."""
        return DONE
