"""Whole root runs by an exit, or nothing of them."""

from __future__ import annotations

import contextlib
import logging
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebus import EventBus, keep, observe
from tracebus.events import Gap, Kept, ModelInfo, RunEnded, RunKind, RunStreamed, TokenUsage
from tracebus.exceptions import UnknownExporterError
from tracebus.exporting import environment_destinations, resolve
from tracebus.keeping import KeepingExporter
from tracebus.keeping._rules import parse_rules
from tracebus.testing import RecordingExporter


def kept_of(exporter):
    """Return why each root run was kept, by its id."""
    return {event.run_id: event.kept for event in exporter.events if getattr(event, "kept", None)}


def test_a_root_run_goes_out_whole_at_its_end_or_not_at_all(runs):
    """Of three runs told in turns the failed and the slow one go out, each when it is over, each whole."""
    out = RecordingExporter()
    exit_ = keep(out, errors=True, slower_than=5.0)
    fine, slow, failed = runs.root("fine"), runs.root("slow", took=6), runs.root("failed", failed=True)
    for told in zip(fine, slow, failed, strict=True):
        assert not out.events
        exit_.export(told)
    ids = [event.run_id for event in out.events]
    assert ids == ["slow", "slow.1", "slow.1", "slow", "failed", "failed.1", "failed.1", "failed"]
    assert kept_of(out) == {"slow": Kept(reasons=("slow",)), "failed": Kept(reasons=("error",))}
    counts = exit_.statistics()
    assert (counts["runs_kept"], counts["runs_left_out"], counts["held_bytes"]) == (2, 1, 0)


def test_an_error_the_program_caught_counts(runs):
    """A step that failed inside a run that went on is a reason, as it is for a collector's tail sampling."""
    out = RecordingExporter()
    keep(out, errors=True).export(runs.root("a", inside_failed=True))
    assert kept_of(out) == {"a": Kept(reasons=("error",))}


def test_every_reason_is_named(runs):
    """What is slow and failed says both."""
    out = RecordingExporter()
    keep(out, errors=True, slower_than=0.5, share=1.0).export(runs.root("a", failed=True))
    assert kept_of(out) == {"a": Kept(reasons=("error", "slow"))}


def test_a_run_waits_for_those_below_it_that_go_on(runs):
    """A root whose background run outlives it goes out when that has ended, with it."""
    out = RecordingExporter()
    exit_ = keep(out, errors=True)
    exit_.export([runs.started("r"), runs.started("late", "r"), runs.ended("r")])
    assert not out.events
    exit_.export([runs.ended("late", "r", failed=True)])
    assert len(out.events) == 4
    exit_.export([runs.started("later", "r", at=2), runs.ended("later", "r", at=3)])
    assert len(out.events) == 6, "what comes after the decision follows it"


def test_a_run_nobody_waits_for_is_decided_on_without_it(runs):
    """Half a minute after a root's end a run that never ends keeps it from going out no longer."""
    out = RecordingExporter()
    exit_ = keep(out, share=1.0)
    exit_.export([runs.started("r"), runs.started("never", "r"), runs.ended("r", at=1)])
    exit_.export([runs.started("other", at=40)])
    assert [event.run_id for event in out.events] == ["r", "never", "r"]


def test_cost_and_tokens_are_those_of_the_whole_tree(runs):
    """Two model calls below the limit each are above it together; an unknown price is no reason."""
    model = ModelInfo(provider="openai", name="gpt-4o")
    usage = TokenUsage(input_tokens=6_000, output_tokens=0)

    def agent(name, model):
        events = [runs.started(name)]
        for number in (1, 2):
            inner = f"{name}.{number}"
            events += [
                runs.started(inner, name, kind=RunKind.CHAT_MODEL, model=model),
                runs.ended(inner, name, usage=usage),
            ]
        return [*events, runs.ended(name)]

    out = RecordingExporter()
    keep(out, cost=0.02, tokens=20_000).export([*agent("priced", model), *agent("own", ModelInfo(name="x"))])
    assert kept_of(out) == {"priced": Kept(reasons=("cost",))}
    out = RecordingExporter()
    keep(out, tokens=10_000).export(agent("own", ModelInfo(name="x")))
    assert kept_of(out) == {"own": Kept(reasons=("tokens",))}


