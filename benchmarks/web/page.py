"""How long until the web page of a long agent can be used, measured inside the browser.

    python benchmarks/web/page.py [--rounds 60] [--opens 9]

Needs Chromium (or its path in CHROMIUM), aiohttp and LangChain's `create_agent`. Records an agent of so
many tool rounds of 2 kB each in a log, serves it by `tracebus serve` in a process of its own, and opens the
page again and again, each time in a tab of its own. The times are the browser's `performance.now()`, from
the start of the navigation: until the tree has its rows and the run's contents are there; and from `57G` to
that call's contents.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "browser"))

import chromium
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool

from tracebus import observe
from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn

WATCHED = """
window.__usable = {};
const look = () => {
  const rows = document.querySelectorAll("[role=treeitem]").length;
  if (rows >= 8) window.__usable.rows ??= performance.now();
  if (rows >= 8 && document.querySelector("#contents > *")) window.__usable.contents ??= performance.now();
  if (window.__usable.contents === undefined) requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
JUMP = """
new Promise((done) => {
  const begun = performance.now();
  const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  for (const key of [..."%s", "G"]) press(key);
  const look = () => {
    const there = document.getElementById("detail-call").textContent.startsWith("model call %s ");
    if (there && document.querySelector("#contents > *")) done(performance.now() - begun);
    else requestAnimationFrame(look);
  };
  look();
})
"""


@tool
def look_up(number: int) -> str:
    """Look something up."""
    return f"Report {number}: " + "the register says so. " * 90


def record(rounds: int, url: str) -> None:
    """Write the runs of an agent of so many tool rounds to a log."""
    turns = [
        Turn(
            text=f"Number {number}.",
            tool_calls=[ScriptedToolCall("look_up", {"number": number}, id=f"c{number}")],
        )
        for number in range(rounds)
    ]
    agent = create_agent(ScriptedChatModel(script=[*turns, Turn(text="**Done.**")]), [look_up])
    with observe(agent, to=url) as observed:
        observed.invoke({"messages": [HumanMessage("Read all reports.")]}, {"recursion_limit": 10 * rounds})


@contextlib.contextmanager
def served(url: str) -> Any:
    """Yield the address at which `tracebus serve` serves a log, in a process of its own."""
    command = [sys.executable, "-m", "tracebus", "serve", url, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://\S+", said)
        assert found, f"tracebus serve said {said!r}"
        yield found[0]
    finally:
        process.terminate()
        process.wait()


async def opened(browser: Any, address: str, rounds: int) -> tuple[float, float, float]:
    """Open the page; return the milliseconds until rows, contents, and after a jump."""
    page = await browser.page()
    await page.send("Page.addScriptToEvaluateOnNewDocument", source=WATCHED)
    await page.send("Page.navigate", url=address)
    usable = await page.until("window.__usable ?? {}", lambda found: found and "contents" in found)
    jump = await page.evaluate(JUMP % (rounds - 3, rounds - 3))
    await page.close()
    return usable["rows"], usable["contents"], jump


async def measure(rounds: int, opens: int) -> None:
    """Print the times."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:{folder}/log.db"
        record(rounds, url)
        with served(url) as address:
            times = []
            for number, times_opened in enumerate((1, 1 + opens)):
                async with chromium.browser(Path(folder) / str(number)) as browser:
                    times += [await opened(browser, address, rounds) for _ in range(times_opened)]
    print(f"{rounds} tool rounds, milliseconds from the start of the navigation; jump: from its last key")
    print(f"{'':24}{'rows':>8}{'contents':>10}{'jump':>8}")
    cold, first, *rest = times
    for name, (rows, contents, jump) in (("server and browser new", cold), ("browser new", first)):
        print(f"{name:24}{rows:8.0f}{contents:10.0f}{jump:8.0f}")
    for name, chosen in (("median", statistics.median), ("slowest", max)):
        rows, contents, jump = (chosen(column) for column in zip(*rest, strict=True))
        print(f"{f'{name} of {opens}':24}{rows:8.0f}{contents:10.0f}{jump:8.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--opens", type=int, default=9)
    asked = parser.parse_args()
    asyncio.run(measure(asked.rounds, asked.opens))
