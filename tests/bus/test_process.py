"""Forks, the end of the interpreter, and garbage collection, in processes of their own."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import weakref

import pytest

from tracebus.bus import EventBus
from tracebus.testing import RecordingExporter

PREAMBLE = """
import os, sys, threading
from tracebus.bus import EventBus
from tracebus.events import RunStarted, RunStreamed, RunKind, Gap

def streamed(text="x"):
    return RunStreamed(time=1, run_id="r", root_run_id="r", text=text)

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

class Printer:
    def __init__(self, name="exporter"):
        self.name = name
    def export(self, batch):
        say(self.name, "export", *(getattr(event, "text", "gap") for event in batch))
    def flush(self, timeout):
        say(self.name, "flush")
    def close(self):
        say(self.name, "close")
"""


HANGING = (
    "exporter hanging: 1 of 1 events did not arrive. "
    "TRACEBUS_EXIT_TIMEOUT=SECONDS gives it more time at the end of a process\n"
)


def run(script: str, said="", **environment: str) -> list[str]:
    """Run *script* to its end in a fresh interpreter; return the lines it printed."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-W",
            "ignore:This process:DeprecationWarning",
            "-c",
            PREAMBLE + textwrap.dedent(script),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == said
    return done.stdout.splitlines()


ENDS = {
    "its last line": """
        bus.before_close(lambda: bus.publish(streamed("last")))
        bus.publish(streamed("first"))
    """,
    "an uncaught SystemExit": """
        bus.publish(streamed("first"))
        bus.publish(streamed("last"))
        sys.exit(0)
    """,
    "an exit handler, when Python starts no thread any more": """
        import atexit
        atexit.register(lambda: [bus.publish(streamed(text)) for text in ("first", "last")])
    """,
    "its last line, when nobody holds the bus any more": """
        import gc
        bus.publish(streamed("first"))
        bus.publish(streamed("last"))
        del bus
        gc.collect()
    """,
    "its event loop, with a reader still waiting": """
        import asyncio
        async def main():
            subscription = bus.subscribe()
            task = asyncio.create_task(anext(subscription))
            await asyncio.sleep(0)
            bus.publish(streamed("first"))
            assert (await task).seq == 1
            bus.publish(streamed("last"))
            await anext(subscription)
            waiting = asyncio.create_task(anext(subscription))
            await asyncio.sleep(0)
        asyncio.run(main())
    """,
}
"""How a program may end; each publishes twice."""


@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_the_process_delivers_everything(end):
    """A program that just ends has its last events exported, flushed, and its exporters closed."""
    begun = """
        bus = EventBus()
        bus.attach(Printer(), linger=30)
    """
    assert run(begun + ENDS[end]) == ["exporter export first last", "exporter flush", "exporter close"]


def test_the_bus_closes_before_what_its_exporters_stand_on():
    """A backend that shuts itself down at exit does so after the bus has handed over the last events."""
    assert run("""
        import atexit
        bus = EventBus()
        atexit.register(say, "backend shuts down")
        bus.attach(Printer(), linger=30)
        bus.publish(streamed("last"))
    """) == ["exporter export last", "exporter flush", "exporter close", "backend shuts down"]


def test_a_process_with_a_hanging_exporter_still_ends():
    """The end of the process waits for a hanging exporter as long as TRACEBUS_EXIT_TIMEOUT says."""
    assert run(
        """
        bus, other = EventBus(), EventBus()
        bus.attach(lambda batch: threading.Event().wait(), name="hanging", linger=0)
        other.attach(Printer(), linger=30)
        bus.publish(streamed())
        other.publish(streamed("good"))
        """,
        said=HANGING,
        TRACEBUS_EXIT_TIMEOUT="0.5",
    ) == ["exporter export good", "exporter flush", "exporter close"]


def test_a_process_with_a_failing_exporter_still_ends():
    """An exporter that fails to the end is tried, and the process ends at its deadline."""
    tried = run(
        """
        import logging
        logging.getLogger("tracebus").addHandler(logging.NullHandler())
        logging.getLogger("tracebus").propagate = False
        bus = EventBus()
        def fail(batch):
            say("tried")
            raise OSError
        bus.attach(fail, linger=0)
        bus.publish(streamed())
        """,
        TRACEBUS_EXIT_TIMEOUT="0.5",
    )
    assert set(tried) == {"tried"}


