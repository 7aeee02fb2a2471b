"""What is lost at the end of a process is said, once an exit, with the remedy; what is local is waited for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading

import pytest

from tracebus import EventBus, observe
from tracebus.exceptions import InvalidLogError

PROGRAM = """
import sys, time
from langchain_core.runnables import RunnableLambda
from tracebus import observe

def sleeps(batch):
    time.sleep(60)

to = sleeps if sys.argv[1] == "sleeps" else sys.argv[1]
chain = observe(RunnableLambda(lambda x: x), to=to)
for number in range(50):
    chain.invoke(number)
"""


def run(to, **environment):
    """Run 50 calls to *to* in a process of their own; return what it said."""
    variables = {**os.environ, "TRACEBUS_EXIT_TIMEOUT": "0.5", **environment}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, to],
        check=False,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def check(said, events):
    """Assert that one line says how many of 100 events are lost, and the variable."""
    words = [line for line in said.splitlines() if "TRACEBUS_EXIT_TIMEOUT" in line]
    assert len(words) == 1, said
    assert events in words[0]
    assert "Traceback" not in said


def test_an_exit_that_sleeps_is_said_to_have_lost_all():
    """Status 0, and the program is told."""
    check(run("sleeps"), "100 of 100 events did not arrive")


@pytest.fixture
def deaf():
    """Give the port of a server that accepts and never answers."""
    server = socket.create_server(("127.0.0.1", 0), backlog=50)
    taken, stop = [], threading.Event()

    def accept():
        while not stop.is_set():
            try:
                taken.append(server.accept())
            except OSError:
                return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield server.getsockname()[1]
    stop.set()
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    for connection, _ in taken:
        connection.close()
    thread.join(10)


@pytest.mark.parametrize(
    ("scheme", "needs", "said"),
    [
        ("redis://127.0.0.1:{}/0", "redis", "100 of 100 events did not arrive"),
        ("otlp+http://127.0.0.1:{}", "opentelemetry.exporter.otlp", "of 100 events"),
        ("otlp://127.0.0.1:{}", "opentelemetry.exporter.otlp", "of 100 events"),
    ],
)
def test_a_server_that_never_answers(deaf, scheme, needs, said):
    """Redis and OTLP, both ways."""
    pytest.importorskip(needs)
    check(run(scheme.format(deaf)), said)


def test_a_server_that_refuses():
    """Redis that is not there: how many, and no traceback."""
    pytest.importorskip("redis")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    check(run(f"redis://127.0.0.1:{port}/0"), "of 100 events it took, 100 items did not arrive")


def test_the_log_on_this_machine_is_waited_for(tmp_path):
    """A database that somebody keeps locked for longer than the others get: nothing is lost."""
    import sqlite3

    from tracebus import open_log

    path = tmp_path / "log.db"
    open_log(f"sqlite:{path}").append([])
    locker = sqlite3.connect(path, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(7.0, lambda: None)
    timer.start()
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, f"sqlite:{path}"],
        env={key: value for key, value in os.environ.items() if key != "TRACEBUS_EXIT_TIMEOUT"},
        stderr=subprocess.PIPE,
        text=True,
    )
    timer.join()
    locker.execute("COMMIT")
    locker.close()
    _, said = program.communicate()
    assert program.returncode == 0
    assert "did not arrive" not in said
    assert len(open_log(f"sqlite:{path}").read()) == 100


def test_a_log_that_cannot_be_written_is_an_error_where_it_is_named(tmp_path):
    """Before the chain runs; and nothing is created."""
    from langchain_core.runnables import RunnableLambda

    (tmp_path / "file").write_text("no directory")
    for url in (f"sqlite:{tmp_path}", f"sqlite:{tmp_path}/file/x.db", f"jsonl:{tmp_path}"):
        with pytest.raises(InvalidLogError, match="cannot be opened"):
            observe(RunnableLambda(str), to=url)
    (tmp_path / "text.db").write_text("this is no database, but long enough to be looked at" * 30)
    with pytest.raises(InvalidLogError, match="no SQLite database"):
        observe(RunnableLambda(str), to=f"sqlite:{tmp_path}/text.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "text.db"]


def test_an_exit_that_fails_for_good_says_so_at_its_first_batch(caplog):
    """Loudly, once, with the remedy and without a traceback."""
    from tracebus.events import Outcome, RunEnded

    class Refused:
        url = "nowhere:"

        def export(self, batch):
            raise InvalidLogError("nowhere: cannot be written; give somewhere:")

        def flush(self, timeout):
            pass

        def close(self):
            pass

    bus = EventBus()
    bus.attach(Refused(), backoff=0.0)
    for number in range(10):
        bus.publish(RunEnded(time=1, run_id=str(number), root_run_id=str(number), outcome=Outcome.OK))
    assert not bus.flush(10)
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert "give somewhere:. Nothing is delivered until that is mended" in errors[0].getMessage()
    assert errors[0].exc_info is None
    bus.close(10)
    assert "10 of 10 events did not arrive" in caplog.text
