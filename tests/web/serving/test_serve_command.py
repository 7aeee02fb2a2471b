from __future__ import annotations

import signal
import subprocess
import sys
from types import SimpleNamespace

import httpx
from click.testing import CliRunner

from tracebus.cli import serve as command
from tracebus.logs import open_log
from tracebus_exporters.web import serve

SERVER = """
import sys
from tracebus.logs import open_log
from tracebus_exporters.web import serve
serve(open_log(sys.argv[1]), port=0, ready=lambda link: print(link, flush=True), token=sys.argv[2] or None)
"""


def server(serve):
    return lambda name: SimpleNamespace(serve=serve)


def test_the_command_opens_the_log_and_says_where(tmp_path, monkeypatch):
    """The user reads which log is served and which link to open."""
    served = {}

    def fake(log, *, ready, **options):
        served.update(options, url=log.url)
        ready("http://127.0.0.1:8765/")

    monkeypatch.setattr(command, "import_module", server(fake))
    result = CliRunner().invoke(
        command.serve, [f"sqlite:{tmp_path / 'log.db'}", "--no-content", "--port", "0"]
    )
    assert result.exit_code == 0, result.output
    assert "http://127.0.0.1:8765/" in result.output
    assert "log.db" in result.output
    assert (served["content"], served["port"], served["host"]) == (False, 0, "127.0.0.1")


def test_a_missing_web_server_names_the_remedy(monkeypatch):
    """Without the extra, the message says what to install."""

    def missing(name):
        raise ImportError("no", name="starlette")

    monkeypatch.setattr(command, "import_module", missing)
    result = CliRunner().invoke(command.serve, [])
    assert result.exit_code == 1
    assert "needs starlette" in result.output
    assert "'sse-starlette>=3.0' 'starlette>=0.40' 'uvicorn>=0.30'" in result.output


def test_a_taken_port_is_a_message(tmp_path, monkeypatch):
    """No traceback when something else listens already."""

    def busy(*args, **options):
        raise OSError("address already in use")

    monkeypatch.setattr(command, "import_module", server(busy))
    result = CliRunner().invoke(command.serve, [f"sqlite:{tmp_path / 'log.db'}"])
    assert result.exit_code == 1
    assert "cannot listen at 127.0.0.1:8765" in result.output
    assert "--port 0" in result.output


def test_a_server_serves_until_it_is_interrupted(tmp_path, story):
    """A real process: listens, answers with the token only, ends on Ctrl-C while a stream is open."""
    url = f"sqlite:{tmp_path / 'log.db'}"
    log = open_log(url)
    log.append(story.whole()[:3])
    log.close()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, url, "s3cret"], stdout=subprocess.PIPE, text=True
    )
    try:
        link = process.stdout.readline().strip()
        assert link.endswith("/?token=s3cret")
        base = link.partition("?")[0]
        assert httpx.get(f"{base}runs").status_code == 401
        headers = {"authorization": "Bearer s3cret"}
        with httpx.stream("GET", f"{base}runs/root/stream", headers=headers) as response:
            first = next(response.iter_bytes())
            assert b"retry" in first
            process.send_signal(signal.SIGINT)
            assert process.wait(15) in (0, -signal.SIGINT, 130)
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def test_other_machines_need_a_token(monkeypatch):
    """Listening at an address others can reach, the server makes a token up and puts it into the link."""
    import uvicorn

    from tracebus.bus import EventBus

    links = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: [one.close() for one in sockets])
    serve(EventBus(), host="0.0.0.0", port=0, ready=links.append)
    serve(EventBus(), host="127.0.0.1", port=0, ready=links.append)
    assert "?token=" in links[0]
    assert "token" not in links[1]