def test_an_interrupt_ends_the_wait_at_the_end_of_the_process():
    """Ctrl-C while a process waits for a hanging exporter ends it, without a traceback."""
    script = """
bus = EventBus()
bus.attach(lambda batch: threading.Event().wait(), name="hanging", linger=0)
bus.publish(streamed())
bus.before_close(lambda: say("ending"))
"""
    with subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TRACEBUS_EXIT_TIMEOUT": "3600"},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ending\n"
            process.send_signal(signal.SIGINT)
            assert process.communicate() == ("", HANGING)
        finally:
            process.kill()
    assert process.returncode == 0


def test_a_malformed_exit_timeout_is_named(monkeypatch, caplog):
    """A wrong TRACEBUS_EXIT_TIMEOUT is logged with its value, and the default holds."""
    from tracebus.bus._lifecycle import exit_timeout

    for wrong in ("soon", "-1", "inf", "nan"):
        monkeypatch.setenv("TRACEBUS_EXIT_TIMEOUT", wrong)
        assert exit_timeout() == 5.0
        assert wrong in caplog.records[-1].message


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


@needs_fork
def test_a_forked_child_exports_its_own_events_and_no_others():
    """The parent exports what was published before the fork, the child what it publishes, each once."""
    lines = run("""
        bus = EventBus()
        bus.attach(Printer("export:"), linger=30)
        bus.publish(streamed("parent"))
        pid = os.fork()
        if pid == 0:
            bus.publish(streamed("child"))
            say("child flushed", bus.flush())
            row, = bus.statistics().exporters
            say("child row", row.delivered, row.missed, row.lost, row.lag)
            os._exit(0)
        os.waitpid(pid, 0)
        say("parent flushed", bus.flush())
        bus.close()
    """)
    assert lines == [
        "export: export child",
        "export: flush",
        "child flushed True",
        "child row 1 0 0 0",
        "export: export parent",
        "export: flush",
        "parent flushed True",
        "export: flush",
        "export: close",
    ]


@needs_fork
def test_a_fork_in_the_middle_of_everything_leaves_the_child_working():
    """Locks held by other threads at the fork do not exist in the child, nor do open runs."""
    lines = run("""
        bus = EventBus()
        hang = threading.Event()
        hanging = lambda batch: hang.wait() if os.getpid() == parent else say("child exports", len(batch))
        parent = os.getpid()
        bus.attach(hanging, linger=0)
        bus.publish(RunStarted(time=1, run_id="a", root_run_id="a", kind=RunKind.CHAIN, name="a"))
        inside = threading.Event()
        def hold():
            with bus._ring._lock, bus._ending.lock, bus._ring.alarms._lock:
                inside.set()
                hang.wait()
        threading.Thread(target=hold, daemon=True).start()
        inside.wait()
        bus.after_fork_in_child(lambda: say("called", bus.snapshot().open))
        pid = os.fork()
        if pid == 0:
            bus.publish(streamed("child"))
            say(bus.flush(), bus.statistics().open_runs, bus.close())
            os._exit(0)
        os.waitpid(pid, 0)
        hang.set()
    """)
    assert lines == ["called ()", "child exports 1", "True 0 True"]


@needs_fork
def test_an_exporter_is_told_of_the_fork_in_its_own_thread_before_the_next_export():
    """`after_fork` is called once in the child, in the exporter's thread, before anything else."""
    lines = run("""
        class Connected(Printer):
            def after_fork(self):
                say("after_fork", threading.current_thread() is not threading.main_thread())
        bus = EventBus()
        bus.attach(Connected())
        pid = os.fork()
        if pid == 0:
            for text in "ab":
                bus.publish(streamed(text))
                bus.flush()
            os._exit(0)
        os.waitpid(pid, 0)
        sys.stdout.flush()
        os._exit(0)
    """)
    assert lines == [
        "after_fork True",
        "exporter export a",
        "exporter flush",
        "exporter export b",
        "exporter flush",
    ]