def test_share_says_what_a_run_stands_for(runs):
    """About a tenth of the ordinary runs goes out, each saying so; the others' weight is one."""
    out = RecordingExporter()
    exit_ = keep(out, errors=True, share=0.1)
    for number in range(2_000):
        exit_.export(runs.root(f"r{number}", failed=number % 100 == 0))
    kept = kept_of(out)
    assert sum(why.reasons == ("error",) and why.share == 1.0 for why in kept.values()) == 20
    chosen = [why for why in kept.values() if why.reasons == ("share",)]
    assert all(why.share == 0.1 for why in chosen)
    assert 140 < len(chosen) < 260  # decided by ids, so the same every time


def test_runs_of_one_trace_are_chosen_alike_in_every_process(runs):
    """By the random digits of the trace id, as OpenTelemetry's samplers choose: those with the largest."""
    high, low = (f"00-{'0' * 18}{digits}-{'1' * 16}-01" for digits in ("f" * 14, "0" * 13 + "1"))
    out = RecordingExporter()
    keep(out, share=0.5).export(
        [
            *runs.root("a", traceparent=high),
            *runs.root("b", traceparent=high),
            *runs.root("c", traceparent=low),
        ]
    )
    assert kept_of(out).keys() == {"a", "b"}


def test_what_is_called_from_another_process_is_decided_on_by_itself(runs):
    """Its root is elsewhere: each call here is held to its own end, and the calls are chosen alike."""
    out = RecordingExporter()
    exit_ = keep(out, errors=True)

    def call(name, *, failed):
        return [
            runs.started(name, "elsewhere", "caller"),
            runs.ended(name, "elsewhere", "caller", failed=failed),
        ]

    exit_.export([*call("first", failed=False), *call("second", failed=True), *call("third", failed=False)])
    assert [event.run_id for event in out.events] == ["second", "second"]
    assert kept_of(out) == {"second": Kept(reasons=("error",))}


@pytest.mark.parametrize("overflow", ["keep", "drop"])
def test_a_run_too_large_to_be_held_is_decided_on_by_the_rule(runs, caplog, overflow):
    """It goes out, or not, whole; that is counted, said once, and is its reason."""
    out = RecordingExporter()
    exit_ = keep(out, errors=True, overflow=overflow)
    exit_.may_hold(10_000)
    with caplog.at_level(logging.WARNING, "tracebus"):
        exit_.export([runs.started("big"), *(runs.started(f"s{n}", "big") for n in range(50))])
        exit_.export([runs.ended(f"s{n}", "big", failed=n == 0) for n in range(50)])
        exit_.export([runs.ended("big"), *runs.root("small")])
    assert len(out.events) == (102 if overflow == "keep" else 0)
    assert kept_of(out) == ({"big": Kept(reasons=("error", "large"))} if overflow == "keep" else {})
    assert exit_.statistics()["runs_too_large"] == 1
    assert exit_.statistics()["held_bytes"] == 0
    (said,) = caplog.messages
    assert "too large to be held" in said
    assert ("is kept" if overflow == "keep" else "is left out") in said


def test_a_run_that_is_over_within_a_batch_is_not_held(runs):
    """However large: it is decided on at its end, by the rules, and nobody counts what it takes."""
    out = RecordingExporter()
    exit_ = keep(out, errors=True)
    exit_.may_hold(1_000)
    steps = [runs.started(f"s{n}", "big") for n in range(50)] + [
        runs.ended(f"s{n}", "big") for n in range(50)
    ]
    exit_.export([runs.started("big"), *steps, runs.ended("big"), *runs.root("small", failed=True)])
    assert kept_of(out) == {"small": Kept(reasons=("error",))}
    assert "runs_too_large" not in exit_.statistics()


def test_what_is_held_is_weighed_about_as_memory_is(runs):
    """Texts by their length, lists by their items, of all that a batch leaves."""
    exit_ = keep(RecordingExporter(), errors=True)
    exit_.export([runs.started("r", inputs={"numbers": [1.5] * 10_000, "text": "x" * 50_000})])
    assert 100_000 < exit_.held_bytes < 1_000_000
    exit_.export([runs.started("s", "r", inputs={"deep": {"er": [{"text": "x" * 50_000}]}})])
    assert exit_.held_bytes > 150_000


