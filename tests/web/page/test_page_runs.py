"""What the page shows of runs, in a real browser: long agents, batches, live text, hostile text; on a phone; for all."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("aiohttp", reason="needs aiohttp, to talk to the browser")

import chromium
import stories

from tracebus.bus import EventBus
from tracebus.events import CustomEmitted, RunKind
from tracebus.logs import open_log
from tracebus_exporters.web import create_app

AXE = Path(os.environ.get("TRACEBUS_NODE_MODULES", "."), "axe-core", "axe.min.js")

pytestmark = [
    pytest.mark.skipif(
        chromium.found() is None, reason="needs Chromium (apt install chromium), or its path in CHROMIUM"
    ),
    pytest.mark.timeout(240),
]
NOW = time.time_ns()
TIMES = "\N{MULTIPLICATION SIGN}"
ROWS = "[...document.querySelectorAll('#tree [role=treeitem]')].map((row) => row.innerText.replaceAll('\\n', ' '))"
LISTED = (
    "[...document.querySelectorAll('#runs [role=option]')].map((row) => row.innerText.replaceAll('\\n', ' '))"
)


def seen(selector):
    """Return an expression for the text of an element that is seen; empty where it is not."""
    return f"((one) => one?.checkVisibility() ? one.innerText : '')(document.querySelector('{selector}'))"


def errors(page):
    """Return what went wrong in the page's scripts."""
    return [
        event["exceptionDetails"]["exception"]["description"]
        for event in page.said("Runtime.exceptionThrown")
    ]


async def click(page, selector):
    """Click in the middle of an element, once it is there."""
    await page.until(f"document.querySelector('{selector}')?.checkVisibility()")
    x, y = await page.evaluate(
        "((box) => [box.x + box.width / 2, box.y + box.height / 2])"
        f"(document.querySelector('{selector}').getBoundingClientRect())"
    )
    await page.click(x, y)


async def type_text(page, text):
    for letter in text:
        await page.key(letter)


@pytest.fixture
def log(tmp_path):
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    log.append(stories.batch(NOW, 200, {17, 90, 151}))
    log.append(stories.agent(NOW + 10**9, 30))
    yield log
    log.close()


@pytest.fixture
async def page(tmp_path, log, serving):
    """The page, showing the agent."""
    with serving(create_app(log)) as address:
        async with chromium.browser(tmp_path) as browser:
            page = await browser.page(address)
            await page.until(ROWS, lambda rows: len(rows) > 5)
            yield page
            assert errors(page) == []


FIRST = """
const drawn = { at: [], formatted: 0 };
window.__first = drawn;
for (const name of ["DateTimeFormat", "NumberFormat"])
  Intl[name] = new Proxy(Intl[name], { construct: (made, given) => (drawn.formatted++, new made(...given)) });
addEventListener("DOMContentLoaded", () => drawn.at.push(document.querySelectorAll("#tree [role=treeitem]").length));
"""


async def test_the_first_picture_has_what_came_with_the_page(page, log):
    """The rows stand before the first frame is drawn, and no table of languages is loaded for them."""
    await page.send("Page.addScriptToEvaluateOnNewDocument", source=FIRST)
    await page.send("Page.reload")
    first = await page.until("window.__first ?? {}", lambda first: first and first.get("at"))
    assert first["at"][0] > 5
    assert first["formatted"] == 0
    await page.until("document.querySelector('#connection').dataset.state", lambda state: state == "live")


async def test_a_long_agent_folds_and_its_calls_are_jumped_to(page):
    """The middle of its rounds is one row; `#17`, `12G` and a text lead to a call; what is new comes first."""
    rows = await page.evaluate(ROWS)
    assert len(rows) < 25
    assert any(f"model {TIMES}" in row and f"tools {TIMES}" in row for row in rows)
    assert "31 model calls" in await page.evaluate(seen("#run-facts"))

    await page.key("#")
    await type_text(page, "17")
    call = seen("#detail-call")
    await page.until(call, lambda text: text == "model call 17 of 31")
    await page.key("Enter")
    await page.key("]")
    contents = seen("#contents")
    text = await page.until(contents, lambda text: "+2 messages" in text)
    assert "31 messages before, the same as in model call 16" in text
    assert "Report 15 says so." in text
    assert "Report 14 says so." not in text
    await page.key("a")
    await page.until(contents, lambda text: "Report 3 says so." in text)

    await type_text(page, "12G")
    await page.until(call, lambda text: text == "model call 12 of 31")
    assert len(await page.evaluate(ROWS)) < 30

    await page.key("/")
    await type_text(page, "number 23 now")
    await page.until(ROWS, lambda rows: len(rows) == 3)
    await page.until(call, lambda text: text == "model call 24 of 31")


