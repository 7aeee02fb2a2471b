from __future__ import annotations

import ast
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from tracebus.cli import cli
from tracebus.cli.examples import all_examples

EXAMPLES = Path(__file__).parents[2] / "examples"

EXPECTED = {
    "anthropic_client": ["At noon. 17 tokens", "claude-haiku-4-5"],
    "astream_log": ["operations, the first at ''", "only writer: /logs/writer", "at the end 'At noon.'"],
    "back_pressure": ["' seven'"],
    "batch_errors": ["ConnectionError(", "with_retry: ['Old Square: 12:00', 'Harbour: 12:00', LookupError("],
    "batches": ["abatch: ['TRAIN', 'BICYCLE', 'TAXI']", "as completed: 2 FERRY", "▤ shout ×3"],  # noqa: RUF001
    "budget": ["stopped: used up model_calls, of which there were 4", "I could not find that out in time."],
    "cancellation": ["gave up", "  cancelled"],
    "celery_tasks": ["LINE 7", "╰─ ✓ ◇ upper"],
    "concurrent_streams": ["Stop 9 is served every ten minutes."],
    "configuration": [
        "with the call: tags ['call'], user 1",
        "bound: tags ['bound'], user 2",
        "tags ['second']",
    ],
    "custom_events": ["ranked: {'stops': 2, 'best': 'Old Square'}"],
    "custom_exporter": ["slow,ok,0."],
    "events_loop": ["ScriptedChatModel (chat_model) started", "ended: ok, 9 tokens"],
    "events_table": ["start    tool     departures", "end      chain    RunnableSequence     ok"],
    "fallbacks": ["At noon.", "✗ ◈ ScriptedChatModel scripted-large"],
    "fastapi_app": [
        "{'answer': 'Line 7 leaves at noon.'}",
        "event: done",
        'data: "the stop is closed"',
        "◇ summary",
    ],
    "jaeger": ["delivered: True"],
    "langgraph_agent": ["The next ones leave at 12:00 and 12:12."],
    "langgraph_interrupt": ["asked: Order 40 day tickets?", "then: ordered 40 day tickets", "‖ ◆ desk"],
    "make_notebook": ["cell 2: ✓ ◇ timetable", "cell 3: ✓ ◇ timetable", "cell 4: ✓ ◇ timetable"],
    "max_concurrency": ["12 at a time: 12 answers"],
    "openai_client": ["At noon. 17 tokens", "gpt-4o-mini"],
    "own_handler": ["answered: 3 of 3"],
    "parallel": ["'summary': 'A bus, a harbour.'"],
    "process_pool": ["285\n10 runs in the log"],
    "pytest_trees": [],
    "quickstart": ["Line 7 leaves at noon."],
    "rag_streaming": ["retrieving …\n  2 documents\ngenerating …"],
    "redis_two_processes": ["LINE 7 LEAVES AT NOON", "ask: the root\nworker: below the first"],
    "rows": ["8 of 8"],
    "schemas": ["input:  ['place', 'time']", "config: ['tags']"],
    "serverless": ["{'statusCode': 200, 'body': 'At noon.'}"],
    "stream_a_batch": ["second: The Second Bus Leaves At Noon"],
    "stream_events": ["7 on_chat_model_stream", "  ' noon'"],
    "streaming": ["stream: Line| 7| leaves| at| noon|.", "typewriter: Line 7 leaves at noon."],
    "structlog_production": ['"service": "help-desk"', '"error_type": "ConnectionError"'],
    "subgraphs": ["city > line > stop"],
    "supervisor": ["ai: Line 7 leaves at noon.\nai: A day ticket is 6.20."],
    "timeout_and_retry": ["Old Square: 12:00 at attempt 2", "⊘ ◇ service"],
    "tool_agent": ["The next buses leave at 12:00 and 12:12."],
    "unwrappable": ["At noon."],
}
ELSEWHERE = {"streamlit_chat", "pytest_trees"}
"""Not run as a script: under Streamlit's AppTest, and by pytest."""
ENVIRONMENT = {"timeout_and_retry": {"LIMIT": "0.2"}, "process_pool": {"TRACEBUS_TO": ""}}
KNOWN = {example.name: example for example in all_examples()}


