"""The Redis log under what happens to servers, networks and processes. A real server throughout."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import signal
import subprocess
import time

import pytest
from processes import all_events, output_of, python, until

from tracebus.events import Gap
from tracebus.logs import RunQuery
from tracebus.testing.logs import sample_run

redis = pytest.importorskip("redis", reason="needs redis-py (pip install 'tracebus[redis]')")

from tracebus_exporters.redis import _settings, from_url  # noqa: E402 -- after the skip above
from tracebus_exporters.redis._script import QUIET  # noqa: E402


@pytest.fixture
def log(redis_server):
    with contextlib.closing(from_url(redis_server.url())) as log:
        yield log


PRODUCER = """
    import sys
    from tracebus_exporters.redis import from_url
    from tracebus.testing.logs import sample_run
    log = from_url(sys.argv[1])
    for n in range(int(sys.argv[3])):
        log.export(sample_run(f"{sys.argv[2]}-{n}"))
        print(n, flush=True)
    log.flush(40)
    log.close()
"""

VIEWER = """
    import asyncio, sys
    from tracebus_exporters.redis import from_url
    from tracebus.events import Gap
    async def main():
        seen, missed, last = 0, 0, 0
        print("following", flush=True)
        async for event in from_url(sys.argv[1]).follow(after=0):
            assert event.seq - (event.missed if isinstance(event, Gap) else 1) == last, (event.seq, last)
            last = event.seq
            seen += not isinstance(event, Gap)
            missed += event.missed if isinstance(event, Gap) else 0
            if seen + missed >= int(sys.argv[2]):
                break
        print(seen, missed, flush=True)
    asyncio.run(main())