async def test_a_long_name_leaves_room_for_what_stands_beside_it(page):
    """The field to find in, the figures, and the sign before the name in the details."""
    left, figures, field, sign, title = await page.evaluate(
        """(() => { for (const id of ["run-title", "detail-title"]) document.getElementById(id).textContent = "x".repeat(3000);
        const box = (what) => document.querySelector(what).getBoundingClientRect();
        return [box("#tree-pane").width, box("#run-facts").width, box(".head .search").width,
          box("#detail-kind").bottom, box("#detail-title").top]; })()"""
    )
    assert figures > left / 20
    assert field > left / 10
    assert title < sign


async def test_a_filter_without_hits_says_so_and_how_to_leave(page):
    """For words, for a call there is not, and in the list of runs; Escape and a button lead back."""
    none = seen("#no-hits")
    await page.key("/")
    await type_text(page, "zebra")
    await page.until(none, lambda text: "Nothing in this run matches “zebra”." in text and "esc" in text)
    await page.key("Escape")
    await page.until(ROWS, lambda rows: len(rows) > 5)
    assert await page.evaluate(none) == ""
    await page.key("#")
    await type_text(page, "99")
    await page.until(none, lambda text: "31 model calls" in text and "no #99" in text)
    await click(page, "#no-hits button")
    await page.until(none, lambda text: text == "")

    await click(page, "#filter")
    await type_text(page, "zebra")
    await page.until(seen("#no-listed"), lambda text: "None of 201 root runs matches “zebra”." in text)
    await page.key("Escape")
    await page.until(LISTED, lambda rows: len(rows) == 2)


async def test_a_batch_is_one_row_and_its_failures_stand_out(page):
    """200 runs of a batch are one row of the list; it opens as a tree in which failures follow what went well."""
    listed = await page.evaluate(LISTED)
    assert len(listed) == 2
    assert f"classify {TIMES}200" in listed[1]
    assert "200/200 done" in listed[1]
    assert "3 ✗" in listed[1]
    await click(page, "#runs .group")
    rows = await page.until(ROWS, lambda rows: len(rows) == 5 and f"classify {TIMES}200" in rows[0])
    assert f"classify {TIMES}197" in rows[1]
    assert "TimeoutError: no answer for ticket 17" in rows[2]
    await click(page, "#tree .row:nth-child(4)")
    await page.until(seen("#contents"), lambda text: "no answer for ticket 90" in text)


async def test_two_runs_chosen_in_the_list_are_compared(page, log):
    """`c`, another run: where they part and the words that differ; `esc` goes back; the address leads there."""
    log.append(stories.agent(NOW + 2 * 10**9, 31, "other"))
    await page.until(LISTED, lambda rows: len(rows) == 3)
    await click(page, "#run-agent")
    await page.until(seen("#run-title"), lambda text: text == "report_reader")
    await page.key("c")
    await page.until(seen("#choosing"), lambda text: "choose a run" in text)
    await click(page, "#run-other")
    await page.until(seen("#comparison .verdict"), lambda text: "answer differs" in text)
    assert await page.evaluate(seen("#choosing")) == ""
    assert await page.evaluate("document.querySelectorAll('#comparison tr.only_right').length") > 1
    assert await page.evaluate("location.hash") == "#compare/agent/other"
    await page.key("Escape")
    await page.until(ROWS, lambda rows: len(rows) > 5)
    assert await page.evaluate(seen("#compare-pane")) == ""


async def test_nothing_a_model_says_is_obeyed(tmp_path, serving):
    """No markup, no script, no address: whatever is hostile is text, in every tab."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    log.append(stories.hostile(NOW))
    with serving(create_app(log)) as address:
        async with chromium.browser(tmp_path) as browser:
            page = await browser.page(f"{address}/#evil")
            await page.until(seen("#contents"), lambda text: "<script>" in text)
            for _ in range(5):
                assert await page.evaluate("typeof pwned") == "undefined"
                assert (
                    await page.evaluate(
                        "document.querySelectorAll('#contents :is(a, iframe, script, object, form, style)').length"
                    )
                    == 0
                )
                assert await page.evaluate(
                    "[...document.images].every(({src}) => src.startsWith('data:image/png'))"
                )
                assert "\u202e" not in await page.evaluate("document.body.textContent")
                await page.key("]")
                await page.until("document.querySelectorAll('#contents > *').length")
            asked = {
                event["request"]["url"].split("/")[2]
                for event in page.said("Network.requestWillBeSent")
                if "//" in event["request"]["url"]
            }
            assert asked == {address.removeprefix("http://")}
            assert errors(page) == []
    log.close()


async def test_every_key_before_anything_is_there(tmp_path, serving):
    """A page without runs takes every key, and says what to do."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    with serving(create_app(log)) as address:
        async with chromium.browser(tmp_path) as browser:
            page = await browser.page(address)
            await page.until(seen("#no-runs"), lambda text: "tracebus demo" in text)
            for key in "jkgGhloOJKnNe}{][amyfp ":
                await page.key(key)
            await page.until(seen("#connection"), lambda text: "live" in text)
            assert errors(page) == []
    log.close()


