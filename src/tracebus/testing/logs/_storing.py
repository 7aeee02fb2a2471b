"""Checks that a log stores events unchanged, each at its position."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

import msgspec

from tracebus.events import (
    CustomEmitted,
    ErrorInfo,
    Gap,
    Outcome,
    RunEnded,
    RunKind,
    RunRetried,
    RunStarted,
    RunStreamed,
    ToolCallFragment,
)
from tracebus.logs import Log, Retention, RunQuery
from tracebus.testing.logs._samples import (
    PATIENCE,
    START,
    LogCheck,
    OpenLog,
    anonymous,
    opened,
    pages,
    sample_run,
)

if TYPE_CHECKING:
    from tracebus.events import Event

__all__ = ["STORING"]

_ELSEWHERE = 4711


def an_empty_log_is_empty(open_log: OpenLog) -> None:
    """Reading before anything was written finds nothing and raises nothing."""
    with opened(open_log) as log:
        assert log.read() == []
        assert log.head() == 0
        assert log.runs(RunQuery()) == []
        assert log.find_run("a") is None
        assert log.read_run("a") == []
        assert log.lost() == frozenset()
        assert log.prune(Retention(max_size=0)) == 0


def events_come_back_as_they_were(open_log: OpenLog) -> None:
    """Every type of event, and every text, comes back as it was written, at contiguous positions."""
    events = _one_of_each()
    with opened(open_log) as log:
        assert log.append(events) == len(events)
        assert log.append([]) == len(events)
        assert anonymous(log.read()) == anonymous(events)
        assert [event.seq for event in log.read()] == list(range(1, len(events) + 1))


def positions_belong_to_the_log(open_log: OpenLog) -> None:
    """Whatever `seq` an event had elsewhere, the log numbers it anew, and leaves the event alone."""
    event = msgspec.structs.replace(sample_run("a")[0], seq=_ELSEWHERE)
    with opened(open_log) as log:
        assert log.append([event]) == 1
        assert log.read()[0].seq == 1
        assert event.seq == _ELSEWHERE


def a_log_is_read_page_by_page(open_log: OpenLog) -> None:
    """Pages begun where the last one ended give everything once."""
    with opened(open_log) as log:
        for name in "abc":
            log.append(sample_run(name))
        assert [event.seq for event in log.read(after=2, limit=3)] == [3, 4, 5]
        assert [event.seq for event in pages(log, 4)] == list(range(1, log.head() + 1))
        assert log.read(after=log.head()) == []


def a_log_outlives_its_object(open_log: OpenLog) -> None:
    """What was appended is there for the next object; close may be called twice, and be worked after."""
    events = sample_run("a")
    log = open_log()
    log.append(events)
    log.close()
    log.close()
    with opened(open_log) as again:
        assert anonymous(again.read()) == anonymous(events)
    log.append(sample_run("b"))
    assert log.head() == 2 * len(events)
    log.close()


def several_writers_share_the_positions(open_log: OpenLog) -> None:
    """Writers at the same time get contiguous positions, and each run's events keep their order."""
    names = [f"w{n}" for n in range(4)]

    def write(name: str) -> None:
        with opened(open_log) as log:
            for start in range(5):
                for event in sample_run(f"{name}-{start}"):
                    log.append([event])

    threads = [threading.Thread(target=write, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE * 3)
    with opened(open_log) as log:
        found = list(pages(log, 7))
        assert [event.seq for event in found] == list(range(1, len(found) + 1))
        for name, start in itertools.product(names, range(5)):
            assert anonymous(log.read_run(f"{name}-{start}")) == anonymous(sample_run(f"{name}-{start}"))


def a_stored_gap_takes_its_positions(open_log: OpenLog) -> None:
    """A `Gap` of n takes n positions, so that every reader's arithmetic holds; no second one is made up."""
    start, *rest = sample_run("a")
    with opened(open_log) as log:
        log.append([start, Gap(time=START, missed=10), *rest])
        found = log.read()
        assert [event.seq for event in found] == [1, 11, *range(12, 12 + len(rest))]
        assert found[1] == Gap(seq=11, time=START, missed=10)
        assert [event.seq for event in log.read(after=1, limit=2)] == [11, 12]
        assert log.head() == 11 + len(rest)


def the_oldest_events_go_first(open_log: OpenLog) -> None:
    """After pruning, the rest is contiguous; who was behind is told exactly how much is gone."""
    with opened(open_log) as log:
        for n in range(40):
            log.append(sample_run(f"run-{n}", tokens=200))
        head = log.head()
        removed = log.prune(Retention(max_size=0))
        assert removed > 0
        left = list(pages(log, 100))
        assert not any(isinstance(event, Gap) for event in left)
        first = left[0].seq if left else head + 1
        assert [event.seq for event in left] == list(range(first, head + 1))
        assert log.append(sample_run("later")) == head + 7
        assert log.read(after=3, limit=1)[0] == Gap(seq=first - 1, time=_any_time(log, 3), missed=first - 4)
        assert log.prune(Retention()) == 0


def a_log_is_an_exporter(open_log: OpenLog) -> None:
    """A log is an exporter: what it is handed is stored."""
    with opened(open_log) as log:
        log.export(sample_run("a"))
        log.flush(PATIENCE)
        assert anonymous(log.read()) == anonymous(sample_run("a"))


STORING: tuple[LogCheck, ...] = (
    an_empty_log_is_empty,
    events_come_back_as_they_were,
    positions_belong_to_the_log,
    a_log_is_read_page_by_page,
    a_log_outlives_its_object,
    several_writers_share_the_positions,
    a_stored_gap_takes_its_positions,
    the_oldest_events_go_first,
    a_log_is_an_exporter,
)


def _any_time(log: Log, after: int) -> int:
    return log.read(after, 1)[0].time


def _one_of_each() -> list[Event]:
    run: dict[str, Any] = {"run_id": "r", "root_run_id": "r", "time": START}
    awkward = "\x00 \x1b[31m ü 漢 🧵 \u2028 \\ \" ' \n"
    return [
        RunStarted(kind=RunKind.TOOL, name=awkward, metadata={"n": 1}, inputs={"deep": [{"x": 1.5}]}, **run),
        RunStreamed(text=awkward, tool_calls=(ToolCallFragment(index=0, args='{"a"'),), **run),
        RunRetried(attempt=2, error=ErrorInfo(type="E", message=awkward), delay=0.5, **run),
        CustomEmitted(name="progress", data={"half": True, "none": None}, **run),
        RunEnded(outcome=Outcome.CANCELLED, outputs=[1, "two", None], **run),
    ]