def test_a_run_held_too_long_is_decided_on_as_it_stands(runs):
    """A rule that is true by then is its reason, beside the one that it took so long."""
    out = RecordingExporter()
    exit_ = keep(out, slower_than=5.0, overflow="drop", hold=60.0)
    exit_.export([runs.started("agent"), runs.started("other", at=59)])
    assert not out.events
    exit_.export([runs.started("step", "agent", at=61)])
    assert [event.run_id for event in out.events] == ["agent", "step"]
    exit_.export([runs.ended("step", "agent", at=62), runs.ended("agent", at=62)])
    assert kept_of(out) == {"agent": Kept(reasons=("slow", "long"))}
    assert exit_.statistics()["runs_too_long"] == 1


def test_a_message_that_comes_again_is_held_once(runs):
    """A hundred runs given one long list of messages weigh about as much as one."""
    exit_ = keep(RecordingExporter(), errors=True)
    messages = [{"content": "x" * 1_000} for _ in range(100)]
    exit_.export([runs.started("r", inputs={"messages": messages})])
    once = exit_.held_bytes
    exit_.export([runs.started(f"s{n}", "r", inputs={"messages": messages}) for n in range(100)])
    assert once > 100_000
    assert exit_.held_bytes < 2 * once


def test_held_runs_are_part_of_the_bus_memory(runs):
    """The bus tells the exit what it can spare, and counts what the exit holds."""
    with EventBus(max_bytes=4_000_000) as bus:
        exit_ = keep(RecordingExporter(), errors=True)
        bus.attach(exit_)
        assert exit_.max_held_bytes == 1_000_000
        bus.publish(runs.started("r", inputs={"text": "x" * 100_000}))
        assert bus.flush(10)
        assert exit_.held_bytes > 100_000
        assert bus.statistics().held_bytes >= exit_.held_bytes + 100_000
        bus.publish(runs.ended("r"))
        assert bus.flush(10)
        assert bus.statistics().exporters[0].details["held_bytes"] == 0


def test_a_batch_that_failed_is_taken_in_once(runs):
    """Offered again it only hands on what was decided."""
    out = RecordingExporter()
    failures = [OSError("away"), OSError("away")]

    class Exit(RecordingExporter):
        def export(self, batch):
            if failures:
                raise failures.pop()
            out.export(batch)

    exit_ = keep(Exit(), errors=True)
    batch = runs.root("r", failed=True)
    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            exit_.export(batch)
    exit_.export(batch)
    assert [event.run_id for event in out.events] == ["r", "r.1", "r.1", "r"]
    assert exit_.statistics()["runs_kept"] == 1


def test_the_end_decides_on_what_is_still_open(runs):
    """What failed so far goes out at `close`, as it stands, and nothing else."""
    out = RecordingExporter()
    exit_ = keep(out, errors=True)
    exit_.attached()
    exit_.export([runs.started("a"), runs.started("a.1", "a"), runs.ended("a.1", "a", failed=True)])
    exit_.export([runs.started("b")])
    exit_.close()
    assert [event.run_id for event in out.events] == ["a", "a.1", "a.1"]


def test_an_observed_chain_keeps_what_failed():
    """With a real chain: live readers see all of it, the exit gets the failed run."""
    from langchain_core.runnables import RunnableLambda

    def step(text):
        if text == "bad":
            raise ValueError(text)
        return text

    out, live = RecordingExporter(), RecordingExporter()
    chain = observe(RunnableLambda(step), to=[keep(out, errors=True), live], name="step")
    with chain:
        chain.invoke("good")
        with pytest.raises(ValueError, match="bad"):
            chain.invoke("bad")
        chain.invoke("good")
    assert len(live.events) == 6
    assert len(out.events) == 2
    assert next(iter(kept_of(out).values())).reasons == ("error",)


def test_rules_in_a_url():
    """They say what the arguments of `keep` say; the rest of the URL is the exit's."""
    rules = parse_rules(
        "errors,slower:1500ms,cost:$0.10,tokens:20_000,share:10%,overflow:drop,hold:5m,loops,sampled"
    )
    assert (rules.errors, rules.loops, rules.sampled) == (True, True, True)
    assert (rules.slower_than, rules.cost, rules.tokens, rules.share) == (1.5, 0.1, 20_000, 0.1)
    assert (rules.overflow, rules.hold) == ("drop", 300.0)