async def test_live_text_grows_and_is_drawn_as_markdown_at_its_end(tmp_path, story, serving):
    """While a model speaks its text and a count of chunks grow; its end brings Markdown and the tokens."""
    bus = EventBus()
    start = story.start(kind=RunKind.CHAT_MODEL, inputs={"messages": [stories.message("human", "go")]})
    with serving(create_app(bus)) as address:
        bus.publish(start)
        async with chromium.browser(tmp_path) as browser:
            page = await browser.page(address)
            await page.until(seen("#contents"), lambda text: "waiting for output" in text)
            for word in ("Some ", "**bold** ", "words"):
                bus.publish(story.stream(word))
            await page.until(seen(".streaming"), lambda text: text == "Some **bold** words")
            await page.until(seen(".row .used"), lambda text: text == "~3")
            bus.publish(story.stream("\n" + "more\n" * 200))
            bottom = "((one) => one.scrollHeight - one.scrollTop - one.clientHeight)(document.getElementById('contents'))"
            await page.until(bottom, lambda left: left is not None and left < 4)
            bus.publish(story.end(outputs="Some **bold** words"))
            await page.until(seen("#contents strong"), lambda text: text == "bold")
            assert errors(page) == []
    bus.close(1)


async def test_what_was_noticed_of_a_run_is_told_in_words(tmp_path, story, serving):
    """Its budget's gauge on its row; a limit and a circle as sentences, and not as the JSON they travel in."""
    bus = EventBus()
    facts = (
        ("tracebus.budget", {"state": "set", "limits": {"model_calls": 4}}),
        ("tracebus.budget", {"state": "exceeded", "limit": "model_calls", "used": 4, "of": 4}),
        ("tracebus.loop", {"kind": "same_call", "what": "search", "count": 3, "runs": ["a"]}),
        ("progress", {"half": True}),
    )
    events = [story.start(), story.start("asked", "root", RunKind.CHAT_MODEL), story.end("asked")]
    for name, data in facts:
        about = {"run_id": "root", "name": "root"} if name.startswith("tracebus.") else {}
        common = {"time": NOW, "run_id": "root", "root_run_id": "root"}
        events.append(CustomEmitted(name=name, data={**about, **data}, **common))
    for event in [*events, story.end(outputs="done")]:
        bus.publish(event)
    with serving(create_app(bus)) as address:
        async with chromium.browser(tmp_path) as browser:
            page = await browser.page(address)
            (row, *_) = await page.until(ROWS, lambda rows: rows and "budget" in rows[0])
            assert "25 % of its model calls budget" in row
            text = await page.until(seen("#contents"), lambda text: "done" in text)
            assert "has used up its model calls budget: 4 of 4 (100 %)" in text
            assert "search called 3 times with the same arguments and result" in text
            assert "state" not in text
            assert "progress" in text
            assert errors(page) == []
    bus.close(1)


class Counted:
    """Counts the streams that are open at once."""

    def __init__(self, app):
        self.app = app
        self.open = 0
        self.changed = threading.Event()

    async def __call__(self, scope, receive, send):
        stream = scope["type"] == "http" and scope["path"].endswith("/watch")
        self.open += stream
        self.changed.set()
        try:
            await self.app(scope, receive, send)
        finally:
            self.open -= stream
            self.changed.set()


HIDE = """
Object.defineProperty(document, "visibilityState", { configurable: true, value: "%s" });
document.dispatchEvent(new Event("visibilitychange"));
"""


async def test_eight_tabs_share_one_stream_and_hidden_ones_let_go(tmp_path, story, serving):
    """However many tabs watch a live run, one stream is open; none where all are hidden; seen again, they go on."""
    bus = EventBus()
    counted = Counted(create_app(bus))
    with serving(counted) as address:
        bus.publish(story.start(kind=RunKind.CHAT_MODEL))
        async with chromium.browser(tmp_path) as browser:
            pages = [await browser.page(address, window=True) for _ in range(8)]
            text = seen(".streaming")
            for page in pages:
                await page.until(seen("#run-title"), lambda title: title == "root")
            bus.publish(story.stream("to all"))
            for page in pages:
                await page.until(text, lambda said: said == "to all")
            await settled(counted, 1)

            for page in pages:
                await page.evaluate(HIDE % "hidden")
            await settled(counted, 0)
            bus.publish(story.stream(" who look"))
            await pages[0].evaluate(HIDE % "visible")
            await pages[0].until(text, lambda said: said == "to all who look")
            assert await pages[1].evaluate(text) == "to all"
            await pages[1].evaluate(HIDE % "visible")
            await pages[1].until(text, lambda said: said == "to all who look")
            await settled(counted, 1)
            for page in pages:
                assert errors(page) == []
    bus.close(1)


