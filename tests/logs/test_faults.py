"""Faults on purpose, from the chain to the log: what was accepted is there, what was lost is counted and said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading

import pytest
from langchain_core.runnables import RunnableLambda

from tracebus import EventBus, observe, open_log
from tracebus.events import Gap, RunEnded, RunStarted
from tracebus.exporting import resolve
from tracebus.logs import Retention

CHAIN = RunnableLambda(lambda x: x, name="step")


def stored(url):
    """Return how many starts and ends the log holds, and how many events its gaps miss."""
    log = open_log(url)
    events, after = [], 0
    while page := log.read(after, 5_000):
        events += page
        after = page[-1].seq
    log.close()
    missed = sum(event.missed for event in events if isinstance(event, Gap))
    return (
        sum(isinstance(e, RunStarted) for e in events),
        sum(isinstance(e, RunEnded) for e in events),
        missed,
    )


def account(bus):
    """Return the one exporter's row; what it was given is delivered, missed, or lost."""
    (row,) = bus.statistics().exporters
    assert row.delivered + row.missed + row.lost == bus.statistics().published
    return row


def child(script, *arguments, **environment):
    """Run *script* in a process of its own; return what it printed as JSON, and what it said."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


FULL = """
import json, resource, signal, sys
from langchain_core.runnables import RunnableLambda
from tracebus import EventBus, observe
from tracebus.exporting import resolve

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))  # a disk of 400 kB
bus = EventBus()
(exporter,) = resolve(sys.argv[1])
bus.attach(exporter, backoff=0.0, max_attempts=2)
chain = observe(RunnableLambda(lambda x: x), bus=bus)
for number in range(300):
    assert chain.invoke(f"{number:03}" + "x" * 2_000)[:3] == f"{number:03}"
    if number % 20 == 19:
        bus.flush(300)
