"""What every durable log must do, as checks to run against one of your own.

::

    @pytest.mark.parametrize("check", LOG_CHECKS, ids=lambda check: check.__name__)
    def test_my_log(check, tmp_path):
        check(lambda: MyLog(tmp_path / "log"))

A check is given a function that opens the same, at first empty, log again and again. It raises
`AssertionError` where the log breaks the contract of `tracebus.logs.Log`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from tracebus.events import (
    CustomEmitted,
    ErrorInfo,
    Gap,
    ModelInfo,
    Outcome,
    RunEnded,
    RunKind,
    RunRetried,
    RunStarted,
    RunStreamed,
    TokenUsage,
    ToolCallFragment,
)
from tracebus.exceptions import InvalidLogError
from tracebus.logs import Log, Retention, RunQuery, find_runs_by_scan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from tracebus.events import Event

__all__ = ["LOG_CHECKS", "LogCheck", "OpenLog", "sample_run"]

OpenLog: TypeAlias = "Callable[[], Log]"
"""Opens the log under test; every call gives a new object onto the same store."""

LogCheck: TypeAlias = "Callable[[OpenLog], None]"

_START = 1_800_000_000_000_000_000
_ELSEWHERE = 4711
_PATIENCE = 20.0
"""Seconds to wait for what must come; only a broken log waits that long."""


def sample_run(
    run_id: str,
    *,
    time: int = _START,
    tokens: int = 3,
    outcome: Outcome = Outcome.OK,
    name: str = "answer",
    model: str = "sample-1",
    seconds: float = 1.0,
    **start: Any,
) -> list[Event]:
    """Return the events of a chain *run_id* with one streaming model run below it.

    Args:
        run_id: the root's id; the model run's is `{run_id}-model`.
        time: when it starts, nanoseconds since the epoch.
        tokens: chunks the model streams, and output tokens it reports, beside 10 input tokens.
        outcome: how the chain ends; the model run always ends well.
        name: the chain's name.
        model: the name of the model that answers.
        seconds: how long the chain takes.
        start: further fields of the chain's `RunStarted`.
    """
    child: dict[str, Any] = {
        "run_id": f"{run_id}-model",
        "parent_run_id": run_id,
        "root_run_id": run_id,
    }
    end = time + int(seconds * 1e9)
    error = ErrorInfo(type="ValueError", message="no") if outcome is Outcome.ERROR else None
    start = {"kind": RunKind.CHAIN, "inputs": {"question": "why?"}} | start
    return [
        RunStarted(time=time, run_id=run_id, root_run_id=run_id, name=name, **start),
        RunStarted(time=time + 1, kind=RunKind.CHAT_MODEL, name="model", **child),
        *(RunStreamed(time=time + 2 + n, text=f"word{n} ", **child) for n in range(tokens)),
        RunEnded(
            time=end - 1,
            outcome=Outcome.OK,
            usage=TokenUsage(input_tokens=10, output_tokens=tokens, total_tokens=10 + tokens),
            model=ModelInfo(name=model),
            **child,
        ),
        RunEnded(time=end, run_id=run_id, root_run_id=run_id, outcome=outcome, error=error),
    ]


def an_empty_log_is_empty(open_log: OpenLog) -> None:
    """Reading before anything was written finds nothing and raises nothing."""
    with _opened(open_log) as log:
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
    with _opened(open_log) as log:
        assert log.append(events) == len(events)
        assert log.append([]) == len(events)
        assert _anonymous(log.read()) == _anonymous(events)
        assert [event.seq for event in log.read()] == list(range(1, len(events) + 1))


def positions_belong_to_the_log(open_log: OpenLog) -> None:
    """Whatever `seq` an event had elsewhere, the log numbers it anew, and leaves the event alone."""
    event = msgspec.structs.replace(sample_run("a")[0], seq=_ELSEWHERE)
    with _opened(open_log) as log:
        assert log.append([event]) == 1
        assert log.read()[0].seq == 1
        assert event.seq == _ELSEWHERE


def a_log_is_read_page_by_page(open_log: OpenLog) -> None:
    """Pages begun where the last one ended give everything once."""
    with _opened(open_log) as log:
        for name in "abc":
            log.append(sample_run(name))
        assert [event.seq for event in log.read(after=2, limit=3)] == [3, 4, 5]
        assert [event.seq for event in _pages(log, 4)] == list(range(1, log.head() + 1))
        assert log.read(after=log.head()) == []


def a_log_outlives_its_object(open_log: OpenLog) -> None:
    """What was appended is there for the next object; close may be called twice, and be worked after."""
    events = sample_run("a")
    log = open_log()
    log.append(events)
    log.close()
    log.close()
    with _opened(open_log) as again:
        assert _anonymous(again.read()) == _anonymous(events)
    log.append(sample_run("b"))
    assert log.head() == 2 * len(events)
    log.close()


def several_writers_share_the_positions(open_log: OpenLog) -> None:
    """Writers at the same time get contiguous positions, and each run's events keep their order."""
    names = [f"w{n}" for n in range(4)]

    def write(name: str) -> None:
        with _opened(open_log) as log:
            for start in range(5):
                for event in sample_run(f"{name}-{start}"):
                    log.append([event])

    threads = [threading.Thread(target=write, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE * 3)
    with _opened(open_log) as log:
        found = list(_pages(log, 7))
        assert [event.seq for event in found] == list(range(1, len(found) + 1))
        for name, start in itertools.product(names, range(5)):
            assert _anonymous(log.read_run(f"{name}-{start}")) == _anonymous(sample_run(f"{name}-{start}"))


def a_stored_gap_takes_its_positions(open_log: OpenLog) -> None:
    """A `Gap` of n takes n positions, so that every reader's arithmetic holds; no second one is made up."""
    start, *rest = sample_run("a")
    with _opened(open_log) as log:
        log.append([start, Gap(time=_START, missed=10), *rest])
        found = log.read()
        assert [event.seq for event in found] == [1, 11, *range(12, 12 + len(rest))]
        assert found[1] == Gap(seq=11, time=_START, missed=10)
        assert [event.seq for event in log.read(after=1, limit=2)] == [11, 12]
        assert log.head() == 11 + len(rest)


def a_follower_gets_what_is_there_and_what_comes(open_log: OpenLog) -> None:
    """Following from 0 gives the stored events, then new ones of another writer, once and in order."""

    async def scenario() -> None:
        with _opened(open_log) as log, _opened(open_log) as writer:
            writer.append(sample_run("a"))
            async with contextlib.aclosing(log.follow(after=0)) as events:
                found = await _take(events, len(sample_run("a")))
                for event in sample_run("b"):
                    writer.append([event])
                found += await _take(events, len(sample_run("b")))
            assert _anonymous(found) == _anonymous([*sample_run("a"), *sample_run("b")])
            assert [event.seq for event in found] == list(range(1, len(found) + 1))

    asyncio.run(scenario())


def a_follower_from_now_gets_new_events_only(open_log: OpenLog) -> None:
    """Following without a position begins with the next event; two followers each get everything."""

    async def scenario() -> None:
        with _opened(open_log) as log, _opened(open_log) as writer:
            writer.append(sample_run("a"))
            async with (
                contextlib.aclosing(log.follow(after=log.head())) as first,
                contextlib.aclosing(log.follow()) as second,
            ):
                waiting = asyncio.create_task(_take(second, 1))
                # Written again and again, since nobody can see from outside when "now" has begun.
                for n in itertools.count():
                    await asyncio.to_thread(writer.append, sample_run(f"b{n}")[:1])
                    done, _ = await asyncio.wait({waiting}, timeout=0.01)
                    if done:
                        break
                    assert n < _PATIENCE * 100, "the follower got nothing"
                assert _names(await _take(first, 1)) == ["b0"]
                assert "a" not in _names(waiting.result())

    asyncio.run(scenario())


def a_follower_waits_for_a_log_to_come(open_log: OpenLog) -> None:
    """Following a log nobody has written to yet waits for its first event."""

    async def scenario() -> None:
        with _opened(open_log) as log, _opened(open_log) as writer:
            async with contextlib.aclosing(log.follow(after=0)) as events:
                waiting = asyncio.create_task(_take(events, 1))
                await asyncio.wait({waiting}, timeout=0.05)
                assert not waiting.done()
                await asyncio.to_thread(writer.append, sample_run("a"))
                assert _names(await waiting) == ["a"]

    asyncio.run(scenario())


def a_run_is_summed_up(open_log: OpenLog) -> None:
    """A root run's summary has its own facts, and the tokens and models of the runs below it."""
    start: dict[str, Any] = {"tags": ("prod", "v2"), "metadata": {"thread_id": "t-1"}}
    with _opened(open_log) as log:
        log.append(sample_run("a", outcome=Outcome.ERROR, seconds=2.5, **start))
        (run,) = log.runs(RunQuery())
        assert (run.run_id, run.parent_run_id, run.root_run_id) == ("a", None, "a")
        assert (run.name, run.kind, run.status) == ("answer", RunKind.CHAIN, "error")
        assert (run.started, run.duration) == (_START, 2.5)
        assert (run.tags, run.thread_id, run.models) == (("prod", "v2"), "t-1", ("sample-1",))
        assert (run.input_tokens, run.output_tokens, run.total_tokens) == (10, 3, 13)
        assert (run.error_type, run.error_message) == ("ValueError", "no")
        assert (run.events, run.descendants) == (7, 1)
        assert (run.first_seq, run.last_seq) == (1, 7)


def a_run_is_summed_up_the_same_in_pieces(open_log: OpenLog) -> None:
    """Whether a run arrives in one batch or event by event makes no difference to its summary."""
    with _opened(open_log) as log:
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
    with _opened(open_log) as log:
        log.append([*before, wrapper])
        log.append([before[-1], wrapper])
        (run,) = log.runs(RunQuery())
        assert (run.input_tokens, run.output_tokens, run.total_tokens) == (10, 3, 13)


def unknown_tokens_are_not_zero(open_log: OpenLog) -> None:
    """A run for which nobody reported tokens has `None`."""
    start, *_, end = sample_run("a")
    with _opened(open_log) as log:
        log.append([start, end])
        assert log.runs(RunQuery())[0].total_tokens is None


def an_end_without_a_start_is_a_run(open_log: OpenLog) -> None:
    """What began before the log did is listed with what is known of it."""
    with _opened(open_log) as log:
        log.append(sample_run("a")[-1:])
        (run,) = log.runs(RunQuery())
        assert (run.run_id, run.started, run.status, run.duration) == ("a", None, "ok", None)


def runs_are_found_by_what_they_are(open_log: OpenLog) -> None:
    """Each condition of a query finds the same runs as reading every event would."""
    with _opened(open_log) as log:
        for events in _varied_runs():
            log.append(events)
        for query in _queries():
            found = [run.run_id for run in log.runs(query)]
            expected = [run.run_id for run in find_runs_by_scan(log, query)]
            assert found == expected, query
            assert found, f"{query} finds nothing: the check is empty"


def a_run_is_found_by_a_part_of_its_id(open_log: OpenLog) -> None:
    """A whole id, a beginning or an end only one id has; what several share is refused by name."""
    with _opened(open_log) as log:
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


def the_oldest_events_go_first(open_log: OpenLog) -> None:
    """After pruning, the rest is contiguous; who was behind is told exactly how much is gone."""
    with _opened(open_log) as log:
        for n in range(40):
            log.append(sample_run(f"run-{n}", tokens=200))
        head = log.head()
        removed = log.prune(Retention(max_size=0))
        assert removed > 0
        left = list(_pages(log, 100))
        assert not any(isinstance(event, Gap) for event in left)
        first = left[0].seq if left else head + 1
        assert [event.seq for event in left] == list(range(first, head + 1))
        assert log.append(sample_run("later")) == head + 7
        assert log.read(after=3, limit=1)[0] == Gap(seq=first - 1, time=_any_time(log, 3), missed=first - 4)
        assert log.prune(Retention()) == 0


def a_log_is_an_exporter(open_log: OpenLog) -> None:
    """A log is an exporter: what it is handed is stored."""
    with _opened(open_log) as log:
        log.export(sample_run("a"))
        log.flush(_PATIENCE)
        assert _anonymous(log.read()) == _anonymous(sample_run("a"))


LOG_CHECKS: tuple[LogCheck, ...] = (
    an_empty_log_is_empty,
    events_come_back_as_they_were,
    positions_belong_to_the_log,
    a_log_is_read_page_by_page,
    a_log_outlives_its_object,
    several_writers_share_the_positions,
    a_stored_gap_takes_its_positions,
    a_follower_gets_what_is_there_and_what_comes,
    a_follower_from_now_gets_new_events_only,
    a_follower_waits_for_a_log_to_come,
    a_run_is_summed_up,
    a_run_is_summed_up_the_same_in_pieces,
    tokens_are_counted_once,
    unknown_tokens_are_not_zero,
    an_end_without_a_start_is_a_run,
    runs_are_found_by_what_they_are,
    a_run_is_found_by_a_part_of_its_id,
    the_oldest_events_go_first,
    a_log_is_an_exporter,
)
"""Every check of the contract."""


@contextlib.contextmanager
def _opened(open_log: OpenLog) -> Iterator[Log]:
    log = open_log()
    try:
        yield log
    finally:
        log.close()


def _pages(log: Log, limit: int) -> Iterator[Event]:
    after = 0
    while page := log.read(after, limit):
        yield from page
        after = page[-1].seq


def _any_time(log: Log, after: int) -> int:
    return log.read(after, 1)[0].time


def _anonymous(events: Sequence[Event]) -> list[Event]:
    """Return *events* without their positions."""
    return [msgspec.structs.replace(event, seq=0) for event in events]


def _names(events: Sequence[Event]) -> list[str]:
    return [event.root_run_id for event in events if not isinstance(event, Gap)]


async def _take(events: AsyncIterator[Event], count: int) -> list[Event]:
    async with asyncio.timeout(_PATIENCE):
        return [await anext(events) for _ in range(count)]


def _one_of_each() -> list[Event]:
    run: dict[str, Any] = {"run_id": "r", "root_run_id": "r", "time": _START}
    awkward = "\x00 \x1b[31m ü 漢 🧵 \u2028 \\ \" ' \n"
    return [
        RunStarted(kind=RunKind.TOOL, name=awkward, metadata={"n": 1}, inputs={"deep": [{"x": 1.5}]}, **run),
        RunStreamed(text=awkward, tool_calls=(ToolCallFragment(index=0, args='{"a"'),), **run),
        RunRetried(attempt=2, error=ErrorInfo(type="E", message=awkward), delay=0.5, **run),
        CustomEmitted(name="progress", data={"half": True, "none": None}, **run),
        RunEnded(outcome=Outcome.CANCELLED, outputs=[1, "two", None], **run),
    ]


def _varied_runs() -> Iterator[list[Event]]:
    day = 86_400_000_000_000
    yield sample_run("old", time=_START - day, name="Zürich Search", tokens=50)
    yield sample_run("failed", time=_START + 1, outcome=Outcome.ERROR, tags=("a", "prod"), model="big-2")
    yield sample_run("slow", time=_START + 2, seconds=90, metadata={"session_id": 7}, kind=RunKind.GRAPH)
    yield sample_run("100%_sure", time=_START + 3, name="100%_sure", tags=('say "hi"',))
    yield sample_run("open", time=_START + 4)[:-1]


def _queries() -> list[RunQuery]:
    return [
        RunQuery(),
        RunQuery(limit=2),
        RunQuery(limit=None, roots_only=False),
        RunQuery(since=_START),
        RunQuery(until=_START),
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
        RunQuery(max_duration=59, since=_START, status="ok", name="s"),
    ]
