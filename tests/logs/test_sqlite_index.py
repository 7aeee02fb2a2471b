"""The embedded log's table of runs: the same whatever came in one batch, from one process or from several."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tracebus.events import (
    CustomEmitted,
    ErrorInfo,
    Gap,
    ModelInfo,
    Outcome,
    RunEnded,
    RunKind,
    RunStarted,
    RunStreamed,
    TokenUsage,
)
from tracebus.logs import Retention, RunQuery
from tracebus_exporters.sqlite import SqliteLog
from tracebus_exporters.sqlite._producer import LOST_AFTER

ALL = RunQuery(limit=None, roots_only=False)
PARENTS = {"a": None, "b": "a", "c": "b", "d": None, "e": "d"}
ROOTS = {"a": "a", "b": "a", "c": "a", "d": "d", "e": "d"}


def start(run_id, time=1):
    return RunStarted(time=time, kind=RunKind.CHAT_MODEL, name=f"run {run_id}", tags=("t",), **ids(run_id))


def token(run_id, time=2):
    return RunStreamed(time=time, text="token\n\u2028 ", **ids(run_id))


def end(run_id, time=3, **more):
    return RunEnded(time=time, outcome=Outcome.OK, **ids(run_id), **more)


def ids(run_id):
    return {
        "run_id": run_id,
        "parent_run_id": PARENTS.get(run_id),
        "root_run_id": ROOTS.get(run_id, run_id),
    }


def failed(run_id):
    return RunEnded(time=4, outcome=Outcome.ERROR, error=ErrorInfo(type="E", message="no"), **ids(run_id))


def said(run_id):
    return CustomEmitted(time=2, name="said", **ids(run_id))


def answered(run_id):
    usage = TokenUsage(input_tokens=3, output_tokens=2, total_tokens=5)
    return end(run_id, usage=usage, model=ModelInfo(name=f"model of {run_id}"))


EVENTS = st.builds(
    lambda make, run_id: make(run_id),
    st.sampled_from((start, token, said, end, failed, answered)),
    st.sampled_from(sorted(PARENTS)),
) | st.builds(Gap, time=st.just(1), missed=st.integers(1, 3))
BATCHES = st.lists(st.tuples(st.integers(0, 1), st.lists(EVENTS, max_size=8)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(BATCHES)
def test_what_a_writer_remembers_changes_nothing(batches):
    """Two writers that remember what they stored leave the same tables as new ones for every batch."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:

        def opened(name):
            return stack.enter_context(contextlib.closing(SqliteLog(Path(folder) / name)))

        writers = [opened("two.db"), opened("two.db")]
        fresh = []
        for number, batch in batches:
            fresh.append(opened("fresh.db"))
            assert writers[number].append(batch) == fresh[-1].append(batch)
        if fresh:
            assert writers[0].read() == fresh[0].read()
            assert writers[0].runs(ALL) == fresh[0].runs(ALL)


def test_many_rows_of_a_statement_are_what_one_by_one_would_be():
    """A batch of more rows than go into one statement leaves what its events leave one by one."""
    events = []
    for number in range(70):
        place = {"root_run_id": "r7" if number % 2 else f"r{number}", "run_id": f"r{number}"}
        events.append(RunStarted(time=number, kind=RunKind.CHAT_MODEL, name="m", **place))
        usage = TokenUsage(input_tokens=number, output_tokens=1)
        model = ModelInfo(name=f"m{number % 3}")
        parent = "r7" if number % 2 and number != 7 else None
        events.append(
            RunEnded(time=99, outcome=Outcome.OK, usage=usage, model=model, parent_run_id=parent, **place)
        )
        events[-2] = msgspec.structs.replace(events[-2], parent_run_id=parent)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        together, alone = (
            stack.enter_context(contextlib.closing(SqliteLog(Path(folder) / name, clock=lambda: 5)))
            for name in ("together.db", "alone.db")
        )
        together.append([*events, start("a"), answered("a")])
        together.append([start("b"), answered("b")])
        for event in [*events, start("a"), answered("a"), start("b"), answered("b")]:
            alone.append([event])
        assert together.read() == alone.read()
        found, expected = (
            {
                run.run_id: (run.models and set(run.models), run.total_tokens, run.events)
                for run in log.runs(ALL)
            }
            for log in (together, alone)
        )
        assert found == expected
        assert len(found) == 72


def test_a_run_goes_on_after_its_row_was_removed(tmp_path):
    """A run so long that its beginning was pruned away goes on: its later events are found by its id."""
    with contextlib.closing(SqliteLog(tmp_path / "log.db")) as log:
        log.append([start("a")])
        log.append([start("d"), *[token("d") for _ in range(20_000)]])
        assert log.prune(Retention(max_size=500_000)) >= 20_000
        assert log.find_run("a") is None
        log.append([token("a"), token("d"), end("a")])
        assert [type(event) for event in log.read_run("a")] == [RunStreamed, RunEnded]
        assert log.find_run("a").status == "ok"


def test_a_run_goes_on_after_another_process_removed_its_row(tmp_path):
    """The same where another process made the room, between two tokens and with an end alone."""
    path = tmp_path / "log.db"
    with contextlib.closing(SqliteLog(path)) as log, contextlib.closing(SqliteLog(path)) as other:
        for last in (token("a"), end("a")):
            log.append([start("a")])
            other.append([start("d"), *[token("d") for _ in range(20_000)]])
            other.prune(Retention(max_size=500_000))
            assert log.find_run("a") is None
            log.append([last])
            assert log.read_run("a")[-1:] == log.read(log.head() - 1)
            assert log.find_run("a").events == 1


def test_a_run_that_goes_on_elsewhere_is_not_lost_with_its_first_process(tmp_path):
    """A run taken over by another process lives as long as that one does."""
    clock = {"now": time.time_ns()}
    path = tmp_path / "log.db"
    first, second = (SqliteLog(path, clock=lambda: clock["now"]) for _ in range(2))
    with contextlib.closing(second):
        with contextlib.closing(first):
            first.append([start("a"), token("a")])
            second.append([token("a")])
            first.append([token("a")])
            second.append([token("a")])
        assert second.lost() == frozenset()
        clock["now"] += int(LOST_AFTER * 2e9)
        assert second.lost() == {"a"}
