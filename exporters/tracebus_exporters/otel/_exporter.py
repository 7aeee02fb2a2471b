"""The exporter: events in, OpenTelemetry out."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

from tracebus_exporters.otel._ambient import watch
from tracebus_exporters.otel._assembly import Pipeline, assemble, own_pipeline
from tracebus_exporters.otel._options import checked
from tracebus_exporters.otel.runs._left_out import copy_to_hold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from tracebus.events import Event


class OTelExporter:
    """Writes runs as OpenTelemetry spans, metrics and events, by the GenAI semantic conventions.

    Spans go to the *tracer_provider* given; without one, to the global `TracerProvider` if the
    application has set one; otherwise, or where *endpoint* or *protocol* is given, straight to an
    OTLP backend, configured by the `OTEL_*` variables. Providers are used as they are: never
    reconfigured, never shut down. The same order holds for metrics and events.

    It never attaches a context: spans have the events' times and explicit parents.

    Args:
        tracer_provider: where spans go.
        meter_provider: where metrics go.
        logger_provider: where events go; giving one switches them on.
        endpoint: base URL of an OTLP backend, for example `http://localhost:4318`.
        protocol: `http/protobuf` (the default) or `grpc`.
        spans: `all`, or `genai` for only those the conventions know: prompts, parsers and inner chains
            make none, and what is inside them hangs on the nearest run around that has one.
        semconv: `0.1`, the newest release of the conventions (`latest` is its name too); `1.41` for the names
            backends knew before; `0.1/dup` for the newest with both generations' metrics, for dashboards on
            the move.
        openinference: add the OpenInference attributes beside, for Phoenix, Langfuse and LangSmith.
        content: write prompts, answers, arguments and documents: `True` or `span` on spans, `event` on
            events, `span_and_event`, `False` nowhere. `None` does what
            `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` says, which is nowhere by default.
        parent: `ambient` makes root runs children of the span current where they start; `none` makes
            every root run a trace of its own.
        prompts: write `gen_ai.prompt.name`, `.version` and, where content goes, `.variable.*`. Langfuse takes
            any attribute that begins with `gen_ai.prompt` for the prompt itself and shows no messages then.
        vendor: add what one vendor reads nowhere else: `langfuse`, `langsmith` or `mlflow`.

    It may be attached to several buses: each one's runs end with it, and the exporter with the last.

    Raises:
        ValueError: an argument is none of those possible, or the endpoint is no URL.
    """

    settles_itself = True
    """With content off no span shows most payloads: see `tracebus.bus.Exporter`."""

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        endpoint: str | None = None,
        protocol: str | None = None,
        spans: str = "all",
        semconv: str = "0.1",
        openinference: bool = False,
        content: str | bool | None = None,
        parent: str = "ambient",
        prompts: bool = False,
        vendor: str = "",
    ) -> None:
        self._options = checked(
            spans=spans,
            semconv=semconv,
            openinference=openinference,
            prompts=prompts,
            vendor=vendor,
            parent=parent,
            content=content,
            events=logger_provider is not None,
        )
        # Spans leave in batches every few seconds. Content is taken soon, before the program changes it.
        reads_content = self._options.span_content or self._options.event_content
        self.reads_few = not reads_content
        """Whether nearly all payloads stay as they were captured."""
        self.linger = 0.02 if reads_content else 0.25
        """Seconds the bus gathers events for this exporter."""
        self.copy_to_hold = None if reads_content else copy_to_hold
        """What `keep` holds of an event; without it, events are settled when they arrive, and held whole."""
        self.follows_sampled_flag = parent == "ambient"
        """Whether runs in a trace that is not recorded make no spans."""
        self._given = (tracer_provider, meter_provider, logger_provider)
        self._endpoint = endpoint
        # Made now, so that a mistake shows here; and an interpreter that shuts down, which may be when
        # the first events of a short program arrive, starts no thread pool and imports little.
        self._own = own_pipeline(endpoint, protocol) if tracer_provider is None else None
        self._pipeline: Pipeline | None = None
        self._last_time = 0
        self._buses = 0
        self._closed = False
        self._own_process()
        if parent == "ambient":
            watch()

    def __repr__(self) -> str:
        return f"OTelExporter({self._endpoint or 'OpenTelemetry'})"

    def _own_process(self) -> None:
        self._lock = threading.Lock()
        """Each bus exports from a thread of its own."""
        self._pid = os.getpid()

    def attached(self) -> None:
        """Count a bus more, and begin anew after the end."""
        with self._lock:
            if self._closed:
                self._closed, self._pipeline, self._buses = False, None, 0
            self._buses += 1

    def export(self, batch: Sequence[Event], /) -> None:
        """Take *batch* in. What it ends is sent later, by other threads."""
        with self._lock:
            runs = self._assembled().runs
            runs.teller = threading.get_ident()
            for event in batch:
                runs.apply(event)
            if batch:
                self._last_time = batch[-1].time

    def passed_over(self, batch: Sequence[Event], /) -> None:
        """Count *batch* in the metrics only: `keep` left its runs out."""
        with self._lock:
            counted = self._assembled().counted
            counted.teller = threading.get_ident()
            counted.apply(batch)

    def flush(self, timeout: float, /) -> None:
        """Send what has ended.

        Raises:
            TimeoutError: not all is delivered; at once where the backend cannot be reached.
        """
        if self._pipeline is None:
            return
        deadline = time.monotonic() + timeout
        for flush in self._pipeline.flushes:
            flush(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """End what is still open, marked so, and send it, within a few seconds (see the documentation).

        Where other buses use the exporter, only this bus's runs end.
        """
        with self._lock:
            self._buses = max(0, self._buses - 1)
            others = self._buses > 0
            if self._pipeline is None:
                return
            now = max(time.time_ns(), self._last_time)
            told_by = threading.get_ident() if others else None
            self._pipeline.runs.end_open(now, told_by=told_by)
            self._pipeline.counted.end_open(now, told_by=told_by)
            self._closed = not others
        for close in () if others else self._pipeline.closes:
            close()

    def after_fork(self) -> None:
        """Forget in a forked child what its parent will send."""
        if self._pid == os.getpid():  # another bus of this process came first
            return
        self._own_process()
        if self._pipeline is not None:
            self._pipeline.runs.forget()
            self._pipeline.counted.forget()
            for forked in self._pipeline.forks:
                forked()

    def statistics(self) -> dict[str, int]:
        """Return what was sent, lost (by reason), missed and is still open. Safe from any thread.

        `lost` is the number of spans and log events that did not arrive.
        """
        if self._pipeline is None:
            return {}
        found: dict[str, Any] = {"runs_open": len(self._pipeline.runs), **self._pipeline.runs.statistics()}
        for counts in self._pipeline.counts:
            found.update(counts())
        if lost := sum(found.get(name, 0) for name in ("spans_lost", "log_events_lost")):
            found["lost"] = lost
        if waiting := sum(found.pop(name, 0) for name in ("spans_waiting", "log_events_waiting")):
            found["waiting"] = waiting
        return found

    def _assembled(self) -> Pipeline:
        """Return the pipeline, built at the first events: the application's providers are set by then."""
        if self._pipeline is None:
            self._pipeline = assemble(self._options, self._given, self._own)
        return self._pipeline
