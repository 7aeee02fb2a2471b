"""What is observed, by whom, and for how long."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.context import _configure_hooks

import tracebus
from tracebus import Capture, EventBus, install, observe, observing, uninstall
from tracebus.events import RunStarted, RunStreamed
from tracebus.exceptions import ClosedBusError, UnknownExporterError
from tracebus.testing import RecordingExporter, ScriptedChatModel

LEAF = RunnableLambda(lambda x: x, name="leaf")


@pytest.fixture
def other():
    """A second bus."""
    bus, exporter = EventBus(), RecordingExporter()
    bus.attach(exporter)
    yield bus, exporter
    bus.close(10)


@pytest.fixture
def uninstalled():
    yield
    uninstall()


def names(exporter):
    return [event.name for event in exporter.events if isinstance(event, RunStarted)]


def test_nothing_is_observed_without_asking():
    """Importing tracebus adds nothing to anybody's callbacks."""
    handlers = []
    RunnableLambda(lambda x, config: handlers.extend(config["callbacks"].handlers)).invoke(1)
    assert handlers == []


def test_the_hook_is_registered_once(watch):
    """However many are observed, LangChain's global list does not grow (langchain#32300)."""
    before = len(_configure_hooks)
    for _ in range(10):
        observe(LEAF, bus=watch.bus).invoke(1)
        with observing(bus=watch.bus):
            LEAF.invoke(1)
    assert len(_configure_hooks) == before


def test_observing_ends_with_its_block(watch):
    """What runs before and after is not seen."""
    LEAF.invoke(0)
    with observing(bus=watch.bus) as bus:
        assert bus is watch.bus
        LEAF.invoke(1)
    LEAF.invoke(2)
    assert [event.inputs for event in watch.check().started] == [1]


async def test_async_observing_is_seen_by_tasks_started_inside_only(watch):
    """The scope is a context variable: other tasks are not affected."""

    async def elsewhere():
        await gate.wait()
        await LEAF.ainvoke("outside")

    gate = asyncio.Event()
    outside = asyncio.create_task(elsewhere())
    async with observing(bus=watch.bus):
        gate.set()
        await outside
        await asyncio.gather(LEAF.ainvoke("a"), LEAF.ainvoke("b"))
    assert {event.inputs for event in watch.check().started} == {"a", "b"}


def test_the_scope_does_not_leak_out_of_a_stream(watch):
    """Between two chunks of an observed stream the caller's own calls are not observed."""
    stream = observe(ScriptedChatModel(script=["one two three"]), bus=watch.bus).stream("x")
    next(stream)
    LEAF.invoke(1)
    list(stream)
    assert "leaf" not in watch.check().outcomes()


def test_two_buses_see_the_same_runs_once_each(watch, other):
    """Nested scopes on different buses: the inner run reaches both, in each its own tree."""
    bus, exporter = other
    inner = observe(LEAF, bus=bus)
    with observing(bus=watch.bus):
        RunnableLambda(lambda x: inner.invoke(x), name="outer").invoke(1)
    bus.flush(10)
    assert names(exporter) == ["leaf"]
    assert watch.check().parents() == {"outer": None, "leaf": "outer"}


def test_the_same_bus_twice_sees_every_run_once(watch):
    """Observing what is observed already changes nothing, tokens included."""
    model = ScriptedChatModel(script=["one two"])
    chain = observe(
        RunnableLambda(lambda x: observe(model, bus=watch.bus).invoke(x), name="outer"), bus=watch.bus
    )
    with observing(bus=watch.bus):
        chain.invoke("x")
        list(observe(model, bus=watch.bus).stream("x"))
    watch.check()
    assert [event.name for event in watch.started] == ["outer", "ScriptedChatModel", "ScriptedChatModel"]
    assert watch.text("ScriptedChatModel", 1) == "one two"
    assert len([event for event in watch.events if isinstance(event, RunStreamed)]) == 2


def test_one_bus_with_a_stricter_capture_inside(watch):
    """The innermost capture on a bus decides for what begins inside it."""
    secret = observe(LEAF, bus=watch.bus, capture=Capture(content=False))
    chain = observe(RunnableLambda(lambda x: secret.invoke("hush"), name="outer"), bus=watch.bus)
    chain.invoke("loud")
    watch.check()
    assert watch.run("outer").inputs == "loud"
    assert watch.run("leaf").inputs is None
    assert watch.end("leaf").outputs is None
    assert [cut.reason for cut in watch.run("leaf").cuts] == ["content"]


