"""The events and their wire forms."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracebus
from tracebus import events as ev
from tracebus.exceptions import InvalidEventError, UnknownEventTypeError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=3)
COUNTS = st.none() | st.integers(0, 10**9)
USAGE = st.builds(
    ev.TokenUsage,
    input_tokens=COUNTS,
    output_tokens=COUNTS,
    reasoning_tokens=COUNTS,
    other=st.dictionaries(st.text(), st.integers(0, 99), max_size=2),
)
ERRORS = st.builds(ev.ErrorInfo, type=st.text(), message=st.text(), traceback=st.none() | st.text())
CUTS = st.lists(
    st.builds(ev.Cut, path=st.text(), reason=st.sampled_from(["content", "length"]), size=COUNTS), max_size=2
).map(tuple)
COMMON = {
    "seq": st.integers(0, 2**63 - 1),
    "time": st.integers(0, 2**63 - 1),
    "run_id": st.text(),
    "parent_run_id": st.none() | st.text(),
    "root_run_id": st.text(),
    "cuts": CUTS,
}
EVENTS = st.one_of(
    st.builds(
        ev.RunStarted,
        **COMMON,
        kind=st.sampled_from(list(ev.RunKind)),
        name=st.text(),
        tags=st.lists(st.text(), max_size=3).map(tuple),
        metadata=OBJECTS,
        inputs=JSON,
        model=st.none() | st.builds(ev.ModelInfo, name=st.none() | st.text(), parameters=OBJECTS),
        batch=st.none() | st.builds(ev.BatchMembership, st.text(), st.integers(0, 9), st.integers(1, 9)),
        links=st.lists(st.builds(ev.Link, run_id=st.none() | st.text()), max_size=2).map(tuple),
        tool_call_id=st.none() | st.text(),
        attempt=st.none() | st.integers(1, 9),
        traceparent=st.none() | st.text(),
    ),
    st.builds(
        ev.RunStreamed,
        **COMMON,
        text=st.text(),
        reasoning=st.text(),
        chunk=JSON,
        tool_calls=st.lists(
            st.builds(ev.ToolCallFragment, index=st.none() | st.integers(0, 3), args=st.text()), max_size=2
        ).map(tuple),
    ),
    st.builds(
        ev.RunEnded,
        **COMMON,
        outcome=st.sampled_from(list(ev.Outcome)),
        outputs=JSON,
        inputs=JSON,
        usage=st.none() | USAGE,
        error=st.none() | ERRORS,
        cached=st.booleans(),
        finish_reasons=st.lists(st.text(), max_size=2).map(tuple),
        response_id=st.none() | st.text(),
    ),
    st.builds(
        ev.RunRetried,
        **COMMON,
        attempt=st.integers(2, 9),
        error=st.none() | ERRORS,
        delay=st.none() | st.floats(0, 99),
    ),
    st.builds(ev.CustomEmitted, **COMMON, name=st.text(), data=JSON),
    st.builds(ev.Gap, seq=st.integers(0, 99), time=st.integers(0, 99), missed=st.integers(1, 99)),
)


@given(EVENTS)
def test_json_and_messagepack_round_trip(event):
    """What is encoded comes back equal, in both forms, and JSON is one line."""
    encoded = ev.encode_json(event)
    assert b"\n" not in encoded
    assert ev.decode_json(encoded) == event
    assert ev.decode_json(encoded.decode()) == event
    assert ev.decode_msgpack(ev.encode_msgpack(event)) == event


@given(st.lists(EVENTS, max_size=5))
def test_batches_round_trip(events):
    """A batch is its events in order."""
    assert ev.decode_batch(ev.encode_batch(events)) == events


@given(EVENTS)
def test_every_event_names_its_type_and_schema_version(event):
    """A reader of another language can tell what it has before it."""
    found = json.loads(ev.encode_json(event))
    assert found["schema_version"] == ev.SCHEMA_VERSION
    assert found["type"] in {
        "run_started",
        "run_streamed",
        "run_ended",
        "run_retried",
        "custom_emitted",
        "gap",
    }


@given(EVENTS, st.dictionaries(st.text(min_size=1).map("new_".__add__), JSON, max_size=3))
def test_fields_of_a_newer_writer_are_kept_out_of_the_way(event, newer):
    """Unknown fields are ignored, whatever is in them."""
    grown = {**json.loads(ev.encode_json(event)), **newer}
    assert ev.decode_json(json.dumps(grown)) == event
    assert ev.decode_msgpack(msgspec.msgpack.encode(grown)) == event


def test_an_unknown_event_type_is_named():
    """The error names the type and says to upgrade."""
    for decode, data in [
        (ev.decode_json, b'{"type":"run_paused","time":1}'),
        (ev.decode_msgpack, msgspec.msgpack.encode({"type": "run_paused"})),
        (
            ev.decode_batch,
            msgspec.msgpack.encode([{"type": "gap", "time": 1, "missed": 1}, {"type": "run_paused"}]),
        ),
    ]:
        with pytest.raises(UnknownEventTypeError, match=r"'run_paused'.*newer tracebus.*upgrade") as caught:
            decode(data)
        assert caught.value.event_type == "run_paused"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"type":"gap"}',
        b'{"type":"gap","time":"soon","missed":1}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_event_is_refused_as_such(data):
    """One kind of error for everything unreadable, saying what is wrong."""
    with pytest.raises(InvalidEventError, match="not an event"):
        ev.decode_json(data)
    with pytest.raises(InvalidEventError):
        ev.decode_msgpack(data)


def test_an_unknown_kind_of_run_is_read_as_unknown():
    """A newer writer's kind costs no event."""
    data = b'{"type":"run_started","time":1,"run_id":"r","root_run_id":"r","kind":"reranker","name":"n"}'
    assert ev.decode_json(data).kind is ev.RunKind.UNKNOWN


