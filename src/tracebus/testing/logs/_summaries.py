"""Checks of a log's run summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tracebus.events import (
    Outcome,
    RunEnded,
    RunKind,
    TokenUsage,
)
from tracebus.exceptions import InvalidLogError
from tracebus.logs import RunQuery, find_runs_by_scan
from tracebus.testing.logs._samples import (
    START,
    LogCheck,
    OpenLog,
    opened,
    sample_run,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus.events import Event

__all__ = ["SUMMARIES"]


def a_run_is_summed_up(open_log: OpenLog) -> None:
    """A root run's summary has its own facts, and the tokens and models of the runs below it."""
    start: dict[str, Any] = {"tags": ("prod", "v2"), "metadata": {"thread_id": "t-1"}}
    with opened(open_log) as log:
        log.append(sample_run("a", outcome=Outcome.ERROR, seconds=2.5, **start))
        (run,) = log.runs(RunQuery())
        assert (run.run_id, run.parent_run_id, run.root_run_id) == ("a", None, "a")
        assert (run.name, run.kind, run.status) == ("answer", RunKind.CHAIN, "error")
        assert (run.started, run.duration) == (START, 2.5)
        assert (run.tags, run.thread_id, run.models) == (("prod", "v2"), "t-1", ("sample-1",))
        assert (run.input_tokens, run.output_tokens, run.total_tokens) == (10, 3, 13)
        assert (run.error_type, run.error_message) == ("ValueError", "no")
        assert (run.events, run.descendants) == (7, 1)
        assert (run.first_seq, run.last_seq) == (1, 7)


def a_run_is_summed_up_the_same_in_pieces(open_log: OpenLog) -> None:
    """Whether a run arrives in one batch or event by event makes no difference to its summary."""
    with opened(open_log) as log:
        log.append(sample_run("a"))
        for event in sample_run("b"):
            log.append([event])
        one, other = (log.find_run(name) for name in "ab")
        assert one is not None
        assert other is not None
        at = {"first_seq": 0, "last_seq": 0, "run_id": "", "root_run_id": ""}
        assert msgspec.structs.replace(one, **at) == msgspec.structs.replace(other, **at)


def tokens_are_counted_once(open_log: OpenLog) -> None:
    """An end that arrives twice, and a run that repeats what the models below it used, add nothing."""
    *before, end = sample_run("a")
    assert isinstance(end, RunEnded)
    wrapper = msgspec.structs.replace(
        end, usage=TokenUsage(input_tokens=10, output_tokens=3, total_tokens=13)
    )
    with opened(open_log) as log:
        log.append([*before, wrapper])
        log.append([before[-1], wrapper])
        (run,) = log.runs(RunQuery())
        assert (run.input_tokens, run.output_tokens, run.total_tokens) == (10, 3, 13)


def unknown_tokens_are_not_zero(open_log: OpenLog) -> None:
    """A run for which nobody reported tokens has `None`."""
    start, *_, end = sample_run("a")
    with opened(open_log) as log:
        log.append([start, end])
        assert log.runs(RunQuery())[0].total_tokens is None


def an_end_without_a_start_is_a_run(open_log: OpenLog) -> None:
    """What began before the log did is listed with what is known of it."""
    with opened(open_log) as log:
        log.append(sample_run("a")[-1:])
        (run,) = log.runs(RunQuery())
        assert (run.run_id, run.started, run.status, run.duration) == ("a", None, "ok", None)


def runs_are_found_by_what_they_are(open_log: OpenLog) -> None:
    """Each condition of a query finds the same runs as reading every event would."""
    with opened(open_log) as log:
        for events in _varied_runs():
            log.append(events)
        for query in _queries():
            found = [run.run_id for run in log.runs(query)]
            expected = [run.run_id for run in find_runs_by_scan(log, query)]
            assert found == expected, query
            assert found, f"{query} finds nothing: the check is empty"


def a_run_is_found_by_a_part_of_its_id(open_log: OpenLog) -> None:
    """A whole id, a beginning or an end only one id has; what several share is refused by name."""
    with opened(open_log) as log:
        for name in ("abc-1", "abc-2", "xyz"):
            log.append(sample_run(name)[:1])
        found = log.find_run("xy")
        assert found is not None
        assert found.run_id == "xyz"
        assert (by_end := log.find_run("c-2")) is not None
        assert by_end.run_id == "abc-2"
        assert log.find_run("nobody") is None
        try:
            log.find_run("abc")
        except InvalidLogError as error:
            assert "abc-1" in str(error)  # noqa: PT017 -- no pytest in what users import
        else:
            raise AssertionError("an ambiguous beginning was accepted")
        log.append(sample_run("abc")[:1])
        assert (exact := log.find_run("abc")) is not None
        assert exact.run_id == "abc"


SUMMARIES: tuple[LogCheck, ...] = (
    a_run_is_summed_up,
    a_run_is_summed_up_the_same_in_pieces,
    tokens_are_counted_once,
    unknown_tokens_are_not_zero,
    an_end_without_a_start_is_a_run,
    runs_are_found_by_what_they_are,
    a_run_is_found_by_a_part_of_its_id,
)


def _varied_runs() -> Iterator[list[Event]]:
    day = 86_400_000_000_000
    yield sample_run("old", time=START - day, name="Zürich Search", tokens=50)
    yield sample_run("failed", time=START + 1, outcome=Outcome.ERROR, tags=("a", "prod"), model="big-2")
    yield sample_run("slow", time=START + 2, seconds=90, metadata={"session_id": 7}, kind=RunKind.GRAPH)
    yield sample_run("100%_sure", time=START + 3, name="100%_sure", tags=('say "hi"',))
    yield sample_run("open", time=START + 4)[:-1]


def _queries() -> list[RunQuery]:
    return [
        RunQuery(),
        RunQuery(limit=2),
        RunQuery(limit=None, roots_only=False),
        RunQuery(since=START),
        RunQuery(until=START),
        RunQuery(name="SEARCH"),
        RunQuery(name="%_"),
        RunQuery(status="error"),
        RunQuery(status="ok"),
        RunQuery(status="running"),
        RunQuery(kind=RunKind.GRAPH),
        RunQuery(kind=RunKind.CHAT_MODEL, roots_only=False),
        RunQuery(tag="prod"),
        RunQuery(tag='say "hi"'),
        RunQuery(model="BIG"),
        RunQuery(model="sample", roots_only=False),
        RunQuery(thread_id="7"),
        RunQuery(min_tokens=60),
        RunQuery(max_tokens=59),
        RunQuery(min_duration=60),
        RunQuery(max_duration=59, since=START, status="ok", name="s"),
    ]
