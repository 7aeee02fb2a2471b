"""Payloads that wait in an event's field until somebody reads it."""

from __future__ import annotations

import gc
import weakref

import msgspec
import pytest

from tracebus.capture import Capture, CapturedModel, CapturedPayload, NotHandled, snapshot
from tracebus.events import (
    CustomEmitted,
    Deferred,
    ModelInfo,
    Outcome,
    RunEnded,
    RunKind,
    RunStarted,
    RunStreamed,
    decode_json,
    decode_msgpack,
    encode_json,
    encode_msgpack,
    settle,
)

IDS = {"time": 1, "run_id": "r", "root_run_id": "r"}
DEFAULT = Capture()


def started(**fields):
    return RunStarted(kind=RunKind.CHAIN, name="n", **IDS, **fields)


def cuts_of(event):
    return [(cut.path, cut.reason) for cut in event.cuts]


def test_settling_puts_json_and_cuts_into_the_event():
    """The field holds JSON afterwards, and the event says what was cut."""
    event = settle(started(inputs=CapturedPayload({"a": b"x", "password": "p"}, DEFAULT)))
    assert event.inputs == {"a": "<1 bytes>", "password": "[redacted]"}
    assert cuts_of(event) == [("/inputs/a", "binary"), ("/inputs/password", "redacted")]
    assert decode_json(encode_json(event)) == event
    assert decode_msgpack(encode_msgpack(event)) == event


def test_cuts_of_several_fields_add_up():
    """Inputs, metadata and model each add their own cuts."""
    event = settle(
        started(
            inputs=CapturedPayload(b"x", DEFAULT),
            metadata=CapturedPayload({"token": "t"}, DEFAULT),
            model=CapturedModel("p", "m", {"api_key": "k", "temperature": 0.5}, DEFAULT),
        )
    )
    assert cuts_of(event) == [
        ("/inputs", "binary"),
        ("/metadata/token", "redacted"),
        ("/model/parameters/api_key", "redacted"),
    ]
    assert event.model == ModelInfo(
        provider="p", name="m", parameters={"api_key": "[redacted]", "temperature": 0.5}
    )


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (lambda payload: started(inputs=payload), "inputs"),
        (lambda payload: RunEnded(outcome=Outcome.OK, outputs=payload, **IDS), "outputs"),
        (lambda payload: RunEnded(outcome=Outcome.OK, inputs=payload, **IDS), "inputs"),
        (lambda payload: RunStreamed(chunk=payload, **IDS), "chunk"),
        (lambda payload: CustomEmitted(name="n", data=payload, **IDS), "data"),
    ],
)
def test_without_content_nothing_of_the_program_gets_out(event, field):
    """Every field with content is emptied and says so."""
    settled = settle(event(CapturedPayload({"a": "private"}, Capture(content=False))))
    assert getattr(settled, field) is None
    assert cuts_of(settled) == [(f"/{field}", "content")]
    assert b"private" not in encode_json(settled)


def test_raw_chunks_are_withheld_where_a_function_redacts():
    """A secret may straddle two chunks, so the function could not recognise it."""
    capture = Capture(raw_chunks=True, redact=lambda _, text: text)
    event = settle(RunStreamed(chunk=CapturedPayload({"text": "hun"}, capture), **IDS))
    assert event.chunk is None
    assert cuts_of(event) == [("/chunk", "redacted")]


def test_nothing_withheld_is_nothing_cut():
    """A payload that was nothing leaves no trace of having been withheld."""
    event = settle(started(inputs=CapturedPayload(None, Capture(content=False))))
    assert (event.inputs, event.cuts) == (None, ())


def test_metadata_stays_without_content_and_goes_when_told():
    """Metadata is structure: it has a switch of its own, and is redacted like everything."""
    metadata = {"thread_id": "t", "secret": "s"}
    kept = settle(started(metadata=CapturedPayload(metadata, Capture(content=False))))
    assert kept.metadata == {"thread_id": "t", "secret": "[redacted]"}
    gone = settle(started(metadata=CapturedPayload(metadata, Capture(metadata=False))))
    assert gone.metadata == {}
    assert cuts_of(gone) == [("/metadata", "content")]
    assert decode_json(encode_json(gone)) == gone


def test_metadata_that_is_no_mapping_stays_readable():
    """The field's type holds whatever came, so that the event can be decoded."""
    event = settle(started(metadata=CapturedPayload(["odd"], DEFAULT)))
    assert event.metadata == {}
    assert decode_json(encode_json(event)) == event


def test_model_parameters_without_content():
    """Numbers, switches and some known names stay; prompts and tools among the parameters go."""
    parameters = {
        "temperature": 0.5, "stream": True, "stop": ["\n"], "seed": None, "reasoning_effort": "low",
        "system": "private", "tools": [{"name": "private"}], "instructions": "private",
        "tool_choice": {"name": "private"},
    }  # fmt: skip
    event = settle(started(model=CapturedModel("p", "m", parameters, Capture(content=False))))
    assert event.model.parameters == {
        "temperature": 0.5, "stream": True, "stop": ["\n"], "seed": None, "reasoning_effort": "low",
    }  # fmt: skip
    assert b"private" not in encode_json(event)
    assert ("/model/parameters/tools", "content") in cuts_of(event)


def test_hostile_model_data_stays_decodable():
    """Whatever stands in a model's fields, the event keeps its types."""
    event = settle(started(model=CapturedModel(object(), b"name", [1], DEFAULT)))
    assert decode_json(encode_json(event)) == event
    event = settle(started(model=CapturedModel(3, None, None, DEFAULT)))
    assert event.model == ModelInfo()


def test_the_value_is_let_go():
    """After settling nothing of the program is held any longer."""

    class Thing:
        pass

    thing = Thing()
    gone = weakref.ref(thing)
    payload = CapturedPayload([thing], DEFAULT, lambda _, kept=thing: NotHandled)
    event = settle(started(inputs=payload))
    del thing
    gc.collect()
    assert gone() is None
    assert not isinstance(event.inputs, Deferred)


def test_copies_of_an_event_settle_alike():
    """A bus that renumbers events copies them unsettled; each copy gets the whole payload."""
    event = started(inputs=CapturedPayload({"a": [b"x"]}, DEFAULT))
    copy = msgspec.structs.replace(event, seq=7)
    assert settle(event).inputs == settle(copy).inputs == {"a": ["<1 bytes>"]}
    assert event.cuts == copy.cuts
    assert settle(copy).cuts == event.cuts


def test_a_payload_is_what_it_was_when_captured():
    """What the program does to its containers between capture and reading does not show."""
    state = {"messages": ["one"]}
    event = started(inputs=CapturedPayload(snapshot(state), DEFAULT))
    state["messages"].append("two")
    assert settle(event).inputs == {"messages": ["one"]}


def test_nothing_raises_into_the_reader():
    """A hook and a value that fail in every way still leave JSON in the field."""

    class Hostile:
        def __getattribute__(self, name):
            raise RuntimeError(name)

        def __repr__(self):
            raise RecursionError

    def hook(_):
        raise RecursionError

    event = settle(started(inputs=CapturedPayload(Hostile(), DEFAULT, hook)))
    assert event.inputs.endswith("Hostile>")
    assert cuts_of(event) == [("/inputs", "unserialisable")]
