"""A day of a busy service in minutes: producers, viewers and a log that must stay small, with accidents.

Usage: python benchmarks/logs/log_soak.py sqlite|redis [--events 4320000] [--rate 20000]

4,320,000 events are 24 hours at 50 events a second. Three producer processes write them at a steady
rate; one more producer is killed -9 and begun again all the time; the Redis server is killed -9 and
begun again every 10 to 20 seconds; two viewers follow from the beginning. Every event of
the producers that live must be seen or be counted as missed by both viewers; memory must stay flat.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import random
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from durable_logs import batches, line

from tracebus.events import Gap
from tracebus.logs import open_log

MEGABYTE = 1_000_000
spawn = multiprocessing.get_context("spawn")


def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def produce(url, number, count, rate, results):
    """Append *count* events; report this process's memory at the end."""
    log = open_log(url)
    begin, sent = time.monotonic(), 0
    for batch in batches(count, start=number * 100_000_000):
        log.export(batch)
        sent += len(batch)
        time.sleep(max(0.0, begin + sent / rate - time.monotonic()))
        while getattr(log, "waiting", 0) > 50_000:
            time.sleep(0.01)  # the server is away: do as a program does, which waits for its models
    log.flush(60)
    log.close()
    results.put(("producer", number, resident()))


def produce_and_die(url, number):
    """Append until somebody kills us."""
    log = open_log(url)
    for batch in batches(10**8, start=number * 100_000_000):
        log.export(batch)
        time.sleep(0.02)


def view(url, number, results):
    """Follow until nothing has come for a while; every position must be seen or counted as missed."""

    async def main():
        seen = missed = position = 0
        first = None
        last = time.monotonic()
        log = open_log(url)
        async with contextlib.aclosing(log.follow(after=0)) as events:
            while True:
                try:
                    event = await asyncio.wait_for(anext(events), 15)
                except TimeoutError:
                    break
                span = event.missed if isinstance(event, Gap) else 1
                assert event.seq - span == position or position == 0, (event.seq, span, position)
                position = event.seq
                seen += not isinstance(event, Gap)
                missed += event.missed if isinstance(event, Gap) else 0
                if seen == 100_000:
                    first = resident()
                if time.monotonic() - last > 15:
                    last = time.monotonic()
                    line(f"viewer {number}", f"{seen:,} seen", f"{missed:,} missed", f"{resident():.0f} MB")
        results.put(("viewer", number, seen, missed, position, first, resident()))

    asyncio.run(main())


class Redis:
    """A server of our own that dies now and then."""

    def __init__(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.folder = folder
        self.deaths = -1
        self.start()

    def start(self):
        """Start; nobody waits for it, as nobody would."""
        self.deaths += 1
        self.process = subprocess.Popen(
            [
                *("redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder),
                *("--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
                *("--auto-aof-rewrite-min-size", "256mb"),
            ],
            stdout=subprocess.DEVNULL,
        )

    def die(self):
        """Be killed, and begin again with the same files."""
        self.process.kill()
        self.process.wait()
        self.start()

    @property
    def url(self):
        """The log, which forgets runs soon."""
        return f"redis://127.0.0.1:{self.port}/0?keep=60s&runs=20000"


def main(what, count, rate):
    with tempfile.TemporaryDirectory() as folder:
        server = Redis(folder) if what == "redis" else None
        url = server.url if server else f"sqlite:{folder}/log.db?max_size=100MB"
        results = spawn.Queue()
        viewers = [spawn.Process(target=view, args=(url, n, results)) for n in range(2)]
        producers = [
            spawn.Process(target=produce, args=(url, n, count // 3, rate / 3, results)) for n in range(3)
        ]
        for process in viewers + producers:
            process.start()
        begin, killed = time.monotonic(), 0
        victim = None
        next_death = begin + 10
        while any(process.is_alive() for process in producers):
            if victim is not None:
                victim.kill()
                victim.join()
                killed += 1
            victim = spawn.Process(target=produce_and_die, args=(url, 10 + killed))
            victim.start()
            for process in producers:
                process.join(random.uniform(0.5, 2))
            if server is not None and time.monotonic() > next_death:
                server.die()
                next_death = time.monotonic() + random.uniform(10, 20)
        victim.kill()
        victim.join()
        wall = time.monotonic() - begin
        found = [results.get(timeout=300) for _ in viewers + producers]
        for process in viewers + producers:
            process.join()
        report(what, url, found, wall, killed, server, folder)


def report(what, url, found, wall, killed, server, folder):  # noqa: PLR0917 -- it reports on all of them
    log = open_log(url.partition("?")[0])
    head = log.head()
    line(f"{what}: {head:,} positions", f"{head / wall:,.0f} ev/s", f"{wall:.0f} s")
    line("producers killed -9, servers killed -9", killed, server.deaths if server else 0)
    for kind, number, *values in sorted(found):
        if kind == "producer":
            line(f"producer {number}: memory at the end", f"{values[0]:.0f} MB")
        else:
            seen, missed, position, first, last = values
            line(f"viewer {number}: seen + missed", f"{seen:,} + {missed:,}", f"at position {position:,}")
            line(
                f"viewer {number}: memory at 100,000 and at the end", f"{first or 0:.0f} MB", f"{last:.0f} MB"
            )
            assert position == head, "the viewer did not come to the end"
    line(
        "files at the end",
        f"{sum(f.stat().st_size for f in Path(folder).rglob('*') if f.is_file()) / MEGABYTE:.0f} MB",
    )
    log.close()
    if server is not None:
        server.process.kill()
        server.process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("sqlite", "redis"))
    parser.add_argument("--events", type=int, default=4_320_000)
    parser.add_argument("--rate", type=int, default=20_000, help="events a second of all producers")
    given = parser.parse_args()
    main(given.what, given.events, given.rate)