async def settled(counted, wanted):
    """Wait until so many streams are open."""
    async with asyncio.timeout(chromium.DEADLINE):
        while counted.open != wanted:
            counted.changed.clear()
            await asyncio.to_thread(counted.changed.wait, 0.5)


async def test_a_browser_without_shared_workers_has_a_stream_a_tab(tmp_path, story, serving):
    """It works all the same."""
    bus = EventBus()
    with serving(create_app(bus)) as address:
        bus.publish(story.start())
        async with chromium.browser(tmp_path) as browser:
            page = await browser.page()
            await page.send("Page.addScriptToEvaluateOnNewDocument", source="delete window.SharedWorker")
            await page.send("Page.navigate", url=address)
            await page.until(seen("#run-title"), lambda title: title == "root")
            bus.publish(story.end(outputs="done"))
            await page.until(seen("#run-facts"), lambda facts: facts.startswith("ok"))
            assert errors(page) == []
    bus.close(1)


async def test_on_a_phone_there_is_one_pane_at_a_time(tmp_path, log, serving):
    """The list, a tree, a run, with a way back from each; nothing is wider than the screen."""
    with serving(create_app(log)) as address:
        async with chromium.browser(tmp_path) as browser:
            page = await browser.page(address, width=390, height=844)
            panes = "['list', 'tree', 'detail'].filter((one) => document.getElementById(`${one}-pane`).checkVisibility())"
            wide = "Math.max(...[...document.querySelectorAll('body *')].map((one) => one.getBoundingClientRect().right))"
            await page.until(LISTED, lambda rows: len(rows) == 2)
            for selector, pane in (("#runs .run", "tree"), ("#tree .row:nth-child(3)", "detail")):
                await click(page, selector)
                await page.until(panes, lambda shown, pane=pane: shown == [pane])
                assert await page.evaluate("document.scrollingElement.scrollWidth") <= 390
            await page.until(seen("#contents"), lambda text: "I look at number 0 now." in text)
            assert await page.evaluate(seen("#detail-title")) == "ChatOpenAI"
            await page.evaluate("history.back()")
            await page.until(panes, lambda shown: shown == ["tree"])
            assert not await page.evaluate("document.querySelector('.row .track').checkVisibility()")
            assert await page.evaluate(wide) <= 391
            await click(page, "#tree-pane .back")
            await page.until(panes, lambda shown: shown == ["list"])
            assert errors(page) == []


@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core (npm install axe-core) in TRACEBUS_NODE_MODULES")
@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_axe_finds_no_fault(tmp_path, log, serving, scheme, width):
    """List, tree, every tab of a run, a filter without hits and the keys are accessible."""
    with serving(create_app(log)) as address:
        async with chromium.browser(tmp_path) as browser:
            page = await browser.page("about:blank", width=width, height=800)
            feature = {"name": "prefers-color-scheme", "value": scheme}
            await page.send("Emulation.setEmulatedMedia", features=[feature])
            await page.send("Page.navigate", url=address)
            await page.until(LISTED, lambda rows: len(rows) == 2)
            await page.evaluate(axe() + ";0")
            await faultless(page, "list")
            await click(page, "#runs .run")
            await page.until(ROWS, lambda rows: len(rows) > 5)
            await faultless(page, "tree")
            await type_text(page, "9G")
            if width < 600:
                await page.evaluate("document.body.dataset.pane = 'detail'; 0")
            for tab in ("output", "input", "info", "events", "raw"):
                await page.evaluate(f"document.getElementById('tab-{tab}').click()")
                await page.until(
                    "document.querySelectorAll('#contents > *').length && !document.querySelector('#contents').innerText.includes('reading …')"
                )
                await faultless(page, tab)
            await page.evaluate(
                "document.body.dataset.pane = 'tree'; document.getElementById('find').focus()"
            )
            await type_text(page, "zebra")
            await page.until(seen("#no-hits"), lambda text: "zebra" in text)
            await faultless(page, "no hits")
            await page.key("Escape")
            compared = "showComparison('agent', 'agent node 1', [])"
            await page.evaluate(f"import('/static/comparing.js').then((script) => script.{compared})")
            assert await page.evaluate("document.querySelectorAll('#comparison .difference').length") > 0
            await faultless(page, "comparison")
            await page.evaluate("document.getElementById('help').showModal()")
            await faultless(page, "keys")


def axe():
    return AXE.read_text("utf-8")


async def faultless(page, where):
    """Have axe look at the page as it is."""
    told = "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map(({ html, any }) => [html.slice(0, 160), any[0]?.message])]))"
    assert await page.evaluate(told) == [], where
