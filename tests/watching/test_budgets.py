"""Budgets: what is said of them, when, and who is told."""

from __future__ import annotations

import logging
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.runnables import RunnableLambda
from msgspec.structs import replace

from tracebus import Budget, EventBus, RunTree, observe, observing
from tracebus.environment import problems
from tracebus.events import CustomEmitted, Gap, ModelInfo, RunKind, TokenUsage
from tracebus.testing import RecordingExporter, ScriptedChatModel
from tracebus.watching import Loops, budget_levels, fact_of, sentence
from tracebus.watching._alarm_clock import AlarmClock
from tracebus.watching._budget import parse_budget
from tracebus.watching._budgets import BudgetWatcher
from tracebus.watching._circling import LoopWatcher
from tracebus.watching._gauge import Gauge
from tracebus.watching._own import OneByOne


def facts(events):
    """Return what *events* say was noticed, by state and limit."""
    return [
        (fact.state, fact.limit)
        for event in events
        if isinstance(event, CustomEmitted) and (fact := fact_of(event)) is not None
    ]


def folded(told, budget):
    """Return what is said while the told events arrive."""
    gauge, said = Gauge(told.events[0], budget), []
    for event in told.events:
        gauge.apply(event)
        said += gauge.news(event.time)
    return said


def test_a_limit_is_spoken_of_at_four_fifths_and_at_its_end_once_each(told):
    """Tokens are added over the models of the tree; nothing is said twice."""
    told.start("root")
    for _ in range(12):
        told.model(tokens=100)
    said = folded(told, Budget(tokens=1_000))
    assert [(fact.state, fact.used) for fact in said] == [("near", 800), ("exceeded", 1_000)]
    assert "has used up its tokens budget: 1.0k of 1.0k (100 %)" in sentence(said[1])


def test_the_call_after_the_last_one_exceeds(told):
    """A budget of five calls is near its end with four, and exceeded by the sixth."""
    told.start("root")
    for _ in range(6):
        told.model()
    said = folded(told, Budget(model_calls=5))
    assert [(fact.state, fact.used) for fact in said] == [("near", 4), ("exceeded", 6)]


def test_an_unknown_cost_is_said_to_be_unknown_and_never_zero(told):
    """What is known counts on; a model without price or usage is said once, with the calls it leaves out."""
    told.start("root")
    told.model(model=ModelInfo(name="my-own"), tokens=1_000)
    first = folded(told, Budget(cost=0.01))
    assert [(fact.state, fact.used, fact.unknown_calls) for fact in first] == [("unknown", None, 1)]
    assert "unknown for a model call" in sentence(first[0])
    told.model(tokens=None)
    told.model(tokens=4_000)
    said = folded(told, Budget(cost=0.01))
    assert [fact.state for fact in said] == ["unknown", "exceeded"]
    assert (said[1].used, said[1].unknown_calls) == (pytest.approx(0.01), 2)
    assert "2 model calls of unknown cost" in sentence(said[1])


def test_a_model_inside_a_model_counts_once(told):
    """As in the tree: the outer one reports the inner one's tokens again."""
    told.start("root")
    outer = told.start("outer", kind="chat_model", model=ModelInfo(name="router"))
    told.model(outer, tokens=90)
    told.end(outer, usage=told.events[-1].usage)
    assert [fact.state for fact in folded(told, Budget(tokens=110))] == ["near"]


def program(told, draw):
    """Return the events of a root run of models, runs in models, and others, and a budget of them."""
    open_runs = [told.start("root")]
    for number in range(draw(st.integers(0, 14))):
        if len(open_runs) > 1 and draw(st.booleans()):
            usage = draw(st.sampled_from([None, TokenUsage(input_tokens=40, output_tokens=10), TokenUsage()]))
            told.end(open_runs.pop(draw(st.integers(1, len(open_runs) - 1))), usage=usage)
        else:
            kind = draw(st.sampled_from([RunKind.CHAIN, RunKind.CHAT_MODEL, RunKind.EMBEDDING, RunKind.TOOL]))
            model = draw(st.sampled_from([ModelInfo(provider="openai", name="gpt-4o"), None]))
            parent = draw(st.sampled_from(open_runs))
            open_runs.append(told.start(f"r{number}", parent, kind=kind, model=model))
    told.end("root")
    limits = {"tokens": 100, "cost": 0.0005, "model_calls": 3, "seconds": 19.5}
    chosen = draw(st.sets(st.sampled_from(sorted(limits)), min_size=1))
    return told.events, Budget(**{name: limits[name] for name in chosen})


