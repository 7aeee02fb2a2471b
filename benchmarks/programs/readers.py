"""What each reader of a long agent's run holds, and how soon it shows what a late model call was given.

    python benchmarks/programs/readers.py [--steps 400] [--only tree page]

One `create_agent` run of N tool rounds, 2 kB a result, a scripted model. Each reader twice, in a process of
its own: live, on the bus of the process in which the agent runs, and from an SQLite log that another process
has written. Before anything is measured it reads a run of two rounds, so that what is imported late is there:
that is idle.

held: MB resident when all has been read, and what was shown is on its way, above idle; most: the peak. Live,
the agent and the bus are in the same process: the row "nobody reads" is theirs. all: from the log, ms until
the whole run is read and folded, or sent. input: ms for what the last but one model call was given, the first
time it is asked for, as its reader shows it: text, JSON, laid out for 100 columns, or the answer to a
browser's request; whole: likewise with all messages, where what is new comes first. The chat protocols tell
what is said as it is said, and show no call's input.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from long_agent import agent

from tracebus.bus import EventBus
from tracebus.events import Gap, RunKind, RunStarted
from tracebus.logs import RunQuery, open_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tracebus.events import Event
    from tracebus.logs import Log

_PAGE = 2_000
_COLUMNS = 100
_PROTOCOLS = ("agui", "vercel")
READERS = {
    "nobody": "nobody reads",
    "tree": "RunTree",
    "state": "run state",
    "tui": "terminal UI, its model",
    "page": "page, server side",
    "agui": "AG-UI stream",
    "vercel": "Vercel stream",
}


class Reader:
    """What is measured: it takes events, and shows what a model call was given. Nobody shows nothing."""

    def take(self, events: Iterable[Event]) -> None:
        """Read *events*."""

    def show(self, run_id: str) -> object:
        """Return what a run was given, as the reader shows it."""

    def show_whole(self, run_id: str) -> object:
        """Likewise with all that came before; `None` where `show` does that."""


class Tree(Reader):
    """A `RunTree`; shows text."""

    def __init__(self) -> None:
        from tracebus import RunTree

        self.tree = RunTree()

    def take(self, events: Iterable[Event]) -> None:
        """Read *events*."""
        for event in events:
            self.tree.apply(event)

    def show(self, run_id: str) -> object:
        """Return what a run was given."""
        from tracebus.transcript import given

        node = self.tree.get(run_id)
        assert node is not None
        return given(node)


class State(Reader):
    """A `RunState`; shows JSON."""

    def __init__(self) -> None:
        from tracebus import RunState

        self.state = RunState()

    def take(self, events: Iterable[Event]) -> None:
        """Read *events*."""
        self.state.apply_all([event for event in events if not isinstance(event, Gap)])

    def show(self, run_id: str) -> object:
        """Return what a run was given."""
        import msgspec

        return msgspec.json.encode(self.state.document["runs"][run_id])


class Terminal(Reader):
    """What the terminal UI knows, and its Input tab."""

    def __init__(self) -> None:
        from tracebus_tui.model import Runs

        self.runs = Runs()

    def take(self, events: Iterable[Event]) -> None:
        """Read *events*."""
        self.runs.apply(events)
        self.runs.tidy(time.time_ns())

    def show(self, run_id: str) -> object:
        """Return what a run was given."""
        return self._laid_out(run_id, whole=False)

    def show_whole(self, run_id: str) -> object:
        """Return all of it."""
        return self._laid_out(run_id, whole=True)

    def _laid_out(self, run_id: str, *, whole: bool) -> object:
        from tracebus_tui.detail import Look, layout_of

        node = self.runs.runs.get(run_id)
        assert node is not None
        layout = layout_of(node, "Input", Look(whole=whole), None, time.time_ns())
        return list(layout(_COLUMNS, wrap=True))


FOLDS: dict[str, Callable[[], Reader]] = {"nobody": Reader, "tree": Tree, "state": State, "tui": Terminal}


class Served:
    """The page's server, or a chat protocol's stream, with one viewer from the beginning of the run."""

    def __init__(self, name: str, source: Log | EventBus) -> None:
        from tracebus_exporters.web import create_app

        self._name = name
        self._app = create_app(source)
        self.sent = 0
        self.ended = False
        """Whether the page was told that the run is over; its stream stays open."""

    async def view(self, root_id: str, until: Callable[[], bool]) -> None:
        """Take what a viewer of the run is sent, until the run has ended or *until* says so."""
        path = {"page": f"/watch?run={root_id}&after=none", "agui": f"/runs/{root_id}/agui?inner=1"}
        async with asyncio.timeout(600):
            await self._stream(path.get(self._name, f"/runs/{root_id}/ai?inner=1"), until)

    async def ask(self, path: str) -> bytes:
        """Return the answer to a request."""
        body: list[bytes] = []
        await self._call(path, body.append, asyncio.Event())
        return b"".join(body)

    async def _stream(self, path: str, until: Callable[[], bool]) -> None:
        gone = asyncio.Event()

        def take(body: bytes) -> None:
            self.sent += len(body)
            self.ended = self.ended or b"event: end" in body

        task = asyncio.create_task(self._call(path, take, gone))
        while not task.done() and not until():
            await asyncio.wait([task], timeout=0.01)
        gone.set()
        await task

    async def _call(self, path: str, take: Callable[[bytes], None], gone: asyncio.Event) -> None:
        path, _, query = path.partition("?")
        scope = {
            "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
            "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                assert message["status"] == 200, message
            take(message.get("body", b""))

        await self._app(scope, receive, send)


# -- one process ----------------------------------------------------------------------------------


class Memory:
    """This process's resident memory, in MB."""

    def __init__(self) -> None:
        gc.collect()
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # the peak is from here on
        self.idle = self._read("VmRSS")

    def above(self) -> dict[str, float]:
        """Return what is held above idle, and the most that was."""
        most = self._read("VmHWM")
        gc.collect()
        return {"held": self._read("VmRSS") - self.idle, "most": most - self.idle}

    @staticmethod
    def _read(name: str) -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024 / 1e6


