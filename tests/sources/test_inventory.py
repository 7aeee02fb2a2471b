"""What is new in LangChain and LangGraph is named before it is missed, and never silently nothing."""

from __future__ import annotations

import logging
from uuid import uuid4

import pytest
from langchain_core.callbacks import BaseCallbackHandler, CallbackManager
from langchain_core.runnables import RunnableLambda

import tracebus
from tracebus import observe
from tracebus.events import CustomEmitted, RunKind
from tracebus.sources import inventory
from tracebus.sources.callbacks import _handler
from tracebus.sources.reading import _unknown


@pytest.fixture(autouse=True)
def _nothing_said_yet(monkeypatch):
    monkeypatch.setattr(_unknown, "_said", set())


def test_everything_the_installed_versions_offer_is_known():
    """If this fails, a release added what is named here: teach it to `tracebus.sources`, then to the list."""
    assert inventory.unknown() == []


def test_what_is_looked_through_is_there():
    """An inventory that finds nothing would always be in order."""
    offered = {offering.kind: offering.names for offering in inventory.offerings()}
    assert {"on_chain_start", "on_llm_new_token", "on_retry"} <= offered["callback"]
    assert {"prompt", "parser"} <= offered["run type"]
    assert {"v1", "v2"} <= offered["stream version"]
    if offered.get("stream mode"):
        assert {"values", "updates", "messages"} <= offered["stream mode"]


def test_the_doctor_says_so_in_one_line(monkeypatch):
    """In order, or what is new."""
    from tracebus.cli._checks import State, _known

    assert _known().state is State.OK
    monkeypatch.setattr(inventory, "unknown", lambda: [inventory.Offer("callback", "on_dream")])
    found = _known()
    assert found.state is State.WARNING
    assert "callback on_dream" in found.text


def test_an_unknown_callback_is_recorded_counted_and_said_once(watch, caplog):
    """As an event inside its run, whatever it is about."""

    class NewerHandler(BaseCallbackHandler):
        def on_dream(self, dream, *, run_id, **kwargs):
            """Stand for what a later LangChain defines."""

    _handler.hear_all_of(NewerHandler)
    try:

        def step(value, config):
            manager = config["callbacks"]
            for handler in manager.handlers:
                for dream in ("sheep", "more sheep"):
                    getattr(handler, "on_dream", lambda *_, **__: None)(dream, run_id=manager.parent_run_id)
            return value

        with caplog.at_level(logging.WARNING, "tracebus"):
            observe(RunnableLambda(step, name="step"), bus=watch.bus).invoke(1)
    finally:
        del _handler.TracebusHandler.on_dream
    told = [(event.name, event.data) for event in watch.check().events if isinstance(event, CustomEmitted)]
    assert told == [("on_dream", ["sheep"]), ("on_dream", ["more sheep"])]
    assert watch.bus.statistics().counters["unknown_callback"] == 2
    assert [record.getMessage().count("on_dream") for record in caplog.records] == [1]


def test_an_unknown_run_type_is_a_run_of_unknown_kind(watch, caplog):
    """Counted and said once."""
    with caplog.at_level(logging.WARNING, "tracebus"):
        observe(RunnableLambda(lambda x: x), bus=watch.bus)  # makes the bus observed
        from tracebus import observing

        with observing(bus=watch.bus):
            for _ in range(2):
                manager = CallbackManager.configure()
                run = manager.on_chain_start({}, {"x": 1}, run_id=uuid4(), name="oracle", run_type="oracle")
                run.on_chain_end({"y": 2})
    assert {run.kind for run in watch.check().started} == {RunKind.UNKNOWN}
    assert watch.end("oracle").outputs == {"y": 2}
    assert watch.bus.statistics().counters["unknown_run_type"] == 2
    assert len(caplog.records) == 1


async def test_an_unknown_stream_part_is_passed_over_with_a_word(caplog):
    """The rest is read."""
    parts = [
        {"type": "dreams", "ns": [], "data": {"of": "sheep"}},
        {"type": "updates", "ns": [], "data": {"talk": {"x": 1}}},
    ]
    with caplog.at_level(logging.WARNING, "tracebus"):
        events = [event async for event in tracebus.normalize(parts)]
    assert len(events) == 4
    assert "dreams" in caplog.text
    assert "sheep" not in caplog.text


def test_an_unknown_stream_object_is_said(watch, caplog):
    """Given to the program as it is."""

    class DreamStream:
        def __iter__(self):
            return iter(())

    DreamStream.__module__ = "langchain_core.dreams"

    class Dreamer(RunnableLambda):
        def dream(self):
            return DreamStream()

    with caplog.at_level(logging.WARNING, "tracebus"):
        for _ in range(2):
            assert type(observe(Dreamer(lambda x: x), bus=watch.bus).dream()) is DreamStream
    assert watch.bus.statistics().counters["unknown_stream_object"] == 2
    assert len(caplog.records) == 1


NEWS = [
    {"event": "message-start", "role": "ai", "id": "m1"},
    {"event": "content-block-start", "index": 0, "content": {"type": "text", "text": ""}},
    {"event": "content-block-delta", "index": 0, "delta": {"type": "text-delta", "text": "Over."}},
    {"event": "content-block-delta", "index": 0, "delta": {"type": "gesture-delta", "gesture": "wave"}},
    {"event": "content-block-applause", "index": 0},
    {"event": "content-block-finish", "index": 0, "content": {"type": "text", "text": "Over."}},
    {"event": "message-finish"},
]


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_what_is_new_in_the_protocol_is_counted_and_said_once(watch, caplog):
    """A model that speaks a newer protocol than we know."""
    from tracebus.testing import ScriptedChatModel

    if not hasattr(ScriptedChatModel, "_chat_model_stream_v3"):
        pytest.skip("needs a langchain-core with v3 streams (1.4 or newer)")

    class Newer(ScriptedChatModel):
        def _stream_chat_model_events(self, messages, stop=None, run_manager=None, **kwargs):
            yield from NEWS

    for _ in range(2):
        list(observe(Newer(script=["unused"]), bus=watch.bus).stream_events("x", version="v3"))
    assert watch.check().text("Newer") == "Over."
    counters = watch.bus.statistics().counters
    assert (counters["unknown_protocol_event"], counters["unknown_protocol_delta"]) == (2, 2)
    assert caplog.text.count("content-block-applause") == caplog.text.count("gesture-delta") == 1


async def test_what_is_new_in_a_stream_is_said(caplog):
    """In the protocol, and beside it."""

    async def stream():
        for event in NEWS[:4]:
            yield event
        yield {"event": "thunder", "why": 1}
        for event in NEWS[4:]:
            yield event

    assert [event async for event in tracebus.normalize(stream())]
    assert "thunder" in caplog.text
    assert "content-block-applause" in caplog.text
