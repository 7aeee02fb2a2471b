"""The places programs run in: servers, workers, pools, containers. Each as a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tracebus import RunTree, open_log
from tracebus.events import Outcome
from tracebus.logs import RunQuery

pytestmark = pytest.mark.timeout(300)
EXAMPLES = Path(__file__).parents[2] / "examples"


def environment(folder, **more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRACEBUS", "XDG"))}
    return {
        **kept,
        "HOME": str(folder),
        "TRACEBUS_TO": f"sqlite:{folder}/log.db",
        "PYTHONPATH": str(EXAMPLES),
        **more,
    }


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def serving(command, folder, port):
    process = subprocess.Popen(
        command, cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        deadline = time.monotonic() + 200
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                process.poll()
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def runs_of(folder, name):
    log = open_log(f"sqlite:{folder}/log.db")
    found = log.runs(RunQuery(name=name, limit=1000))
    log.close()
    return found


APP = """
from langchain_core.runnables import RunnableLambda
from tracebus import observe
chain = observe(RunnableLambda(str.upper), name="shout")

def app(environ, start_response):
    body = chain.invoke(environ["QUERY_STRING"]).encode()
    start_response("200 OK", [("content-length", str(len(body)))])
    return [body]
"""


@pytest.mark.parametrize("preload", [[], ["--preload"]], ids=["plain", "preload"])
def test_gunicorn_workers_lose_nothing(preload, tmp_path):
    """Two forked workers, ended by SIGTERM as a deployment does: every request's run is in the log."""
    pytest.importorskip("gunicorn", reason="needs gunicorn: pip install --group recipes")
    (tmp_path / "served.py").write_text(APP)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-w", "2", "-b", f"127.0.0.1:{port}", *preload, "served:app"]
    with serving(command, tmp_path, port):
        for number in range(8):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/?n{number}", timeout=250) as answer:
                assert answer.read() == f"N{number}".encode()
    assert len(runs_of(tmp_path, "shout")) == 8


LEAVING = """
import asyncio, os, sys
import fastapi_app as served
from tracebus.testing import Pacing, ScriptedChatModel
from langchain_core.output_parsers import StrOutputParser
from tracebus import observe
served.chain = observe(ScriptedChatModel(script=lambda _: "word " * 500, pacing=Pacing(0, 0.05)) | StrOutputParser(), name="long")
import uvicorn
uvicorn.run(served.app, port=int(sys.argv[1]), log_level="error")
"""


def test_a_client_that_leaves_ends_its_run(tmp_path):
    """The stream's run is cancelled or abandoned within the server, and not left open."""
    pytest.importorskip("fastapi", reason="needs fastapi: pip install --group recipes")
    (tmp_path / "serve.py").write_text(LEAVING)
    port = free_port()
    with serving([sys.executable, "serve.py", str(port)], tmp_path, port):
        answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/stream?question=x", timeout=250)
        assert answer.readline() == b"event: text\n"
        answer.close()
        deadline = time.monotonic() + 200
        while not [run for run in runs_of(tmp_path, "long") if run.status != "running"]:
            assert time.monotonic() < deadline, "the run is still open"
    (run,) = runs_of(tmp_path, "long")
    assert run.status in (Outcome.CANCELLED, Outcome.ABANDONED)


CELERY = """
from celery.contrib.testing.worker import start_worker
from celery.contrib.testing import tasks  # noqa
import celery_tasks
from langchain_core.runnables import RunnableLambda
from tracebus import observe
celery_tasks.app.loader.import_task_module("celery.contrib.testing.tasks")
with start_worker(celery_tasks.app, perform_ping_check=False, loglevel="error"):
    print(observe(RunnableLambda(celery_tasks.ask), name="ask").invoke("line 7"))
"""


def test_a_celery_workers_run_is_below_the_callers(tmp_path):
    """A worker takes the task; caller and task are one tree."""
    pytest.importorskip("celery", reason="needs celery: pip install --group recipes")
    (tmp_path / "work.py").write_text(CELERY)
    done = subprocess.run(
        [sys.executable, "work.py"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip().endswith("LINE 7"), done.stderr
    (root,) = runs_of(tmp_path, "ask")
    log, tree = open_log(f"sqlite:{tmp_path}/log.db"), RunTree()
    for event in log.read_run(root.root_run_id):
        tree.apply(event)
    log.close()
    assert len(tree.get(root.run_id).children) == 1


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_a_pool_that_flushes_keeps_every_run(method, tmp_path):
    """`with Pool()` ends its workers by a signal; ten of ten runs are in the log all the same."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / "process_pool.py", method],
        cwd=tmp_path,
        env=environment(tmp_path, TRACEBUS_TO="", XDG_STATE_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "10 runs in the log" in done.stdout, done.stderr


@pytest.mark.parametrize("home", ["/proc/nobody", ""], ids=["read-only", "no home"])
def test_a_container_without_a_place_for_the_log_runs_on(home, tmp_path):
    """As with a read-only root or no home: the program's result is the same, and it is said why nothing is kept."""
    env = environment(tmp_path, TRACEBUS_TO="")
    env.pop("HOME") if not home else env.update(HOME=home, XDG_STATE_HOME=f"{home}/state")
    if not home:
        env["XDG_STATE_HOME"] = "/proc/nobody"
    done = subprocess.run(
        [sys.executable, EXAMPLES / "quickstart.py"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "Line 7 leaves at noon.\n"), done.stderr
    assert "Traceback" not in done.stderr
    assert 1 <= len(done.stderr.splitlines()) <= 2  # when it fails, and at the end what was lost
    assert "/proc/nobody" in done.stderr