class Calls(Reader):
    """Remembers the ids of the root and of the model calls."""

    def __init__(self) -> None:
        self.root = ""
        self.begun = threading.Event()
        self.models: list[str] = []

    def take(self, events: Iterable[Event]) -> None:
        """Read *events*."""
        for event in events:
            if isinstance(event, RunStarted):
                self.root = self.root or event.root_run_id
                if event.kind is RunKind.CHAT_MODEL:
                    self.models.append(event.run_id)
                self.begun.set()


def timed(show: Callable[[str], object], run_id: str) -> float | None:
    """Return the ms that showing a run takes, `None` where nothing is shown."""
    began = time.perf_counter()
    shown = show(run_id)
    return (time.perf_counter() - began) * 1e3 if shown is not None else None


def fold_of_log(name: str, urls: tuple[str, str]) -> dict[str, float | None]:
    """Measure a fold on a log."""

    def read(url: str) -> tuple[Reader, Calls]:
        reader, calls, log, after = FOLDS[name](), Calls(), open_log(url), 0
        while page := log.read(after, _PAGE):
            reader.take(page)
            calls.take(page)
            after = page[-1].seq
        log.close()
        return reader, calls

    small, calls = read(urls[0])
    small.show(calls.models[-2])
    small.show_whole(calls.models[-2])
    memory = Memory()
    began = time.perf_counter()
    reader, calls = read(urls[1])
    read_in = (time.perf_counter() - began) * 1e3
    last = calls.models[-2]
    shown, whole = timed(reader.show, last), timed(reader.show_whole, last)
    return {"all": read_in, "input": shown, "whole": whole, **memory.above()}


def fold_live(name: str, steps: int) -> dict[str, float | None]:
    """Measure a fold on the bus of the process in which the agent runs."""
    import tracebus

    run = agent()

    def watch(rounds: int) -> tuple[Reader, Calls]:
        reader, calls = FOLDS[name](), Calls()
        bus = EventBus()
        readers = [reader.take] if name != "nobody" else []
        tracebus.install(bus=bus, to=[*readers, calls.take] if readers else ())
        run(rounds)
        bus.flush(60)
        bus.close(60)
        tracebus.uninstall()
        return reader, calls

    small, calls = watch(2)
    if name != "nobody":
        small.show(calls.models[-2])
        small.show_whole(calls.models[-2])
    memory = Memory()
    reader, calls = watch(steps)
    if name == "nobody":
        return memory.above()
    last = calls.models[-2]
    shown, whole = timed(reader.show, last), timed(reader.show_whole, last)
    return {"input": shown, "whole": whole, **memory.above()}


async def asked_for(served: Served, run_id: str) -> float:
    """Return the ms until a browser has what a run was given."""
    began = time.perf_counter()
    answer = json.loads(await served.ask(f"/runs/{run_id}/entry"))
    assert answer["run"]["inputs"]
    return (time.perf_counter() - began) * 1e3


