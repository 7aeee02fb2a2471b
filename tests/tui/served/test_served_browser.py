"""The terminal UI in a real browser: seen, driven by keys, copied and saved from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("textual_serve", reason="needs textual-serve: pip install 'tracebus[tui-web]'")

import chromium
from aiohttp import web
from served_support import Served, until

from tracebus.events import decode_json

pytestmark = chromium.NEEDED
EVIL = "evil.example"
BOX = "box.example"
ANSWER = "Größe: 7 ◆, see https://evil.example/?leak"


@pytest.fixture
async def browser(tmp_path):
    """A browser in which two names that are none of this machine's lead to this machine."""
    rules = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1,MAP {BOX} 127.0.0.1"
    async with chromium.browser(tmp_path, rules) as browser:
        yield browser


@pytest.fixture
def served(tmp_path):
    started = []

    def start(*arguments):
        started.append(Served(tmp_path, *arguments))
        return started[-1]

    yield start
    for server in started:
        server.end()


def run(process):
    process.stdin.write("when?\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"


async def test_a_chain_in_another_process_is_watched_in_a_browser(browser, served, program, tmp_path):
    """Runs of another process appear in the page, which has the keys, the window's size, and asks nobody else."""
    url, process = program()
    server = served(url)
    page = await browser.page(server.link)
    await page.shows("No runs to show yet")
    assert await page.evaluate("document.title") == "tracebus"
    run(process)
    await page.shows("RunnableSequence", "1✓")
    await page.key("o")
    await page.shows("ask_harbour", "ScriptedChatModel")
    await page.key("?")
    await page.shows("to the first run")
    picture = tmp_path / "page.png"
    await page.picture(picture)
    if folder := os.environ.get("TRACEBUS_PICTURES"):
        (Path(folder) / "served-help.png").write_bytes(picture.read_bytes())
    await page.key("Escape")
    await page.shows("ask_harbour", gone=["to the first run"])

    columns = await page.evaluate("window.__terminal.cols")
    await page.resize(700, 420)
    await page.shows("RUN", gone=["TTFT"])
    assert await page.evaluate("window.__terminal.cols") < columns
    await page.resize(1600, 900)
    await page.shows("TTFT", "COST")
    if folder := os.environ.get("TRACEBUS_PICTURES"):
        await page.picture(Path(folder) / "served-runs.png")

    asked = {event["request"]["url"] for event in page.said("Network.requestWillBeSent")}
    assert all(address.startswith((server.origin, "data:")) for address in asked), asked
    assert await page.evaluate("[...document.fonts].filter((face) => face.status === 'loaded').length") == 2
    assert page.said("Runtime.exceptionThrown") == []
    assert [said["entry"]["text"] for said in page.said("Log.entryAdded")] == []


async def test_pages_are_viewers_of_their_own(browser, served, program):
    """What one page filters, opens and quits does not show in the other; a closed tab takes its viewer along."""
    url, process = program()
    run(process)
    server = served(url)
    one, other = await browser.page(server.link), await browser.page(server.link)
    await one.shows("RunnableSequence")
    await other.shows("RunnableSequence")
    await one.key("2")
    await one.shows("p95")
    await other.shows("RunnableSequence", gone=["p95"])
    run(process)
    await other.shows("2✓")
    await other.close()
    until(lambda: len(server.viewers()) == 1, "the end of the closed tab's viewer")
    await one.key("q")
    await one.until("document.body.classList.contains('-closed')")
    assert "This viewer has ended" in await one.evaluate("document.body.innerText")
    assert await one.evaluate("document.activeElement.id") == "again"
    until(lambda: not server.viewers(), "the end of the viewer that was left")
    await one.key("Enter")
    await one.shows("RunnableSequence", "2✓")


async def test_copy_save_and_picture_go_to_the_browser(browser, served, program, tmp_path):
    """What is taken along goes where the user is, to the browser's clipboard and downloads, and not to the server."""
    url, process = program(answer=ANSWER)
    run(process)
    server = served(url)
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    await browser.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
    granted = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    await browser.send("Browser.grantPermissions", origin=server.origin, permissions=granted)
    page = await browser.page(server.link)
    await page.send("Emulation.setFocusEmulationEnabled", enabled=True)
    await page.shows("RunnableSequence")
    await page.key("o")
    await page.shows("ScriptedChatModel")
    await page.key("G")
    await page.key("y")
    await page.shows("j JSON")
    await page.key("o")
    await page.shows("copied output")
    await page.until("navigator.clipboard.readText()", lambda text: text == ANSWER)
    await page.key("x")
    await page.shows("events to the browser's downloads")
    await page.key("s", "KeyS", control=True)
    await page.shows("tracebus-screen.svg")
    saved = until(lambda: list(downloads.glob("tracebus-*.jsonl")), "the download")[0]
    events = [decode_json(line) for line in saved.read_bytes().splitlines()]
    assert any(getattr(event, "name", "") == "ask_harbour" for event in events)
    until(lambda: list(downloads.glob("tracebus-screen.svg")), "the picture")
    assert not [*tmp_path.glob("*.svg"), *tmp_path.glob("*.jsonl")]


async def test_another_machines_page_copies_too(browser, served, program):
    """Over plain http from another name a page has no clipboard of its own, and a token; both work."""
    url, process = program(answer=ANSWER)
    run(process)
    server = served(url, "--host", "0.0.0.0")
    page = await browser.page(server.link.replace("127.0.0.1", BOX))
    await page.send("Emulation.setFocusEmulationEnabled", enabled=True)
    await page.shows("RunnableSequence")
    assert await page.evaluate("isSecureContext") is False
    assert "token" not in await page.evaluate("location.href")
    await page.evaluate("document.addEventListener('copy', () => { window.__copied = getSelection() + '' })")
    await page.key("y")
    await page.shows("j JSON")
    await page.key("r")
    await page.shows("copied run id")
    assert len(await page.until("window.__copied")) == 36
    await page.key("?")
    await page.shows("to the first run")


async def test_a_click_on_what_a_model_wrote_opens_nothing(browser, served, program):
    """An address in an answer is text: a click that chooses a line takes nobody to a model's page."""
    url, process = program(answer=ANSWER)
    run(process)
    server = served(url)
    page = await browser.page(server.link)
    text = await page.shows("see https://evil.example/?leak")
    lines = text.splitlines()
    row = next(number for number, line in enumerate(lines) if "https://evil" in line)
    column = lines[row].index("https://evil") + 4
    width, height = await page.evaluate(
        "(() => { const box = document.querySelector('.xterm-screen').getBoundingClientRect();"
        "return [box.width / window.__terminal.cols, box.height / window.__terminal.rows] })()"
    )
    await page.click((column + 0.5) * width, (row + 0.5) * height)
    await page.key("?")
    await page.shows("to the first run")
    targets = (await browser.send("Target.getTargets"))["targetInfos"]
    assert not [target["url"] for target in targets if EVIL in target["url"]]


async def test_a_foreign_page_reads_nothing(browser, served, program, tmp_path):
    """A hostile page that tries the WebSocket, a frame, the files, and its own name for this machine."""
    url, process = program(answer="a secret")
    run(process)
    server = served(url)
    port = server.host.rpartition(":")[2]

    async def page_of_evil(_):
        return web.Response(text="<!doctype html><title>evil</title>", content_type="text/html")

    app = web.Application()
    app.add_routes([web.get("/", page_of_evil)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    evil_port = runner.addresses[0][1]
    try:
        for name in (EVIL, "localhost", "127.0.0.1"):
            page = await browser.page(f"http://{name}:{evil_port}/")
            await page.until("document.title", lambda title: title == "evil")
            for address in (f"127.0.0.1:{port}", f"localhost:{port}", f"{EVIL}:{port}"):
                tried = f"""new Promise((done) => {{
                    const socket = new WebSocket("ws://{address}/ws?width=80&height=24");
                    socket.onmessage = () => done("read");
                    socket.onopen = () => done("open");
                    socket.onerror = () => done("refused");
                }})"""
                assert await page.evaluate(tried) == "refused", (name, address)
            fetched = f"fetch('http://127.0.0.1:{port}/').then((answer) => answer.text(), () => 'refused')"
            assert await page.evaluate(fetched) == "refused"
        rebound = await browser.page(f"http://{EVIL}:{port}/")
        await rebound.until("document.body?.innerText", lambda text: text and "does not answer to" in text)
    finally:
        await runner.cleanup()
    assert server.viewers() == []