@settings(max_examples=40)
@given(st.data())
def test_a_gauge_need_be_asked_only_where_it_says_so(new_told, data):
    """The same is said, of the same events, as where it is asked after each one."""
    events, budget = program(new_told(), data.draw)
    asked, always = Gauge(events[0], budget), Gauge(events[0], budget)
    for event in events:
        news = asked.apply(event)
        always.apply(event)
        assert (asked.news(event.time) if news else []) == always.news(event.time)


@settings(max_examples=40)
@given(st.data())
def test_the_watcher_says_what_a_gauge_says_that_sees_every_event(new_told, data):
    """Though it shows one only what models do, and what is below them; of time, by the run's end."""
    events, budget = program(new_told(), data.draw)
    gauge, expected = Gauge(events[0], budget), []
    for event in events:
        gauge.apply(event)
        expected += [(fact.state, fact.limit) for fact in gauge.news(event.time)]
    with EventBus() as bus:
        watcher = BudgetWatcher(bus, lambda: 0)
        watcher.budget = budget
        watcher.export(events)
        watcher.close()
        said = facts(bus.recent())
    assert said.pop(0) == ("set", "")
    assert [one for one in said if "seconds" not in one] == [one for one in expected if "seconds" not in one]
    assert (("exceeded", "seconds") in said) == (("exceeded", "seconds") in expected)


def test_time_passes_while_nothing_happens():
    """The clock alone makes it news, on a thread of its own, and the callback is told before the run ends."""
    over = threading.Event()
    out = RecordingExporter()
    budget = Budget(seconds=0.05, on_exceeded=lambda _: over.set())
    with observe(RunnableLambda(lambda _: over.wait(30)), to=out, budget=budget) as chain:
        assert chain.invoke("wait"), "told only after half a minute, or never"
    assert facts(out.events)[-1] == ("exceeded", "seconds")
    names = [type(event).__name__ for event in out.events]
    assert names.index("CustomEmitted") < names.index("RunEnded")


def test_an_alarm_clock_rings_in_order_and_rests():
    """Alarms set in any order ring by their time; the thread ends with the last."""
    rung, done = [], threading.Event()

    def ring(key):
        rung.append(key)
        if len(rung) == 3:
            done.set()

    clock = AlarmClock(ring, lambda: 100)
    for at, key in ((30, "c"), (10, "a"), (20, "b")):
        clock._alarms.append((at, key))
    clock._alarms.sort()
    clock.set(100, "d")
    assert done.wait(10)
    assert rung[:3] == ["a", "b", "c"]


def test_an_agent_is_told_in_time_and_once():
    """The callback hears of the first limit exceeded, while the run goes on; its failure harms nobody."""
    heard, told = [], threading.Event()
    model = ScriptedChatModel(script=["yes"])

    def agent(text):
        for _ in range(200):
            model.invoke(text)
            if told.wait(0.02):
                return "stopped"
        return "went on"

    def exceeded(fact):
        heard.append(fact)
        told.set()
        raise RuntimeError("a bug of the program's")

    out = RecordingExporter()
    with observe(
        RunnableLambda(agent), to=out, name="agent", budget=Budget(model_calls=2, on_exceeded=exceeded)
    ) as chain:
        assert chain.invoke("go") == "stopped"
    assert [(fact.name, fact.limit, fact.of) for fact in heard] == [("agent", "model_calls", 2.0)]
    assert facts(out.events) == [("set", ""), ("near", "model_calls"), ("exceeded", "model_calls")]


def test_two_chains_on_one_bus_have_budgets_of_their_own(caplog):
    """And one without has none; each is said in a line of the log."""
    model = ScriptedChatModel(script=["yes"])
    out = RecordingExporter()
    with EventBus() as bus, caplog.at_level(logging.WARNING, "tracebus"):
        bus.attach(out)
        for name, budget in (("small", Budget(tokens=1)), ("large", Budget(tokens=10_000)), ("free", None)):
            observe(RunnableLambda(model.invoke), bus=bus, name=name, budget=budget).invoke("?")
    said = [fact_of(event) for event in out.events if isinstance(event, CustomEmitted)]
    assert [(fact.name, fact.state) for fact in said] == [
        ("small", "set"), ("small", "exceeded"), ("large", "set"),
    ]  # fmt: skip
    (line,) = caplog.messages
    assert line.startswith("run 'small'")