bus.close(300)
(row,) = bus.statistics().exporters
print(json.dumps({"published": bus.statistics().published, "delivered": row.delivered, "lost": row.lost, "missed": row.missed}))
"""


@pytest.mark.parametrize("scheme", ["sqlite", "jsonl"])
def test_a_full_disk(scheme, tmp_path):
    """The program goes on; what the bus counts as delivered is in the log; the rest is counted and said."""
    pytest.importorskip("resource", reason="needs Unix's limit on the size of a file")
    url = f"{scheme}:{tmp_path}/log.{scheme}"
    found, said = child(FULL, url)
    assert found["published"] == 600
    assert found["delivered"] + found["lost"] + found["missed"] == 600
    assert found["lost"] > 0
    starts, ends, _ = stored(url)
    assert starts + ends == found["delivered"]
    assert f"{found['lost']} of 600 events did not arrive" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("scheme", ["sqlite", "jsonl"])
def test_a_log_deleted_while_it_is_open(scheme, tmp_path):
    """A new one takes its place; nothing that comes after is lost."""
    path = tmp_path / "log"
    bus = EventBus()
    chain = observe(CHAIN, to=f"{scheme}:{path}", bus=bus)
    for number in range(20):
        chain.invoke(number)
    assert bus.flush(300)
    for found in tmp_path.iterdir():
        found.unlink()
    for number in range(20):
        chain.invoke(number)
    assert bus.close(300)
    assert account(bus).lost == 0
    assert stored(f"{scheme}:{path}")[:2] == (20, 20)


@pytest.mark.parametrize("scheme", ["sqlite", "jsonl"])
def test_a_log_replaced_while_it_is_open(scheme, tmp_path, caplog):
    """By something that is none: left alone, and what cannot be stored is counted and said once."""
    path, aside = tmp_path / "log", tmp_path / "other"
    bus = EventBus()
    (exporter,) = resolve(f"{scheme}:{path}")
    bus.attach(exporter, backoff=0.0, max_attempts=2)
    chain = observe(CHAIN, bus=bus)
    chain.invoke(1)
    assert bus.flush(300)
    for found in tmp_path.iterdir():
        found.unlink()
    aside.mkdir()
    aside.replace(path)  # a directory of that name: nobody can open it as a file
    chain.invoke(2)
    assert not bus.flush(300)
    bus.close(300)
    row = account(bus)
    assert (row.delivered, row.lost) == (2, 2)
    assert list(path.iterdir()) == []
    assert "2 of 4 events did not arrive" in caplog.text


def test_the_clock_is_set_back(tmp_path):
    """By a day, while a run is open: nothing is taken for old or for lost, and times do not run backwards."""
    from tracebus_exporters.sqlite import SqliteLog

    day = 86_400 * 10**9
    now = [1_800_000_000 * 10**9]
    log = SqliteLog(tmp_path / "log.db", clock=lambda: now[0], retention=Retention(max_age=3_600.0))
    events, bus = [], EventBus()
    bus.attach(events.extend)
    chain = observe(CHAIN, bus=bus)
    chain.invoke(1)
    assert bus.flush(10)
    log.append(events[:1])
    now[0] -= day
    log.append(events[1:])
    assert log.lost() == frozenset()
    assert len(log.read()) == 2
    assert events[0].time <= events[1].time
    log.close()
    bus.close(10)


@pytest.mark.parametrize("keeps_data", [True, False])
def test_redis_killed_and_restarted(own_redis_server, monkeypatch, keeps_data, tmp_path):
    """With its data everything is there; without, everything from then on, and the bus is healthy again."""
    from tracebus_exporters.redis import _settings

    monkeypatch.setattr(_settings, "_TIMEOUT", 0.3)
    url = own_redis_server.url()
    bus = EventBus()
    chain = observe(CHAIN, to=url, bus=bus)
    for number in range(20):
        chain.invoke(number)
    assert bus.flush(300)
    own_redis_server.kill()
    if not keeps_data:
        own_redis_server.folder = tmp_path
    for number in range(20):
        chain.invoke(number)
    own_redis_server.start()
    for number in range(20):
        chain.invoke(number)
    assert bus.flush(300)
    assert bus.close(300)
    row = account(bus)
    assert (row.lost, row.healthy) == (0, True)
    starts, ends, _ = stored(url)
    assert starts == ends == (60 if keeps_data else 40)


@pytest.mark.parametrize("scheme", ["sqlite", "jsonl"])
def test_many_threads(scheme, tmp_path):
    """64 threads at once: every run is there, or counted as missed; none ends twice or never."""
    url, runs = f"{scheme}:{tmp_path}/log", int(os.environ.get("TRACEBUS_FAULT_RUNS", "20"))
    bus = EventBus()
    chain = observe(CHAIN, to=url, bus=bus)
    barrier = threading.Barrier(64)

    def work():
        barrier.wait()
        for number in range(runs):
            assert chain.invoke(number) == number

    threads = [threading.Thread(target=work) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bus.flush(300)
    row = account(bus)
    assert bus.statistics().open_runs == 0
    assert bus.statistics().published == 64 * runs * 2
    assert row.lost == 0
    assert bus.close(60)
    starts, ends, missed = stored(url)
    assert starts + ends == row.delivered
    assert missed == row.missed


FORKS = """
import json, os, random, sys, threading, time
from langchain_core.runnables import RunnableLambda
from tracebus import EventBus, observe

bus = EventBus()
chain = observe(RunnableLambda(lambda x: x) | RunnableLambda(lambda x: x), to=sys.argv[1], bus=bus)
stop = threading.Event()
done = [0] * 4

def work(place):
    while not stop.is_set():
        chain.invoke(place)
        done[place] += 1
        time.sleep(0.001)

threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
for thread in threads:
    thread.start()
failed = 0
for number in range(6):
    time.sleep(random.random() / 50)
    child = os.fork()
    if child == 0:
        for _ in range(5):
            chain.invoke("child")
        os._exit(0 if bus.flush(300) else 1)
    failed += os.waitpid(child, 0)[1] != 0
stop.set()
for thread in threads:
    thread.join()
assert bus.close(300)
print(json.dumps({"parent": sum(done), "failed": failed}))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forks_at_any_moment(tmp_path):
    """Children forked in the middle of everything record their own runs; the parent's are all there."""
    url = f"sqlite:{tmp_path}/log.db"
    found, said = child(FORKS, url, PYTHONWARNINGS="ignore")
    assert found["failed"] == 0, said
    starts, ends, missed = stored(url)
    assert starts == ends == 3 * (found["parent"] + 6 * 5)
    assert missed == 0