def test_every_example_is_tested():
    """A new example needs a line here, so that it cannot rot."""
    assert KNOWN.keys() == EXPECTED.keys() | ELSEWHERE


@pytest.fixture
def server(request):
    """Whatever server an example talks to, on this machine."""
    name = request.getfixturevalue("name")
    with contextlib.ExitStack() as stack:
        if name == "jaeger":
            yield {"OTLP": f"otlp+http://127.0.0.1:{stack.enter_context(collector())}"}
        elif name == "redis_two_processes":
            yield {"REDIS": f"redis://127.0.0.1:{stack.enter_context(redis_server())}/0"}
        else:
            yield {}


@pytest.mark.parametrize("name", sorted(EXPECTED.keys() - ELSEWHERE))
def test_the_example_runs(name, server, tmp_path):
    """Each example runs to its end without a warning and prints what it promises, its tree included."""
    if KNOWN[name].missing:
        pytest.skip(f"needs {', '.join(KNOWN[name].missing)}: pip install --group recipes")
    done = run(name, tmp_path, **server, **ENVIRONMENT.get(name, {}))
    assert done.returncode == 0, done.stderr
    for words in EXPECTED[name]:
        assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "runs in circles" not in done.stderr, "a false alarm"


def run(name, folder, **environment):
    env = {
        **os.environ,
        "TRACEBUS_TO": "console",
        "COLUMNS": "100",  # names whole, however wide the times of a slow machine are
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder),
        **environment,
    }
    return subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / f"{name}.py"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@contextlib.contextmanager
def collector():
    """An OTLP endpoint that takes everything."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Taking)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@contextlib.contextmanager
def redis_server():
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server on the PATH")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stdout:
            if "Ready to accept connections" in line:
                break
        yield port
    finally:
        process.terminate()
        process.communicate()


def test_streamlit_chats():
    """Two questions and their answers, streamed, under Streamlit's own test; the runs are on one thread."""
    testing = pytest.importorskip(
        "streamlit.testing.v1", reason="needs streamlit: pip install --group recipes"
    )
    app = testing.AppTest.from_file(str(EXAMPLES / "streamlit_chat.py"), default_timeout=50)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Streamlit's own
        app.run()
        app.chat_input[0].set_value("When does line 7 leave?").run()
        app.chat_input[0].set_value("And then?").run()
    assert not app.exception
    texts = [block.value for block in app.markdown]
    assert "You asked: When does line 7 leave? Line 7 leaves at noon." in texts
    assert "You asked: And then? Line 7 leaves at noon." in texts


def test_the_pytest_example_passes_with_its_tree(tmp_path):
    """Pytest shows the tree with the test's output."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rP", "-p", "no:cacheprovider", EXAMPLES / "pytest_trees.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout
    assert "✓ ◇ step" in done.stdout


def test_the_command_lists_shows_and_runs(tmp_path):
    """`tracebus examples` with and without a name; a wrong one is an error."""
    listed = CliRunner().invoke(cli, ["examples"]).output
    for example in KNOWN.values():
        assert f"{example.name} " in listed
        assert example.title in listed
    code = CliRunner().invoke(cli, ["examples", "quickstart", "--code"]).output
    assert code == (EXAMPLES / "quickstart.py").read_text(encoding="utf-8")
    assert CliRunner().invoke(cli, ["examples", "nothing"]).exit_code == 2
    done = subprocess.run(
        [str(Path(sys.executable).with_name("tracebus")), "examples", "quickstart"],
        env={
            **{k: v for k, v in os.environ.items() if k != "TRACEBUS_TO"},
            "HOME": str(tmp_path),
            "XDG_STATE_HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Line 7 leaves at noon." in done.stdout
    assert "✓ ◈ ScriptedChatModel" in done.stderr.replace("├─ ", "")


def test_the_quickstart_is_five_lines():
    """What is advertised as five lines is: imports aside, no more than five statements."""
    tree = ast.parse((EXAMPLES / "quickstart.py").read_text(encoding="utf-8"))
    body = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr)]
    assert len(body) <= 5


def test_the_production_example_logs_no_content(tmp_path):
    """Neither question nor answer is in the log lines of the example that promises so."""
    done = run("structlog_production", tmp_path, TRACEBUS_TO="")
    assert "overloaded" not in done.stdout
    assert "noon" not in done.stdout
    assert "line 7" not in done.stdout