"""


def test_a_server_killed_in_mid_flight_costs_nothing(own_redis_server):
    """Three producers, two viewers, the server killed -9 twice: every event arrives once, in order."""
    url, runs = own_redis_server.url(), 300
    total = 3 * runs * 7
    viewers = [python(VIEWER, url, total) for _ in range(2)]
    for viewer in viewers:
        assert viewer.stdout.readline() == "following\n"
    producers = [python(PRODUCER, url, name, runs) for name in "abc"]
    for moment in (40, 150):
        while int(producers[0].stdout.readline()) < moment:
            pass
        own_redis_server.kill()
        own_redis_server.start()
    for producer in producers:
        output_of(producer)
    for viewer in viewers:
        assert output_of(viewer) == f"{total} 0\n"
    with contextlib.closing(from_url(url)) as log:
        assert [event.seq for event in all_events(log)] == list(range(1, total + 1))
        assert len(log.runs(RunQuery(status="ok", limit=None))) == 3 * runs


def test_a_batch_in_doubt_is_stored_once(log, monkeypatch):
    """The connection breaks after the server stored a batch and before it said so: sent again, stored once."""
    log.append(sample_run("a"))
    real = log._writer._append
    broken = iter([True, False, True])

    def flaky(**call):
        result = real(**call)
        if next(broken, False):
            raise redis.ConnectionError("the answer was lost")
        return result

    log._writer._append = flaky
    assert log.append(sample_run("b")) == 14
    log.export(sample_run("c"))
    assert log.waiting == 7
    log.flush(5)
    assert log.waiting == 0
    assert [event.root_run_id for event in all_events(log)] == ["a"] * 7 + ["b"] * 7 + ["c"] * 7


def test_an_absent_server_holds_nobody_up_and_costs_nothing(own_redis_server, short_timeouts, caplog):
    """Events handed over while the server is away are held back, said once, and stored on its return."""
    log = from_url(own_redis_server.url())
    log.export(sample_run("before"))
    own_redis_server.kill()
    for n in range(50):
        log.export(sample_run(f"away-{n}"))
    assert log.waiting == 350
    with pytest.raises(ConnectionError, match="cannot be reached"):
        log.flush(0.1)
    own_redis_server.start()
    log.flush(20)
    assert log.waiting == 0
    assert len(all_events(log)) == 357
    assert sum("is away" in record.message for record in caplog.records) == 1
    log.close()


def test_the_backlog_is_sent_without_another_event(own_redis_server, short_timeouts):
    """A program that has nothing more to say still gets rid of what was held back."""
    log = from_url(own_redis_server.url())
    log.export(sample_run("before"))
    own_redis_server.kill()
    log.export(sample_run("away"))
    own_redis_server.start()
    until(lambda: log.waiting == 0, "the backlog was not sent")
    assert len(all_events(log)) == 14
    log.close()


def test_a_backlog_too_long_is_a_gap(own_redis_server, short_timeouts):
    """What the limit costs is counted in the log, between what came before and what came after."""
    log = from_url(own_redis_server.url("&backlog=20kB"))
    log.export(sample_run("before"))
    own_redis_server.kill()
    for n in range(200):
        log.export(sample_run(f"away-{n}"))
    held = log.waiting
    assert 0 < held < 1400
    own_redis_server.start()
    log.flush(20)
    log.append(sample_run("after"))
    events = all_events(log)
    (gap,) = (event for event in events if isinstance(event, Gap))
    assert gap.missed == 1400 - held
    assert events[-1].seq == 7 + 1400 + 7
    log.close()


def test_a_stalled_server_is_waited_for(own_redis_server, short_timeouts):
    """The server stops answering (SIGSTOP) and goes on: nothing is lost, nothing is there twice."""
    log = from_url(own_redis_server.url())
    log.export(sample_run("before"))
    own_redis_server.signal(signal.SIGSTOP)
    for n in range(20):
        log.export(sample_run(f"stalled-{n}"))
    own_redis_server.signal(signal.SIGCONT)
    log.flush(20)
    events = all_events(log)
    assert [event.seq for event in events] == list(range(1, 21 * 7 + 1))
    assert len({event.root_run_id for event in events}) == 21
    log.close()


def test_trimmed_streams_are_counted(redis_server):
    """A run longer than its stream may be: who reads behind the trimming is told how much is gone."""
    log = from_url(redis_server.url("&run_entries=100"))
    start, *_, end = sample_run("long")
    log.append([start])
    for _ in range(1000):
        log.append(sample_run("long")[2:3])
    log.append([end])
    seen = missed = 0
    after = 1
    while page := log.read(after):
        for event in page:
            missed += event.missed if isinstance(event, Gap) else 0
            seen += not isinstance(event, Gap)
        after = page[-1].seq
    assert seen + missed == 1001
    assert 100 <= seen < 400
    log.close()


def test_an_expired_run_is_a_gap_for_who_was_behind_and_nothing_for_who_comes_later(log):
    """The server forgets a run: a reader under way gets its count, one who begins anew does not."""
    log.append(sample_run("gone"))
    log.append(sample_run("stays"))
    log._reader.client.delete(log._keys.run("gone"), log._keys.about("gone"))
    found = log.read(after=2)
    assert found[0] == Gap(seq=7, time=found[0].time, missed=5)
    assert [event.root_run_id for event in found[1:]] == ["stays"] * 7
    log.close()
    assert [event.root_run_id for event in all_events(log)] == ["stays"] * 7


def test_everything_expires(log):
    """Every stream and count of a run has an end of its own, so that a forgotten log goes away."""
    log.append(sample_run("a"))
    client = log._reader.client or _settings.connect(log._settings)
    for key in (log._keys.run("a"), log._keys.about("a"), log._keys.producer(log._writer.producer)):
        assert 3_500_000 < client.pttl(key) <= 3_600_000


def test_a_slow_viewer_gets_everything(log):
    """A follower who sleeps while more arrives than is kept for it reads the rest from the log."""

    async def scenario():
        async with contextlib.aclosing(log.follow(after=0)) as events, asyncio.timeout(50):
            log.append(sample_run("first"))
            assert (await anext(events)).seq == 1
            for n in range(400):
                await asyncio.to_thread(log.append, sample_run(f"r{n}"))
            return [(await anext(events)).seq for _ in range(401 * 7 - 1)]

    assert asyncio.run(scenario()) == list(range(2, 401 * 7 + 1))


def test_many_followers_share_one_connection(log):
    """Twenty followers in one process wait on the server with one blocked connection."""

    async def scenario():
        async with contextlib.AsyncExitStack() as stack, asyncio.timeout(50):
            followers = [
                await stack.enter_async_context(contextlib.aclosing(log.follow(after=0))) for _ in range(20)
            ]
            waiting = [asyncio.create_task(anext(events)) for events in followers]
            client = log._reader.client
            before = await asyncio.to_thread(lambda: client.info("clients")["blocked_clients"])
            while before == 0:
                before = await asyncio.to_thread(lambda: client.info("clients")["blocked_clients"])
            await asyncio.to_thread(log.append, sample_run("a"))
            assert [event.seq for event in await asyncio.gather(*waiting)] == [1] * 20
            return before

    assert asyncio.run(scenario()) == 1


def test_a_follower_survives_the_server(own_redis_server, short_timeouts):
    """A viewer whose server goes away and comes back goes on where it was."""
    log = from_url(own_redis_server.url())

    async def scenario():
        async with contextlib.aclosing(log.follow(after=0)) as events, asyncio.timeout(50):
            await asyncio.to_thread(log.append, sample_run("a"))
            assert [(await anext(events)).seq for _ in range(7)] == list(range(1, 8))
            own_redis_server.kill()
            own_redis_server.start()
            await asyncio.to_thread(log.append, sample_run("b"))
            assert [(await anext(events)).seq for _ in range(7)] == list(range(8, 15))

    asyncio.run(scenario())
    log.close()


def test_a_follower_goes_on_after_the_server_was_emptied(log):
    """FLUSHDB: positions begin anew, and so does the follower."""

    async def scenario():
        async with contextlib.aclosing(log.follow(after=0)) as events, asyncio.timeout(50):
            for _ in range(3):
                await asyncio.to_thread(log.append, sample_run("a"))
            assert [(await anext(events)).seq for _ in range(21)] == list(range(1, 22))
            client = log._reader.client
            pattern = log._keys.seq.removesuffix("seq") + "*"
            keys = await asyncio.to_thread(lambda: list(client.scan_iter(pattern)))
            await asyncio.to_thread(client.delete, *keys)
            await asyncio.to_thread(log.append, sample_run("b"))
            assert [(await anext(events)).root_run_id for _ in range(7)] == ["b"] * 7

    asyncio.run(scenario())


def test_a_run_that_was_quiet_is_seen_again(log, redis_server):
    """A stream nobody watches any more announces itself with its next events, even mere tokens."""
    reader = from_url(log._settings.server + f"?name={log._settings.name}")
    log.append(sample_run("a")[:3])
    assert len(reader.read()) == 3
    client = log._reader.client
    client.hset(log._keys.about("a"), "t", int(time.time()) - 10 * QUIET)
    reader._reader._next_unwatch = 0.0
    assert reader.read(after=3) == []
    assert reader._reader._watched == set()
    log.append(sample_run("a")[3:4])
    assert [event.seq for event in reader.read(after=3)] == [4]
    reader.close()


def test_what_comes_after_a_root_has_ended_is_seen(log, redis_server):
    """A run is not watched any more once its root has ended; a late child announces itself."""
    reader = from_url(log._settings.server + f"?name={log._settings.name}")
    *before, child_end, end = sample_run("a")
    log.append([*before, end])
    assert len(reader.read()) == 6
    assert reader._reader._watched == set()
    log.append([before[2]])
    log.append([child_end])
    assert [event.seq for event in reader.read(after=6)] == [7, 8]
    reader.close()


def test_a_reader_may_skip_forward(log):
    """Going to a later position keeps what was watched and finds what began in between."""
    reader = from_url(log._settings.server + f"?name={log._settings.name}")
    log.append(sample_run("a")[:2])
    assert len(reader.read()) == 2
    log.append(sample_run("b")[:2])
    log.append(sample_run("c")[:2])
    log.append([event for name in "abc" for event in sample_run(name)[2:4]])
    assert [event.seq for event in reader.read(after=5)] == list(range(6, 13))
    reader.close()


def test_readers_agree_wherever_they_begin(log):
    """From any position and in any page size, a reader gets exactly the events above it."""
    random_ = random.Random(6)
    queues = [iter(sample_run(f"r{n}", tokens=30)) for n in range(12)]
    while queues:
        events = [
            event for queue in random_.sample(queues, min(4, len(queues))) if (event := next(queue, None))
        ]
        queues = [queue for queue in queues if queue.__length_hint__() > 0]
        log.append(events)
    head = log.head()
    for after, limit in itertools.product(range(0, head, 37), (1, 13, 1000)):
        page = log.read(after, limit)
        assert [event.seq for event in page] == list(range(after + 1, min(after + limit, head) + 1))


def test_a_killed_producer_is_noticed(redis_server):
    """Killed -9: its open run is running while its last sign of life is fresh, lost after that."""
    url = redis_server.url()
    code = """
        import sys
        from tracebus_exporters.redis import from_url
        from tracebus.testing.logs import sample_run
        log = from_url(sys.argv[1])
        log.append(sample_run("open")[:-1])
        print("written", flush=True)
        sys.stdin.read()
    """
    producer = python(code, url, stdin=subprocess.PIPE)
    assert producer.stdout.readline() == "written\n"
    producer.kill()
    producer.communicate()
    with contextlib.closing(from_url(url)) as log:
        assert log.find_run("open").status == "running"
        client = _settings.connect(log._settings)
        (alive,) = client.scan_iter(log._keys.alive("*").replace("{", "\\{"))
        assert 0 < client.pttl(alive) <= 15_000
        client.pexpire(alive, 1)
        until(lambda: not client.exists(alive), "the sign of life did not expire")
        assert log.lost() == {"open"}
        assert [run.run_id for run in log.runs(RunQuery(status="lost"))] == ["open"]
        client.close()


def test_runs_left_open_at_close_are_lost_at_once(redis_server):
    """A producer that ends in order says so."""
    url = redis_server.url()
    with contextlib.closing(from_url(url)) as log:
        log.append(sample_run("open")[:1])
        assert log.lost() == frozenset()
    with contextlib.closing(from_url(url)) as log:
        assert log.lost() == {"open"}


def test_a_forked_child_writes_for_itself(redis_server):
    """After a fork both processes go on, as producers of their own."""
    code = """
        import os, sys
        from tracebus_exporters.redis import from_url
        from tracebus.testing.logs import sample_run
        log = from_url(sys.argv[1])
        log.append(sample_run("before"))
        child = os.fork()
        for n in range(20):
            log.export(sample_run(f"{'parent' if child else 'child'}-{n}"))
        log.flush(10)
        if not child:
            log.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(log.head(), len(log.read(limit=10_000)))
        log.close()
    """
    assert output_of(python(code, redis_server.url())) == f"{41 * 7} {41 * 7}\n"


def test_many_runs_at_once_are_read_in_few_questions(own_redis_server):
    """A thousand runs that speak in turn: the server is asked a few times a thousand events, not a hundred."""
    runs = [sample_run(f"r{number}", tokens=5) for number in range(1000)]
    given = [event for turn in zip(*runs, strict=True) for event in turn]
    with contextlib.closing(from_url(own_redis_server.url())) as log:
        for first in range(0, len(given), 1000):
            log.append(given[first : first + 1000])
        found, position = [], 0
        while page := log.read(position):
            position = page[-1].seq
            found += page
        asked = log._reader.client.info("commandstats")["cmdstat_xread"]["calls"]
    assert len(found) == len(given)
    assert [event.seq for event in found] == list(range(1, len(given) + 1))
    assert asked < len(given) / 100


def test_what_is_written_between_two_questions_is_not_missed(log, monkeypatch):
    """Read runs say more, and a new one begins, while the index is read on: the next page has both."""
    runs = [sample_run(f"r{number}") for number in range(200)]
    first, more = [run[0] for run in runs], [sample_run(f"more{number}")[0] for number in range(50)]
    late = [*[run[1] for run in runs], sample_run("late")[0]]
    log.append(first)
    found = log.read(0)
    log.append(more)
    client = log._reader.client
    ask, pending = client.xrange, [late]

    def asks_late(*args, **options):
        if pending:
            log.append(pending.pop())
        return ask(*args, **options)

    monkeypatch.setattr(client, "xrange", asks_late)
    while page := log.read(found[-1].seq):
        found += page
    assert not pending
    assert not [event for event in found if isinstance(event, Gap)]
    assert [event.run_id for event in found] == [event.run_id for event in [*first, *more, *late]]