def test_the_variable_gives_every_root_run_a_budget(monkeypatch, caplog):
    """`TRACEBUS_BUDGET`; one that cannot be read is said and watched by nobody."""
    model = ScriptedChatModel(script=["yes"])
    for text, expected in (("tokens:1", ["set", "exceeded"]), ("tokens:many", [])):
        monkeypatch.setenv("TRACEBUS_BUDGET", text)
        out = RecordingExporter()
        with observing(to=out):
            model.invoke("?")
        assert [state for state, _ in facts(out.events)] == expected
    assert "'tokens:many' has no value such as tokens:200000" in caplog.text
    assert dict(problems({"TRACEBUS_BUDGET": "tokens:many"}))


def test_a_tree_shows_how_far_a_run_is(told):
    """By the limits in the fact and the totals of the tree; what nobody knows is a question mark."""
    told.start("root")
    gauge = Gauge(told.events[0], Budget(cost=0.01, tokens=1_000, seconds=10, model_calls=4))
    told.model(tokens=400)
    tree = RunTree()
    for event in told.events:
        tree.apply(event)
    import msgspec

    tree.apply(
        CustomEmitted(
            time=told.now, run_id="root", root_run_id="root", name="tracebus.budget",
            data=msgspec.to_builtins(gauge.begun()),
        )
    )  # fmt: skip
    levels = budget_levels(tree.get("root"), told.now)
    assert [str(level) for level in levels] == ["$0.0010/$0.010", "400/1.0k", "2.00s/10.0s", "1/4"]
    assert [level.state for level in levels] == ["within"] * 4


def test_a_budget_in_words():
    """What the variable takes."""
    budget = parse_budget("cost:$0.50, tokens:200_000,seconds:2m,model_calls:40")
    assert budget.limits() == {"cost": 0.5, "tokens": 200_000, "seconds": 120.0, "model_calls": 40}


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Budget(), "a Budget needs a limit: cost, tokens, seconds or model_calls"),
        (lambda: Budget(cost=0), r"Budget\(cost=…\) must be a number above 0, not 0"),
        (lambda: Budget(tokens=-1), r"Budget\(tokens=…\) must be a number above 0"),
        (lambda: Budget(cost="x"), r"Budget\(cost=…\) must be a number above 0, not 'x'"),
        (lambda: Budget(seconds=1, on_exceeded="stop"), "must be callable, not 'stop'"),
        (lambda: parse_budget("money:3"), "no limit 'money'; known are: cost, tokens"),
        (lambda: parse_budget("seconds:soon"), "'seconds:soon' has no value such as seconds:60"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(make, says):
    """The message names the limit and what there is."""
    with pytest.raises(ValueError, match=says):
        make()


def test_what_is_no_budget_is_refused():
    """A number says nothing of what it limits."""
    with pytest.raises(
        TypeError, match=r"budget takes a tracebus\.Budget such as Budget\(cost=0\.50\), not 0\.5"
    ):
        observe(RunnableLambda(str), to=RecordingExporter(), budget=0.5)


@pytest.mark.parametrize("watcher", [BudgetWatcher, LoopWatcher])
def test_what_a_watcher_missed_is_counted(watcher):
    """It is no exporter of the user's, and so has no row of its own that would tell."""
    with EventBus() as bus:
        watcher(bus).export([Gap(time=1, missed=3, seq=3)])
        assert bus.statistics().counters["events_unwatched"] == 3


@pytest.mark.parametrize(
    ("make", "what", "noticed"),
    [(BudgetWatcher, "uses", "tracebus.budget"), (LoopWatcher, "does", "tracebus.loop")],
)
def test_an_event_that_cannot_be_read_costs_no_other(make, what, noticed, told, caplog):
    """A bug of ours is said once, with where it is."""
    told.start("root")
    for _ in range(3):
        told.model()
        told.tool("search", {"query": "x"}, "nothing")
    broken = replace(told.events[0], root_run_id=[])
    with EventBus() as bus:
        watcher = make(bus)
        watcher.budget, watcher.loops = Budget(tokens=1_000_000), Loops()
        watcher.export([broken, *told.events[:5], broken])
        watcher.export([broken, *told.events[5:]])
        assert [event.name for event in bus.recent()] == [noticed]
    (failure,) = (record for record in caplog.records if record.exc_info)
    assert failure.getMessage() == f"what a run {what} could not be watched; said once"


def test_what_is_read_of_a_bus_that_is_gone_is_no_failure(caplog):
    """There is nobody left to count for."""
    seen = []
    gap = Gap(time=1, missed=3, seq=3)
    OneByOne(lambda: None, "it").read([gap, gap], seen.append)
    assert seen == [gap, gap]
    assert not caplog.records
