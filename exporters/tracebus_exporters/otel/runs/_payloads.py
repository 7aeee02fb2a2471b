"""Turns into JSON only those payloads that a span, metric or log event will show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.events import settle
from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from tracebus.events import Event, RunEnded, RunStarted
    from tracebus_exporters.otel._options import Options
    from tracebus_exporters.otel.spans._spans import OpenSpan

_MODEL = ("model",)
_METADATA = ("metadata",)
_INPUTS = ("inputs", "partial_variables")
_ERROR = ("error",)
_OUTPUTS = ("outputs",)
_CONTENT = ("outputs", "inputs")
_DATA = ("data",)
_ANSWER = ("usage",)


class Payloads:
    """Settles the payloads of events that spans, metrics and log events are made of.

    Inputs and outputs cost more than the whole rest of a run; with content off nobody reads them.
    """

    def __init__(self, options: Options) -> None:
        self._content = options.span_content or options.event_content
        self.unreadable = 0
        """Payloads whose own code failed; they are empty."""

    def name(self, event: RunStarted) -> None:
        """Settle what a span's name and start attributes are made of."""
        if event.model is not None:
            self._settle(event, _MODEL)
        if event.metadata:
            self._settle(event, _METADATA)

    def given(self, event: RunStarted) -> None:
        """Settle what the run was given: at its start, before the program changes it."""
        self._settle(event, _INPUTS)

    def answered(self, ended: RunEnded) -> None:
        """Settle what a model's answer says of itself."""
        self._settle(ended, _ANSWER)

    def failed(self, ended: RunEnded) -> None:
        """Settle what a run failed with."""
        self._settle(ended, _ERROR)

    def end(self, span: OpenSpan, ended: RunEnded) -> None:
        """Settle what *span*'s end is made of."""
        if self._content:
            self._settle(ended, _CONTENT)
        elif span.operation == sc.RETRIEVAL:  # documents are counted
            self._settle(ended, _OUTPUTS)

    def retried(self, event: Event) -> None:
        """Settle why the attempt before failed."""
        self._settle(event, _ERROR)

    def custom(self, event: Event) -> None:
        """Settle what the program said, where it is shown."""
        if self._content:
            self._settle(event, _DATA)

    def _settle(self, event: Event, fields: tuple[str, ...]) -> None:
        try:
            settle(event, fields)
        except BaseException:  # noqa: BLE001  # a payload's own code, even if it exits: raised from here, the
            # whole batch would be told once more. It is counted, and its field is empty now.
            self.unreadable += 1