@needs_fork
def test_a_child_that_publishes_nothing_leaves_the_exporter_alone():
    """An exporter's connection is the parent's: an idle child neither flushes nor closes it."""
    lines = run("""
        class Connected(Printer):
            def after_fork(self):
                say("after_fork")
        bus = EventBus()
        bus.attach(Connected(), linger=30)
        bus.publish(streamed("parent"))
        pid = os.fork()
        if pid == 0:
            say("child", bus.flush())
            sys.exit(0)
        os.waitpid(pid, 0)
    """)
    assert lines == ["child True", "exporter export parent", "exporter flush", "exporter close"]


@needs_fork
def test_a_child_that_ends_normally_delivers_its_events():
    """The end of a forked child flushes and closes like any end of a process."""
    lines = run("""
        bus = EventBus()
        bus.attach(Printer(), linger=30)
        bus.publish(streamed("parent"))
        pid = os.fork()
        if pid == 0:
            bus.publish(streamed("child"))
            sys.exit(0)
        os.waitpid(pid, 0)
    """)
    assert lines == [
        "exporter export child",
        "exporter flush",
        "exporter close",
        "exporter export parent",
        "exporter flush",
        "exporter close",
    ]


@needs_fork
def test_a_bus_closed_before_the_fork_is_closed_in_the_child():
    """The child of a program that closed its bus does not close its exporters again."""
    lines = run("""
        bus = EventBus()
        bus.attach(Printer())
        bus.close()
        pid = os.fork()
        if pid == 0:
            bus.publish(streamed())
            say(bus.closed, bus.close(), bus.flush(), bus.statistics().published)
            sys.exit(0)
        os.waitpid(pid, 0)
    """)
    assert lines == ["exporter flush", "exporter close", "True True True 0"]


@needs_fork
def test_a_fork_during_a_close_does_not_hold_up_the_child():
    """A child forked while another thread closes the bus sees a closed bus and ends at once."""
    lines = run("""
        bus = EventBus()
        bus.attach(Printer())
        closing, go_on = threading.Event(), threading.Event()
        def hold():
            closing.set()
            go_on.wait()
        bus.before_close(hold)
        thread = threading.Thread(target=bus.close)
        thread.start()
        closing.wait()
        pid = os.fork()
        if pid == 0:
            say("child", bus.closed, bus.close())
            sys.exit(0)
        os.waitpid(pid, 0)
        go_on.set()
        thread.join()
    """)
    assert lines == ["child True True", "exporter flush", "exporter close"]


@needs_fork
def test_a_multiprocessing_child_delivers_its_events():
    """Multiprocessing ends its children without exit handlers; the bus ends with them all the same."""
    lines = run("""
        import multiprocessing
        bus = EventBus()
        bus.attach(Printer(), linger=30)
        def work():
            bus.publish(streamed("child"))
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()
    """)
    assert lines == [
        "exporter export child",
        "exporter flush",
        "exporter close",
        "exporter flush",
        "exporter close",
    ]


class Payload:
    """Something that can be told gone."""


def test_a_forgotten_bus_is_collected_and_its_exporter_closed(make):
    """A bus nobody holds delivers the rest, closes its exporters, ends its threads and is freed."""
    exporter = RecordingExporter()
    bus = EventBus()
    handle = bus.attach(exporter, name="forgotten", linger=30.0)
    bus.before_close(bus.snapshot)  # a cycle, as the tracker makes one
    bus.publish(make.streamed("rest"))
    gone = weakref.ref(bus)
    worker = handle._worker
    del bus, handle
    gc.collect()
    assert gone() is None
    assert worker.done.wait(10)
    assert [event.text for event in exporter.events] == ["rest"]
    assert exporter.closed


def test_nothing_of_a_collected_bus_stays(make):
    """After a forgotten bus has delivered the rest, its events are freed and its thread is gone."""
    from tracebus.bus import _lifecycle

    exporter = RecordingExporter()
    bus = EventBus()
    handle = bus.attach(exporter, name="freed")
    bus.publish(make.streamed())
    worker = handle._worker
    done = worker.done
    freed = threading.Event()
    weakref.finalize(worker, freed.set)
    del bus, handle, worker
    gc.collect()
    assert done.wait(10)
    # The bare thread that began the worker's own may still be returning from that: it holds the worker.
    assert freed.wait(10)
    assert not _lifecycle._leaving
    for thread in threading.enumerate():
        if thread.name == "tracebus freed":
            thread.join(10)
            assert not thread.is_alive()
