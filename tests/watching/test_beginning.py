"""When the watching for circles begins: with the first run that could go in one, and in time."""

from __future__ import annotations

import threading

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

from tracebus import Budget, EventBus, observe, propagate
from tracebus.events import CustomEmitted
from tracebus.testing import RecordingExporter, ScriptedChatModel
from tracebus.watching import LoopFact, Loops, fact_of


@tool
def search(query: str) -> str:
    """Search."""
    return "nothing"


def circles(events):
    return [
        fact
        for event in events
        if isinstance(event, CustomEmitted) and isinstance(fact := fact_of(event), LoopFact)
    ]


def watches(bus):
    """Tell whether somebody reads *bus* to find circles."""
    return any(worker.name.startswith("watching") for worker in bus._workers)


def calls(times):
    return RunnableLambda(lambda _: [search.invoke({"query": "x"}) for _ in range(times)])


def test_what_cannot_go_in_circles_is_not_read():
    """Chains of a few steps are what most programs run: no thread of ours takes its share of them."""
    model = ScriptedChatModel(script=["yes"])
    chain = RunnableLambda(str) | model | RunnableLambda(lambda message: [model.invoke("and?"), message])
    with EventBus() as bus:
        observed = observe(chain, bus=bus)
        for _ in range(20):
            observed.invoke("?")
        observe(calls(2), bus=bus).invoke("?")
        assert not watches(bus)


@pytest.mark.parametrize(
    ("chain", "loops", "kinds"),
    [
        (calls(3), None, ["same_call"]),
        (calls(2), Loops(same_call=2), ["same_call"]),
        (RunnableLambda(lambda n: [RunnableLambda(str).invoke(n) for _ in range(6)]), None, []),
    ],
    ids=["calls", "fewer calls", "turns"],
)
def test_what_could_is_read_from_its_beginning(chain, loops, kinds):
    """Also inside a run that began before."""
    out = RecordingExporter()
    with EventBus() as bus:
        bus.attach(out)
        inner = observe(chain, bus=bus)
        observe(RunnableLambda(lambda _: inner.invoke("?")), bus=bus, loops=loops).invoke("")
        assert watches(bus)
    assert [fact.kind for fact in circles(out.events)] == kinds


def test_calls_in_a_circle_are_told_of_while_they_go_on():
    """All of them, those before the watching began as well."""
    told = threading.Event()
    found = []

    def listen(batch):
        found.extend(circles(batch))
        if found:
            told.set()

    def agent(_):
        calls(3).invoke("?")
        return told.wait(30)

    with EventBus() as bus:
        bus.attach(listen)
        assert observe(RunnableLambda(agent), bus=bus).invoke("?"), "told only once it was over"
    (fact,) = found
    assert (fact.kind, fact.what, fact.count, len(fact.runs)) == ("same_call", "search", 3, 3)


@pytest.mark.parametrize("budget", [None, Budget(tokens=1_000_000)], ids=["no budget", "a budget"])
def test_what_nobody_else_read_counts(budget):
    """An exit that reads no payloads leaves those of the first calls to who begins with the third."""

    class Exit(RecordingExporter):
        settles_itself = True

    out = Exit()

    def agent(_):
        for _ in range(3):
            search.invoke({"query": "x"})
            bus.flush()

    with EventBus() as bus:
        bus.attach(out)
        observe(RunnableLambda(agent), bus=bus, budget=budget).invoke("?")
        bus.flush()
        bus.flush()
    names = [event.name for event in out.events if isinstance(event, CustomEmitted)]
    assert names == ["tracebus.budget", "tracebus.loop"][budget is None :]


def test_a_flush_waits_for_what_was_noticed():
    """As of every reader."""
    out = RecordingExporter()
    with EventBus() as bus:
        bus.attach(out)
        observe(calls(3), bus=bus).invoke("?")
        bus.flush()
        bus.flush()
        assert [fact.count for fact in circles(out.events)] == [3]


def test_runs_below_one_elsewhere_are_read_at_once():
    """What their root did before nobody here knows."""
    with EventBus() as bus:
        with propagate.continuing({"tracebus-run": "a;root=b"}):
            observe(RunnableLambda(str), bus=bus).invoke("?")
        assert watches(bus)


def test_a_budget_is_watched_from_the_first_run():
    """It may be used up by one."""
    with EventBus() as bus:
        observe(RunnableLambda(str), bus=bus, budget=Budget(tokens=10))
        assert watches(bus)


def test_chains_on_one_bus_have_thresholds_of_their_own():
    """Whichever was observed last, and whether or not the watching had begun; the others have the default."""
    out = RecordingExporter()
    with EventBus() as bus:
        bus.attach(out)
        patient = observe(calls(4), bus=bus, name="patient", loops=Loops(same_call=5))
        strict = observe(calls(2), bus=bus, name="strict", loops=Loops(same_call=2))
        usual = observe(calls(3), bus=bus, name="usual")
        for chain in (patient, strict, usual, patient):
            chain.invoke("?")
        bus.flush(10)
    assert [(fact.name, fact.count) for fact in circles(out.events)] == [("strict", 2), ("usual", 3)]
