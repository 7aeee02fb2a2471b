"""The terminal UI in a browser, without the browser: who may connect, and what becomes of the viewers."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import sys
import threading
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("textual_serve", reason="needs textual-serve: pip install 'tracebus[tui-web]'")

import aiohttp
from aiohttp import web
from click.testing import CliRunner
from served_support import Served, alive, eventually, until
from tui_support import story

from tracebus import open_log
from tracebus.access import Access
from tracebus.cli import serve as command
from tracebus.events import decode_json
from tracebus_tui._app import Watch
from tracebus_tui.feed import ListSource
from tracebus_tui.served import _session
from tracebus_tui.served._server import _MOST_VIEWERS, ViewerServer
from tracebus_tui.terminal import BROWSER_DRIVER
from tracebus_tui.terminal._browser import BrowserDriver
from tracebus_tui.terminal._companion import tracebus_command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and ps")

ALTERNATE_SCREEN = b"\x1b[?1049h"


@pytest.fixture
def url(tmp_path):
    url = f"sqlite:{tmp_path / 'events.db'}"
    log = open_log(url)
    log.append(story())
    log.close()
    return url


@pytest.fixture
def served(url, tmp_path):
    started = []

    def start(*options, of=url, **environment):
        started.append(Served(tmp_path, of, *options, **environment))
        return started[-1]

    yield start
    for server in started:
        server.end(signal.SIGKILL)


@asynccontextmanager
async def connected(server, **headers):
    """Connect as the server's own page would."""
    headers.setdefault("Origin", server.origin)
    address = f"ws://{server.host}/ws?width=120&height=36"
    async with aiohttp.ClientSession() as http, http.ws_connect(address, headers=headers) as socket:
        yield socket


async def drawn(socket, *wanted):
    """Read what the viewer draws until all of *wanted* have come."""
    seen = b""
    async with asyncio.timeout(40):
        while not all(part in seen for part in wanted):
            message = await socket.receive()
            assert message.type not in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED), seen
            seen += message.data if isinstance(message.data, bytes) else b""
    return seen


async def test_a_viewer_draws_where_there_is_no_terminal(served):
    """The server has no terminal, no TERM, and CI is set: the page gets the screen, not lines."""
    async with connected(served()) as socket:
        seen = await drawn(socket, b"agent", b"RUN")
        assert ALTERNATE_SCREEN in seen
        assert b"so here are lines" not in seen


@pytest.mark.parametrize("driver", [BROWSER_DRIVER, "textual.drivers.web_driver:WebDriver"])
async def test_a_viewer_under_somebody_elses_server(url, driver):
    """`textual serve 'tracebus watch'` works, too; a viewer that is asked to leave ends well."""
    viewer = await asyncio.create_subprocess_exec(
        *tracebus_command("watch", url),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TEXTUAL_DRIVER": driver, "COLUMNS": "101", "ROWS": "30", "CI": "1"},
    )
    async with asyncio.timeout(40):
        assert await viewer.stdout.readline() == b"__GANGLION__\n"
        seen = b""
        while b"agent" not in seen:
            seen += await viewer.stdout.read(65_536)
        quit_packet = b'{"type": "quit"}'
        viewer.stdin.write(b"M" + len(quit_packet).to_bytes(4) + quit_packet)
        _, said = await viewer.communicate()
    assert viewer.returncode == 0
    assert said.startswith(b"tracebus: ")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:1", "null", "", "http://[", "http://localhost"]
)
async def test_a_foreign_page_opens_no_viewer(served, origin):
    """Browsers let any page connect to this machine: only the server's own page gets an answer."""
    server = served()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with connected(server, Origin=origin):
            pass
    assert refused.value.status == 403
    assert server.viewers() == []


async def test_a_foreign_name_gets_nothing(served):
    """A name that somebody else points at this machine opens neither the page nor a viewer."""
    server = served()
    port = server.host.rpartition(":")[2]
    evil = f"evil.example:{port}"
    async with aiohttp.ClientSession() as http:
        for path in ("/", "/static/js/textual.js", "/page/page.js", "/download/x"):
            async with http.get(server.origin + path, headers={"Host": evil}) as answer:
                assert answer.status == 421
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with connected(server, Host=evil, Origin=f"http://{evil}"):
            pass
    assert refused.value.status == 421


async def test_every_answer_keeps_to_itself(served):
    """Page, script, font, refusal: nothing may be framed, sniffed or loaded from elsewhere."""
    server = served()
    async with aiohttp.ClientSession() as http:
        for path in ("/", "/page/page.js", "/static/js/textual.js", "/nowhere", "/static/", "/ws"):
            async with http.get(server.origin + path) as answer:
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
                assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Cache-Control"] == "no-cache"
        async with http.get(f"{server.origin}/static/") as listing:
            assert listing.status == 403


