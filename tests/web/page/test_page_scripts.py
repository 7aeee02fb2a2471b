"""The page's scripts by themselves, in a real browser: numbers, rows, Markdown."""

from __future__ import annotations

import json
import random

import pytest

pytest.importorskip("aiohttp", reason="needs aiohttp, to talk to the browser")

import chromium

from tracebus.bus import EventBus
from tracebus.conversation import inserted
from tracebus.figures import count, dollars, duration
from tracebus_exporters.web import create_app

pytestmark = chromium.NEEDED
ALLOWED = {
    *("P", "STRONG", "EM", "DEL", "CODE", "PRE", "SPAN", "UL", "OL", "LI", "BLOCKQUOTE", "HR"),
    *("DIV", "TABLE", "THEAD", "TBODY", "TR", "TH", "TD"),
}


@pytest.fixture
async def page(tmp_path, serving):
    bus = EventBus()
    with serving(create_app(bus)) as address:
        async with chromium.browser(tmp_path) as browser:
            page = await browser.page(address)
            await page.until(
                "document.readyState === 'complete' && document.getElementById('filter') !== null"
            )
            yield page
    bus.close(1)


async def run(page, script, body, given):
    """Return what *body*, with the names of a script and what is *given*, returns."""
    source = f"import('/static/{script}').then((script) => ((given) => {{ {body} }})({json.dumps(given)}))"
    return await page.evaluate(source)


async def test_figures_are_the_terminals(page):
    """Durations, counts and costs are written as everywhere else, at every size."""
    chance = random.Random(7)
    edges = [0.0009995, 0.00995, 0.0995, 9.995, 59.95, 999.5, 3599.5]
    numbers = [0, 3600, *(edge * (1 + sign * 1e-6) for edge in edges for sign in (-1, 1))]
    numbers += [10 ** chance.uniform(-7, 5) for _ in range(500)]
    body = "return given.map((seconds) => script.duration(seconds * 1000))"
    assert await run(page, "format.js", body, numbers) == [duration(number) for number in numbers]
    whole = [0, 1, 999, 1000, 9949, 9951, 999_499, 999_501, *(chance.randrange(10**9) for _ in range(300))]
    assert await run(page, "format.js", "return given.map(script.count)", whole) == list(map(count, whole))
    costs = [0, 0.00009, 0.0001, 0.00999, 0.01, 0.5, 1, 999.5, 1520, *numbers[2:]]
    assert await run(page, "format.js", "return given.map(script.dollars)", costs) == list(
        map(dollars, costs)
    )


async def test_who_put_a_message_in_is_said_as_everywhere_else(page):
    """A summary, an answer no model gave, and the others."""
    by_langgraph = "4f5cb0b3-0000-4000-8000-000000000001"
    messages = [
        {"type": "human", "content": "x", "additional_kwargs": {"lc_source": "summarization"}},
        {"type": "human", "content": "x", "id": by_langgraph},
        {"type": "ai", "content": "gave up", "id": by_langgraph},
        {"type": "ai", "content": "x"},
        {"type": "ai", "content": "x", "id": f"lc_run--{by_langgraph}-0"},
        {"type": "ai", "content": "x", "id": by_langgraph, "response_metadata": {"model_name": "m"}},
    ]
    said = await run(page, "view/payload.js", "return given.map(script.inserted)", messages)
    assert said == list(map(inserted, messages))
    assert said.count("inserted") == 1


def tree(chance):
    """Return the outline of some tree: loops, crowds, batches, failures, whatever comes."""
    runs = {}
    for number in range(chance.randrange(1, 160)):
        parent = chance.choice([None, *list(runs)[:6]]) if runs else None
        status = chance.choice(["ok"] * 30 + ["error", "running"])
        batch = {"id": "b", "index": number, "size": 40} if chance.random() < 0.1 else None
        runs[f"r{number}"] = {
            "id": f"r{number}",
            "parent_id": parent,
            "kind": chance.choice(["node", "chat_model"]),
            "name": chance.choice(["model", "tools"]),
            "status": status,
            "start_time": number,
            "end_time": None if status == "running" else number + 1,
            "usage": None,
            "error": None,
            "text": [],
            **({"batch": batch} if batch else {}),
        }
    return runs


EVERY_RUN = """
const { Rows } = script;
return given.map((runs) => {
  const rows = new Rows();
  rows.take(runs);
  const folded = rows.rows.length;
  const failed = Object.values(runs).filter(({ status }) => status === "error").map(({ id }) => id);
  const hidden = failed.filter((id) => !rows.place.has(id));
  for (let closed; (closed = rows.rows.find(({ below, open }) => below && !open)); ) rows.setOpen(closed.id, true);
  const seen = rows.rows.filter(({ type }) => type === "run").map(({ id }) => id);
  const last = Object.keys(runs).at(-1);
  rows.take(runs);
  rows.open.clear();
  rows.bring(last);
  return { folded, hidden, seen, brought: rows.place.has(last), all: Object.keys(runs) };
});
"""