def test_install_sees_the_whole_process_raw_threads_included(watch, uninstalled):
    """A thread that copies no context is observed as well; afterwards nothing is."""
    assert install(bus=watch.bus) is watch.bus
    thread = threading.Thread(target=LEAF.invoke, args=("thread",))
    thread.start()
    thread.join()
    LEAF.invoke("main")
    uninstall()
    LEAF.invoke("after")
    assert {event.inputs for event in watch.check().started} == {"thread", "main"}


def test_install_and_a_scope_together(watch, other, uninstalled):
    """Inside a scope of another bus both buses see the run."""
    bus, exporter = other
    install(bus=watch.bus)
    with observing(bus=bus):
        LEAF.invoke(1)
    LEAF.invoke(2)
    bus.flush(10)
    assert names(exporter) == ["leaf"]
    assert [event.inputs for event in watch.check().started] == [1, 2]


def test_a_closed_bus_is_refused():
    """Observing into a closed bus is a mistake that says so."""
    bus = EventBus()
    bus.close()
    with pytest.raises(ClosedBusError):
        observe(LEAF, bus=bus)


def test_an_unknown_exit_is_refused_with_the_known_ones():
    """`to=` names what it does not know and lists what it does."""
    with pytest.raises(UnknownExporterError, match=r"no exporter answers to 'nowhere:'.*console"):
        observe(LEAF, to="nowhere:")


def test_a_bug_of_ours_does_not_reach_the_program(watch, monkeypatch, caplog):
    """It is logged once, counted, and the chain goes on."""
    observed = observe(LEAF, bus=watch.bus)

    def broken(*args, **kwargs):
        raise RuntimeError("our bug")

    monkeypatch.setattr(observed._recorder.tracker, "begin", broken)
    assert observed.invoke(1) == 1
    assert observed.invoke(2) == 2
    assert watch.bus.statistics().counters["callback_errors"] == 2
    assert (
        len([record for record in caplog.records if "tracebus failed in on_chain_start" in record.message])
        <= 1
    )


def test_other_handlers_see_what_they_see_without_us(watch):
    """The user's own handler, passed per call, gets the same calls."""

    class Own(BaseCallbackHandler):
        def __init__(self):
            self.seen = []

        def on_chain_start(self, serialized, inputs, **kwargs):
            self.seen.append(("start", inputs, kwargs["name"]))

        def on_chain_end(self, outputs, **kwargs):
            self.seen.append(("end", outputs))

    plain, observed = Own(), Own()
    LEAF.invoke(1, {"callbacks": [plain]})
    observe(LEAF, bus=watch.bus).invoke(1, {"callbacks": [observed]})
    assert plain.seen == observed.seen == [("start", 1, "leaf"), ("end", 1)]
    assert len(watch.check().started) == 1


SCRIPT = """
import tracebus
from langchain_core.runnables import RunnableLambda
RunnableLambda(lambda x: x, name="leaf").invoke("hello")
"""


def test_tracebus_to_observes_the_whole_process(tmp_path):
    """With TRACEBUS_TO set, importing tracebus is enough, and everything is out when the process exits."""
    log = tmp_path / "events.jsonl"
    environment = {**os.environ, "TRACEBUS_TO": f"jsonl:{log}"}
    subprocess.run([sys.executable, "-c", SCRIPT], env=environment, check=True)
    kinds = [tracebus.events.decode_json(line) for line in log.read_bytes().splitlines()]
    assert [type(event).__name__ for event in kinds] == ["RunStarted", "RunEnded"]


def test_a_wrong_tracebus_to_is_said_and_hurts_nobody():
    """The program runs; the mistake is on stderr."""
    environment = {**os.environ, "TRACEBUS_TO": "nowhere:"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT + "print('fine')"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "fine\n"
    assert "no exporter answers to 'nowhere:'" in done.stderr


OPEN_AT_EXIT = """
import tracebus
from tracebus.testing import ScriptedChatModel
stream = ScriptedChatModel(script=["one two three"]).stream("x")
next(stream)
"""


def test_a_process_that_exits_ends_its_open_runs(tmp_path):
    """A stream still held when the process exits is told as abandoned, and told at all."""
    log = tmp_path / "events.jsonl"
    environment = {**os.environ, "TRACEBUS_TO": f"jsonl:{log}"}
    subprocess.run([sys.executable, "-c", OPEN_AT_EXIT], env=environment, check=True)
    events = [tracebus.events.decode_json(line) for line in log.read_bytes().splitlines()]
    assert [type(event).__name__ for event in events] == ["RunStarted", "RunStreamed", "RunEnded"]
    assert str(events[-1].outcome) == "abandoned"