async def test_the_page_needs_no_network(served):
    """Everything the page names is served by the installed package."""
    server = served()
    async with aiohttp.ClientSession() as http:
        named = []
        for path in ("/", "/page/page.css"):
            async with http.get(server.origin + path) as answer:
                text = await answer.text()
            assert "//" not in re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).replace("://${", "")
            named += re.findall(r'(?:src|href)="((?!data:)[^"]+)"|url\("\.\.(/[^"]+)"\)', text)
        paths = [one or other for one, other in named]
        assert len(paths) == 6
        for path in paths:
            async with http.get(f"{server.origin}/{path.lstrip('/')}") as answer:
                assert answer.status == 200, path


async def test_with_a_token_only_the_link_opens_the_page(served):
    """The link's token becomes a cookie; without either there is no page and no viewer."""
    server = served("--token", "s3cret")
    assert server.link.endswith("/?token=s3cret")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        for path in ("/", "/?token=wrong", "/page/page.js", "/page/page.js?token=s3cret"):
            async with http.get(server.origin + path) as answer:
                assert answer.status == 401, path
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(f"ws://{server.host}/ws", headers={"Origin": server.origin})
        assert refused.value.status == 401
        async with http.get(server.link) as answer:
            assert (answer.status, str(answer.url)) == (200, f"{server.origin}/")
            cookie = answer.history[0].headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        async with http.ws_connect(f"ws://{server.host}/ws", headers={"Origin": server.origin}) as socket:
            await drawn(socket, b"RUN")


def test_other_machines_need_a_token(served):
    """Listening at an address others can reach, the server makes a token up and puts it into the link."""
    assert "/?token=" in served("--host", "0.0.0.0").link


async def test_viewers_have_their_own_state_and_end_with_their_pages(served):
    """Every page has a process; a page that goes takes its own along, and only that."""
    server = served()
    async with connected(server) as stays:
        await drawn(stays, b"agent")
        [first] = server.viewers()
        async with connected(server) as goes:
            await drawn(goes, b"agent")
            await goes.send_json(["stdin", "?"])
            await drawn(goes, b"Move")
            assert len(server.viewers()) == 2
        until(lambda: server.viewers() == [first], "the end of the second viewer")
        await stays.send_json(["stdin", "2"])
        await drawn(stays, b"p95")
    until(lambda: not server.viewers(), "the end of the first viewer")


async def test_a_viewer_that_hangs_ends_with_its_page(served):
    """A viewer that does not listen is not asked for ever."""
    server = served()
    async with connected(server) as socket:
        await drawn(socket, b"agent")
        [viewer] = server.viewers()
        os.kill(viewer, signal.SIGSTOP)
    until(lambda: not alive(viewer), "the end of the viewer")
    assert server.process.poll() is None


async def test_a_page_hears_that_its_viewer_died(served):
    """A viewer that is killed closes the page's connection, so that the page can say so."""
    server = served()
    async with connected(server) as socket:
        await drawn(socket, b"agent")
        os.kill(server.viewers()[0], signal.SIGKILL)
        async with asyncio.timeout(40):
            while (await socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
                pass
    _, said = server.end()
    assert "a viewer ended with code -9" in said


@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "SIGINT"), (signal.SIGTERM, "SIGTERM")])
async def test_a_signal_ends_the_server_and_its_viewers(served, number, name):
    """One line, a shell's exit code, and no process left."""
    server = served()
    async with connected(server) as one, connected(server) as other:
        await drawn(one, b"agent")
        await drawn(other, b"agent")
        viewers = server.viewers()
        code, said = await asyncio.to_thread(server.end, number)
        assert (code, said) == (128 + number, f"tracebus: ended by {name}, with 2 viewers\n")
        assert not any(map(alive, viewers))


async def test_no_viewer_outlives_a_killed_server(served):
    """The server dies without a word; its viewers notice and leave, those that hang as well."""
    server = served()
    async with connected(server) as socket:
        await drawn(socket, b"agent")
        [viewer] = server.viewers()
        await asyncio.to_thread(server.end, signal.SIGKILL)
    until(lambda: not alive(viewer), "the end of the viewer")


async def test_a_log_whose_name_is_a_command_runs_nothing(served, tmp_path):
    """The viewer is started without a shell: spaces, quotes and `$()` are part of a name."""
    folder = tmp_path / "a b'c\"; touch pwned; $(touch pwned) `touch pwned`"
    folder.mkdir()
    log = open_log(f"sqlite:{folder / 'events.db'}")
    log.append(story())
    log.close()
    server = served(of=log.url)
    async with connected(server) as socket:
        await drawn(socket, b"agent")
    assert not list(tmp_path.rglob("pwned"))


async def test_a_saved_run_is_downloaded(served, url):
    """`x` gives the browser a file, once, under a name without surprises; nothing is written here."""
    server = served()
    async with connected(server) as socket, aiohttp.ClientSession() as http:
        await drawn(socket, b"agent")
        await socket.send_json(["stdin", "x"])
        async with asyncio.timeout(40):
            while (message := await socket.receive()).type is not aiohttp.WSMsgType.TEXT:
                pass
        kind, key = json.loads(message.data)
        assert kind == "deliver_file_start"

        async def drawing():
            async for _ in socket:
                pass

        task = asyncio.create_task(drawing())
        async with http.get(f"{server.origin}/download/{key}") as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Content-Disposition"] == "attachment; filename=tracebus-live.jsonl"
            events = [decode_json(line) for line in (await answer.read()).splitlines()]
        assert {event.run_id for event in events} == {"live", "talk"}
        async with http.get(f"{server.origin}/download/{key}") as answer:
            assert answer.status == 404
        task.cancel()


