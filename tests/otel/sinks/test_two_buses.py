"""One exporter on several buses."""

from __future__ import annotations

import threading

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tracebus import EventBus
from tracebus_exporters.otel import OTelExporter


def _exporter():
    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return OTelExporter(tracer_provider=provider), memory


def _tell(bus, events):
    for event in events:
        bus.publish(event)
    assert bus.flush(10)


def test_closing_one_bus_ends_its_own_runs_only(story):
    """What another bus's runs do goes on; the closed bus's open run is ended and marked."""
    exporter, memory = _exporter()
    one, other = EventBus(), EventBus()
    one.attach(exporter)
    other.attach(exporter)
    run = story.start("tool", "goes_on")
    _tell(one, story.events)
    story.start("tool", "left_open")
    _tell(other, story.events[1:])
    other.close()
    assert [span.name for span in memory.get_finished_spans()] == ["execute_tool left_open"]
    story.end(run)
    _tell(one, story.events[2:])
    one.close()
    ends = {span.name: span.attributes.get("error.type") for span in memory.get_finished_spans()}
    assert ends == {"execute_tool left_open": "tracebus.unfinished", "execute_tool goes_on": None}


def test_a_bus_that_told_nothing_ends_nothing(story):
    """Closing a bus before the other's first event keeps the exporter open for it."""
    exporter, memory = _exporter()
    one, other = EventBus(), EventBus()
    one.attach(exporter)
    other.attach(exporter)
    other.close()
    story.model()
    _tell(one, story.events)
    one.close()
    assert len(memory.get_finished_spans()) == 1


def test_a_closed_exporter_begins_anew_on_another_bus(service, story, exporting):
    """After its last bus an exporter can serve one more."""
    exporter = exporting(service.http)
    for _ in range(2):
        story.events.clear()
        story.model()
        with EventBus() as bus:
            bus.attach(exporter)
            _tell(bus, story.events)
    assert len(service.spans) == 2


def test_buses_may_tell_at_once(story):
    """Threads of several buses do not get in each other's way."""
    exporter, memory = _exporter()
    for _ in range(200):
        story.model()
    buses = [EventBus() for _ in range(4)]
    parts = [story.events[index * 100 : index * 100 + 100] for index in range(4)]
    for bus in buses:
        bus.attach(exporter)
    threads = [
        threading.Thread(target=_tell, args=(bus, part)) for bus, part in zip(buses, parts, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    for bus in buses:
        bus.close()
    assert len(memory.get_finished_spans()) == 200
    assert exporter.statistics()["runs_unfinished"] == 0