async def test_every_run_has_one_row(page):
    """Folded or not, no run is told twice or lost; failures are in sight unless in a large batch; a jump arrives."""
    chance = random.Random(11)
    trees = [tree(chance) for _ in range(60)]
    for runs, told in zip(trees, await run(page, "model/rows.js", EVERY_RUN, trees), strict=True):
        assert sorted(told["seen"]) == sorted(told["all"])
        assert told["folded"] <= len(told["all"]) + 1
        assert told["brought"]
        for hidden in told["hidden"]:
            above = hidden
            while above is not None and "batch" not in runs[above]:
                above = runs[above]["parent_id"]
            assert above is not None, "a failure outside of batches is folded away"


DEEP = """
const { Tree } = script;
const number = given.length;
const runs = Object.fromEntries(given.map((id, level) => [id, {
  id, parent_id: given[level - 1] ?? null, kind: "chain", name: id, status: "ok", start_time: level, end_time: number,
  usage: null, error: null, text: [],
}]));
const container = document.getElementById("tree");
const tree = new Tree(container, { selected() {}, opened() {}, scaleEnd() {} });
tree.update(runs, true, number);
const drawn = () => [...container.querySelectorAll("[role=treeitem]")].map((row) => row.dataset.id);
const first = drawn();
tree.show(given.at(-1));
const marks = [...container.querySelectorAll(".beyond")];
const last = drawn();
const levels = container.querySelector("[role=treeitem]:last-of-type").getAttribute("aria-level");
marks[0].click();
return { rows: tree.model.rows.length, first, last, levels, marks: marks.map((one) => one.textContent), back: drawn() };
"""


async def test_a_tree_ten_thousand_deep(page):
    """Nothing calls itself for every level; of the rows those around the one looked for are drawn."""
    ids = [f"level {level}" for level in range(10_000)]
    told = await run(page, "view/tree.js", DEEP, ids)
    assert told["rows"] == 10_000
    assert told["first"] == ids[:2000]
    assert told["last"] == ids[8000:]
    assert told["levels"] == "10000"
    assert told["marks"] == ["… 8,000 rows before"]
    assert told["back"] == ids[7000:9000]


async def test_a_tree_without_a_document_answers(page):
    """Keys may be pressed before a run's document has come: they find no row, and throw nothing."""
    asked = (
        "const { Rows } = script; const rows = new Rows();"
        " return [rows.rows.length, rows.place.get('a') ?? null, rows.holder.get('a') ?? null];"
    )
    assert await run(page, "model/rows.js", asked, None) == [0, None, None]


async def test_markdown_is_what_models_write(page):
    """Headings, lists in lists, tables, code, emphasis; and what only looks like it stays text."""
    text = (
        "# Title\n\nSome **bold**, *slanted*, `code` and snake_case_name.\n\n* one\n  1. two\n  2. three\n* four\n\n"
        "| a | b |\n|---|--:|\n| 1 | 2 |\n\n```python\nx = '<b>'\n```\n\n> quoted\n\n[docs](https://example.com/)"
    )
    body = (
        "const box = document.createElement('div'); box.append(script.markdown(given)); return box.innerHTML;"
    )
    html = await run(page, "view/markdown.js", body, text)
    for part in (
        '<p class="md-h md-h1">Title</p>',
        "<strong>bold</strong>",
        "<em>slanted</em>",
        "<code>code</code>",
        "snake_case_name",
        "<ul><li>one<ol><li>two</li><li>three</li></ol></li><li>four</li></ul>",
        '<td class="md-right">2</td>',
        "<span class=\"md-language\">python</span><code>x = '&lt;b&gt;'</code>",
        "<blockquote><p>quoted</p></blockquote>",
        '<span class="md-target"> https://example.com/</span>',
    ):
        assert part in html


async def test_no_markdown_makes_anything_but_text(page):
    """Whatever signs come together, only elements that do nothing are made, without addresses or handlers."""
    chance = random.Random(13)
    signs = [
        *"*_`~[]()!|>#-+.\\<&\n ",
        "\n\n",
        "```",
        "1. ",
        "javascript:x",
        "http://e.example/",
        "word",
        "    ",
    ]
    texts = ["".join(chance.choices(signs, k=chance.randrange(80))) for _ in range(400)]
    texts += ["`" * length + "a" for length in (3, 50)] + ["".join("`" * n + "a" for n in range(130))]
    body = (
        "return given.map((text) => { const box = document.createElement('div'); box.append(script.markdown(text));"
        " return [...box.querySelectorAll('*')].map((one) => [one.tagName, one.getAttributeNames()]); });"
    )
    for made in await run(page, "view/markdown.js", body, texts):
        for tag, attributes in made:
            assert tag in ALLOWED
            assert set(attributes) <= {"class", "scope", "start"}