async def test_packets_of_two_threads_stay_whole(monkeypatch):
    """The picture and a file's pieces share a pipe that is often full: none is cut into another."""
    (reading, writing), (given, giving) = os.pipe(), os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "wb") as out, os.fdopen(given) as given_in:
        monkeypatch.setattr(sys, "__stdout__", out)
        monkeypatch.setattr(sys, "__stdin__", given_in)
        driver = BrowserDriver(Watch(ListSource([])), debug=False)
        letters = "abcd"
        writers = [threading.Thread(target=_write_much, args=(driver, letter)) for letter in letters]
        for writer in writers:
            writer.start()
        packets = []
        for _ in range(len(letters) * 20):
            head = await asyncio.to_thread(reader.read, 5)
            assert head[:1] == b"D"
            packets.append(await asyncio.to_thread(reader.read, int.from_bytes(head[1:])))
        for writer in writers:
            writer.join()
        driver._input_reader._selector.close()
    os.close(giving)
    assert {packet[:1].decode() for packet in packets} == set(letters)
    assert all(packet == packet[:1] * 100_000 for packet in packets)


def _write_much(driver, letter):
    for _ in range(20):
        driver.write(letter * 100_000)


@asynccontextmanager
async def serving(*program):
    """Serve *program* as the viewer, in this process."""
    server = ViewerServer([sys.executable, *program], Access(None, None))
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host = f"127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with aiohttp.ClientSession(headers={"Origin": f"http://{host}"}) as http:
            yield server, http, f"ws://{host}/ws"
    finally:
        await runner.cleanup()


async def closed(socket):
    async with asyncio.timeout(40):
        async for _ in socket:
            pass


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import sys; sys.stderr.write('no \\x1b]52;c;aGk=\\x07 log'); sys.exit(3)", "code 3"),
        ("import sys; print('x' * 100_000); sys.exit(4)", "code 4"),
        (
            "print('__GANGLION__', flush=True); print('what is this?', flush=True); raise SystemExit(5)",
            "code 5",
        ),
    ],
)
async def test_a_viewer_that_fails_is_told_of(caplog, program, said):
    """The page is closed and the server says what the viewer said, with nothing in it for a terminal to obey."""
    with caplog.at_level(logging.WARNING, "tracebus"):
        async with serving("-c", program) as (server, http, address):
            async with http.ws_connect(address) as socket:
                await closed(socket)
            await eventually(lambda: not server.viewers)
    assert said in caplog.text
    assert "\x1b" not in caplog.text


async def test_a_viewer_that_will_not_leave_is_killed_with_the_server(monkeypatch):
    """The server's end does not wait for a viewer that ignores it."""
    monkeypatch.setattr(_session, "_PATIENCE", 0.1)
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('__GANGLION__', flush=True); time.sleep(600)"
    async with serving("-c", program) as (server, http, address):
        socket = await http.ws_connect(address)
        assert server.viewers == 1
    assert server.viewers == 0
    await socket.close()


async def test_there_are_so_many_viewers_at_most():
    """Every viewer is a process: a page too many is turned away, and welcome once another has gone."""
    program = "import sys; print('__GANGLION__', flush=True); sys.stdin.read()"
    async with serving("-c", program) as (server, http, address):
        sockets = [await http.ws_connect(address) for _ in range(_MOST_VIEWERS)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(address)
        assert refused.value.status == 503
        await sockets.pop().close()
        await eventually(lambda: server.viewers < _MOST_VIEWERS)
        await (await http.ws_connect(address)).close()
        for socket in sockets:
            await socket.close()


def test_without_the_extra_the_remedy_is_named(monkeypatch):
    """The message says what to install for the terminal UI, which is not what the page needs."""

    def missing(name):
        raise ImportError("no", name="textual_serve")

    monkeypatch.setattr(command, "import_module", missing)
    result = CliRunner().invoke(command.serve, ["--tui"])
    assert result.exit_code == 1
    assert "needs textual_serve" in result.output
    assert "pip install" in result.output
    assert "'textual-serve<2,>=1.1.3'" in result.output


def test_what_shall_not_be_shown_is_not_served():
    """The terminal UI shows everything: it is not started where that was not wanted."""
    result = CliRunner().invoke(command.serve, ["--tui", "--no-content"])
    assert result.exit_code == 2
    assert "--no-content" in result.output


def test_a_taken_port_is_a_message(served, url):
    """No traceback when something else listens already."""
    port = served().host.rpartition(":")[2]
    result = CliRunner().invoke(command.serve, ["--tui", "--port", port, url])
    assert result.exit_code == 1
    assert f"cannot listen at 127.0.0.1:{port}" in result.output