async def served_of_log(name: str, urls: tuple[str, str]) -> dict[str, float | None]:
    """Measure the page's server or a chat protocol on a log."""

    async def read(url: str) -> tuple[Served, str, float]:
        log = open_log(url)
        (root,) = log.runs(RunQuery(limit=1))
        models = log.runs(RunQuery(roots_only=False, kind="chat_model", limit=None))
        served = Served(name, log)
        began = time.perf_counter()
        await served.view(root.run_id, lambda: name == "page" and served.ended)
        return served, models[1].run_id, (time.perf_counter() - began) * 1e3

    served, last, _ = await read(urls[0])
    if name == "page":
        await asked_for(served, last)
    memory = Memory()
    served, last, read_in = await read(urls[1])
    shown = await asked_for(served, last) if name == "page" else None
    return {"all": read_in, "input": shown, **memory.above()}


def served_live(name: str, steps: int) -> dict[str, float | None]:
    """Measure the page's server or a chat protocol on the bus of the process in which the agent runs."""
    import tracebus

    run = agent()

    async def view(bus: EventBus, calls: Calls, over: threading.Event) -> tuple[Served, float | None]:
        served = Served(name, bus)
        await asyncio.to_thread(calls.begun.wait, 60)
        await served.view(calls.root, lambda: name == "page" and served.ended)
        if name != "page":
            return served, None
        await asyncio.to_thread(over.wait, 60)  # what the agent still does is nobody's answer
        return served, await asked_for(served, calls.models[-2])

    def watch(rounds: int) -> tuple[Served, float | None]:
        bus, calls, over = EventBus(), Calls(), threading.Event()
        tracebus.install(bus=bus, to=[calls.take])
        found: list[tuple[Served, float | None]] = []
        viewer = threading.Thread(target=lambda: found.append(asyncio.run(view(bus, calls, over))))
        viewer.start()
        run(rounds)
        bus.flush(60)
        over.set()
        viewer.join()
        bus.close(60)
        tracebus.uninstall()
        return found[0]

    watch(2)
    memory = Memory()
    served, shown = watch(steps)
    assert served.sent
    return {"input": shown, **memory.above()}


def measure(name: str, mode: str, steps: int, urls: tuple[str, str]) -> dict[str, float | None]:
    """Return the figures of one reader: called in a process of its own."""
    if name in FOLDS:
        return fold_live(name, steps) if mode == "live" else fold_of_log(name, urls)
    if mode == "live":
        return served_live(name, steps)
    return asyncio.run(served_of_log(name, urls))


# -- all of them ----------------------------------------------------------------------------------


def write(url: str, steps: int) -> None:
    """Write the agent's run into a log."""
    import tracebus

    bus = EventBus()
    run = agent()
    tracebus.install(bus=bus, to=[url])
    run(steps)
    bus.close(60)


def in_process(*arguments: str) -> str:
    """Run this file with *arguments*; return what it prints."""
    command = [sys.executable, __file__, *arguments]
    environment = {**os.environ, "LANGSMITH_TRACING": "false"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900, env=environment)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def report(name: str, live: dict[str, float | None], stored: dict[str, float | None]) -> None:
    """Print one reader's line."""

    def cell(row: dict[str, float | None], key: str, width: int) -> str:
        value = row.get(key)
        return f"{value:{width}.0f}" if value is not None else " " * (width - 1) + "-"

    cells = [
        *(cell(live, key, 8) for key in ("held", "most", "input", "whole")),
        " ",
        *(cell(stored, key, 8) for key in ("held", "most", "all", "input", "whole")),
    ]
    print(f"{READERS[name]:24}{''.join(cells)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--only", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--measure", nargs=5, help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write(options.write[0], int(options.write[1]))
        return
    if options.measure:
        name, mode, steps, *urls = options.measure
        print(json.dumps(measure(name, mode, int(steps), (urls[0], urls[1]))), flush=True)
        os._exit(0)
    with tempfile.TemporaryDirectory() as folder:
        urls = [f"sqlite:{folder}/small.db", f"sqlite:{folder}/long.db"]
        for url, steps in zip(urls, (2, options.steps), strict=True):
            in_process("--write", url, str(steps))
        print(f"N={options.steps}: MB above idle, ms\n")
        print(f"{'':24}{'live':>8}{'':26}{'from the log':>14}")
        heads = ("held", "most", "input", "whole", "", "held", "most", "all", "input", "whole")
        print(f"{'':24}{''.join(f'{head:>8}' if head else ' ' for head in heads)}")
        for name in options.only:
            live, stored = (
                json.loads(in_process("--measure", name, mode, str(options.steps), *urls))
                for mode in ("live", "log")
            )
            report(name, live, stored)


if __name__ == "__main__":
    main()