def test_the_schema_describes_every_type():
    """The published JSON Schema lists each event type, its fields and their meaning."""
    schema = ev.json_schema()
    assert schema["$schema"].endswith("2020-12/schema")
    assert {"RunStarted", "RunStreamed", "RunEnded", "RunRetried", "CustomEmitted", "Gap"} <= schema[
        "$defs"
    ].keys()
    assert "schema_version" in schema["$defs"]["RunEnded"]["properties"]
    json.dumps(schema)


def test_events_cannot_be_changed():
    """A fact does not change."""
    with pytest.raises(AttributeError):
        ev.Gap(time=1, missed=1).missed = 2


def test_a_deferred_payload_is_settled_before_it_is_encoded():
    """Encoding never meets a payload that is not JSON yet."""

    class Later(ev.Deferred):
        def settle_into(self, event, field):
            msgspec.structs.force_setattr(event, field, "settled")

    event = ev.RunStarted(
        time=1, run_id="r", root_run_id="r", kind=ev.RunKind.CHAIN, name="n", inputs=Later()
    )
    assert ev.decode_json(ev.encode_json(event)).inputs == "settled"
    assert event.inputs == "settled"


def test_only_the_fields_asked_for_are_settled():
    """What a reader does not show is not turned into JSON; a payload that fails leaves the others alone."""

    class Later(ev.Deferred):
        def settle_into(self, event, field):
            msgspec.structs.force_setattr(event, field, {"settled": field})

    class Broken(ev.Deferred):
        def settle_into(self, event, field):
            raise RecursionError("too deep")

    def started(**payloads):
        return ev.RunStarted(time=1, run_id="r", root_run_id="r", kind=ev.RunKind.CHAIN, name="n", **payloads)

    event = ev.settle(started(inputs=Later(), metadata=Later()), ("metadata",))
    assert event.metadata == {"settled": "metadata"}
    assert isinstance(event.inputs, Later)

    broken = started(inputs=Later(), metadata=Broken())
    with pytest.raises(RecursionError):
        ev.settle(broken, ("metadata",))
    assert broken.metadata == {}
    assert ev.settle(broken).inputs == {"settled": "inputs"}


def test_the_public_names_are_there():
    """Every name of the package's door opens, and nothing else is promised."""
    for name in tracebus.__all__:
        assert getattr(tracebus, name) is not None
    assert set(tracebus.__all__) <= set(dir(tracebus))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tracebus.nothing


def test_the_published_schema_is_current():
    """docs/event.schema.json is what `tracebus.events.json_schema()` says."""
    published = Path(__file__).resolve().parents[1] / "docs" / "event.schema.json"
    assert json.loads(published.read_text("utf-8")) == json.loads(json.dumps(ev.json_schema()))