def test_any_exit_takes_rules_in_its_url(tmp_path):
    """Before and behind its own options."""
    for url in (
        "console?keep=errors",
        f"sqlite:{tmp_path}/a.db?keep=errors,share:10%25&max_age=1d",
        f"sqlite:{tmp_path}/a.db?max_age=1d&keep=slower:5s",
        "otlp+http://localhost:4318?keep=errors&content=span",
        "structlog?keep=errors",
    ):
        (exporter,) = resolve(url)
        assert isinstance(exporter, KeepingExporter), url
    (exporter,) = resolve(f"sqlite:{tmp_path}/a.db?keep=errors,share:10%25&max_age=1d")
    assert exporter.rules.share == 0.1


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("console?keep=", "no rule says what to keep; give some, such as errors"),
        ("console?keep=error", "no rule 'error'; known are: errors, loops"),
        ("console?keep=slower", "'slower' has no value such as slower:5s"),
        ("console?keep=slower:soon", "'slower:soon' has no value such as slower:5s"),
        ("console?keep=share:200%", "share must be from 0 to 1"),
        ("console?keep=errors,overflow:maybe", "overflow must be 'keep' or 'drop'"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(url, says):
    """The message names the rule and what there is."""
    with pytest.raises(UnknownExporterError) as caught:
        resolve(url)
    assert says in str(caught.value)


def test_no_rule_at_all_is_refused():
    """`keep` without a rule would keep nothing."""
    with pytest.raises(ValueError, match="no rule says what to keep"):
        keep("console")


def test_commas_of_rules_are_none_of_the_list_of_exits(monkeypatch):
    """`TRACEBUS_TO` separates exits by commas, and `keep=` rules."""
    monkeypatch.setenv(
        "TRACEBUS_TO", "otlp?keep=errors,slower:5s,share:10%,console sqlite:,structlog?keep=loops"
    )
    assert environment_destinations() == [
        "otlp?keep=errors,slower:5s,share:10%", "console", "sqlite:", "structlog?keep=loops",
    ]  # fmt: skip


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 7), st.booleans())
def test_whatever_the_order_every_run_is_whole_or_absent(new_runs, seed, count, batch_size, gaps):
    """Runs interleaved at random: what goes out is exactly the failed ones, in their own order."""
    chance, told = random.Random(seed), new_runs()
    queues = [told.root(f"r{n}", failed=chance.random() < 0.3) for n in range(count)]
    failed = [list(queue) for queue in queues if queue[-1].error is not None]
    mixed = []
    while queues := [queue for queue in queues if queue]:
        mixed.append(chance.choice(queues).pop(0))
        if gaps and chance.random() < 0.1:
            mixed.append(Gap(time=1, missed=1))
        if chance.random() < 0.2:
            run = mixed[-1]
            if not isinstance(run, Gap | RunEnded):
                mixed.append(RunStreamed(time=1, run_id=run.run_id, root_run_id=run.root_run_id, text="x"))
    out = RecordingExporter()
    exit_ = keep(out, errors=True)
    for start in range(0, len(mixed), batch_size):
        exit_.export(mixed[start : start + batch_size])
    for events in failed:
        root = events[0].run_id
        got = [event for event in out.events if getattr(event, "root_run_id", "") == root]
        assert [event.run_id for event in got if not isinstance(event, RunStreamed)] == [
            event.run_id for event in events
        ]
        expected = [event for event in mixed if getattr(event, "root_run_id", "") == root]
        assert len(got) == len(expected)
    assert {event.root_run_id for event in out.events if not isinstance(event, Gap)} == {
        events[0].run_id for events in failed
    }
    assert exit_.held_bytes == 0


def test_an_old_log_is_exported_by_rules(runs, tmp_path):
    """`tracebus export` decides on stored runs as on live ones."""
    from tracebus import open_log
    from tracebus.cli import main

    old, new = f"sqlite:{tmp_path}/old.db", f"jsonl:{tmp_path}/new.jsonl"
    with contextlib.closing(open_log(old)) as log:
        for number in range(20):
            log.append(runs.root(f"r{number}", failed=number == 3, took=9 if number == 5 else 1))
    command = ["export", old, "--to", f"{new}?keep=errors,slower:5s", "--state", str(tmp_path / "state")]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert not ended.value.code
    with contextlib.closing(open_log(new)) as log:
        events = log.read(0, 1_000)
    assert [event.run_id for event in events] == ["r3", "r3.1", "r3.1", "r3", "r5", "r5.1", "r5.1", "r5"]
    assert [event.kept.reasons for event in events if getattr(event, "kept", None)] == [("error",), ("slow",)]
