"""The page in a real browser."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

pytest.importorskip("aiohttp", reason="needs aiohttp, to talk to the browser")

import chromium

from tracebus.events import Gap, Outcome, RunEnded, RunKind, RunStarted
from tracebus.logs import open_log
from tracebus_exporters.web import create_app

pytestmark = chromium.NEEDED


async def test_the_page_says_what_was_missed(tmp_path, story, serving):
    """Events that were lost on their way are counted beside the runs; nothing is said while there are none."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    log.append(story.whole("first"))
    seen = "((one) => one?.checkVisibility() ? one.innerText : '')(document.getElementById('{}'))"
    counts, missed = seen.format("counts"), seen.format("missed")
    with serving(create_app(log)) as address:
        async with chromium.browser(tmp_path) as browser:
            page = await browser.page(address)
            await page.until(counts, lambda text: "1 ✓" in text)
            assert await page.evaluate(missed) == ""
            log.append([Gap(time=time.time_ns(), missed=5), *story.whole("second")])
            await page.until(missed, lambda text: text == "5 missed")
            await page.until(counts, lambda text: "2 ✓" in text)
            if folder := os.environ.get("TRACEBUS_PICTURES"):
                await page.picture(Path(folder) / "page.png")
            assert page.said("Runtime.exceptionThrown") == []
    log.close()


async def test_a_decision_model_s_questions_and_answers_are_readable(tmp_path, serving):
    """Not JSON: what was asked, the possible answers, what was answered."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    question = {"type": "choice", "instructions": "Which team?", "criteria": {"billing": "Invoices."}}
    about = {"run_id": "m", "root_run_id": "m"}
    log.append(
        [
            RunStarted(
                time=time.time_ns(),
                kind=RunKind.CHAT_MODEL,
                name="Decides",
                inputs={"state": "Stripe fails.", "questions": {"team": question}},
                **about,
            ),
            RunEnded(
                time=time.time_ns(),
                outcome=Outcome.OK,
                outputs={"answers": {"team": {"type": "choice", "choice": "billing", "confidence": 0.7}}},
                **about,
            ),
        ]
    )
    with serving(create_app(log)) as address:
        async with chromium.browser(tmp_path) as browser:
            page = await browser.page(f"{address}/#m")
            shown = "document.body?.innerText ?? ''"
            await page.until(shown, lambda text: "Decides" in text)
            text = await page.until(shown, lambda text: "team: billing (confidence 0.7)" in text)
            if folder := os.environ.get("TRACEBUS_PICTURES"):
                await page.picture(Path(folder) / "decision.png")
            await page.key("]")
            text = await page.until(shown, lambda text: "Stripe fails." in text)
            assert "team (choice): Which team?" in text
            assert "billing: Invoices." in text
            assert "Stripe fails." in text
            assert page.said("Runtime.exceptionThrown") == []
    log.close()
