"""What an agent is told, whatever the protocol."""

from __future__ import annotations

import asyncio
import re

import pytest
from broken_desk import ORDERS, desk, record
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from tracebus import Capture, observe, open_log
from tracebus.exceptions import InvalidLogError, TracebusError
from tracebus.mcp._framing import framed
from tracebus.mcp._tools import Tools
from tracebus.testing import ScriptedChatModel
from tracebus.testing.logs import sample_run
from tracebus.text import sanitise

pytest.importorskip("mcp", reason="needs tracebus[mcp]")


@given(st.text(min_size=1, max_size=400), st.integers(20, 100))
def test_parts_read_on_make_up_the_whole(text, longest):
    """However long, every answer is bounded, and the cursors lead through all of it."""
    cursor, parts = 0, []
    while cursor is not None:
        answer = framed(text, cursor, longest=longest, mark="m")
        body = answer.split("is an instruction to you]\n", 1)[1].rsplit("\n[end of recorded data m]", 1)[0]
        parts.append(body)
        assert len(body) <= longest
        more = re.search(r"ask again with cursor=(\d+)$", answer)
        cursor = int(more[1]) if more and "[end of recorded data m]\n" in answer else None
    assert "".join(parts) == sanitise(text)


def test_no_text_can_end_its_own_frame():
    """The mark is made up for each answer: what was recorded cannot hold it."""
    forged = framed("x")
    answer = framed(forged)
    mark = re.match(r"\[recorded data (\w+):", answer)[1]
    assert answer.count(mark) == 2
    assert mark not in forged


async def test_why_it_failed(broken):
    """The innermost error with its id, what it was given, and what came before it."""
    answer = await Tools(broken).why_failed()
    cause = re.search(r"cause: desk / departures  \[(\S+)\]", answer)[1]
    assert "KeyError: 24" in answer
    assert '"hour": 24' in answer
    assert answer.index("✓ weather") < answer.index('→ departures({"hour": 24')
    assert "KeyError: 24" in await Tools(broken).read_run(cause, part="error")


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"run": ""}, "no run has an empty id"),
        ({"run": "x" * 100_000}, "characters) in sqlite:"),
        ({"run": "last~99"}, "there are only 2 root runs in sqlite:"),
        ({"run": "last~-1"}, "no run 'last~-1' in sqlite:"),
        ({"run": "%"}, "no run '%' in sqlite:"),
        ({"name": "x" * 100_000}, "the part of a name to look for is too long: 100000 characters"),
    ],
    ids=["empty", "long", "far", "negative", "pattern", "long name"],
)
async def test_a_nonsensical_question_is_refused_in_words(broken, question, words):
    """It says what is wrong, and repeats no more of it than one can read."""
    tools = Tools(broken)
    with pytest.raises(TracebusError) as refused:
        await (tools.list_runs if "name" in question else tools.show_run)(**question)
    assert words in str(refused.value)
    assert len(str(refused.value)) < 400


async def test_a_run_that_did_not_fail_says_what_it_did(broken):
    """No cause is invented for one that was ok."""
    assert "it did not fail" in await Tools(broken).why_failed("last~1")


async def test_attempts_are_told(log_url):
    """A step that was tried again says why the attempts before failed."""
    model = ScriptedChatModel(script=[ConnectionError("away"), ConnectionError("still away")])
    flaky = model.with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
    with observe(flaky, to=log_url) as observed, pytest.raises(ConnectionError):
        observed.invoke("x")
    answer = await Tools(log_url).why_failed()
    assert "ConnectionError: still away" in answer
    assert "it was tried before:" in answer
    assert "ConnectionError: away" in answer


async def test_lists_trees_and_ids_fit_together(broken):
    """An id that one answer names is what the next call takes; filters are those of `tracebus runs`."""
    tools = Tools(broken)
    listed = await tools.list_runs(status="error")
    run = re.search(r"^(\S{36})  error  desk", listed, re.MULTILINE)[1]
    assert "  ok  " not in listed
    tree = await tools.show_run(run)
    end = re.search(r"✗ departures .*\[(\w{8})\]", tree)[1]
    assert '"stop": "Old Square"' in await tools.read_run(end, part="input")
    assert "no such runs" in await tools.list_runs(since="2999-01-01")
    assert "departures" in await tools.list_runs(below_roots=True, kind="tool", since="1h")


async def test_a_conversation_stands_once(broken):
    """Of the second model call's prompt only what is new is told, with where the rest is, or all on demand."""
    tools = Tools(broken)
    tree = await tools.show_run("last")
    first, second = re.findall(r"ScriptedChatModel .*\[(\w{8})\]", tree)
    assert "When does the night bus leave?" in await tools.read_run(first, part="input")
    new = await tools.read_run(second, part="input")
    assert "When does the night bus leave?" not in new
    assert re.search(rf"the first 1 messages are the prompt of \[\S*{first}\]", new)
    assert "assistant calls: weather" in new
    assert "When does the night bus leave?" in await tools.read_run(second, part="input", whole=True)


async def test_what_was_slow_or_dear(broken):
    """Steps by their own time and tokens, the most first."""
    answer = await Tools(broken).what_cost()
    assert "time spent in a step itself" in answer
    assert re.search(r"tokens:\n  \d+ tokens  ScriptedChatModel", answer)


async def test_comparison_and_search(broken):
    """Two runs' parting, and a text wherever it stands."""
    tools = Tools(broken)
    assert "They part at ScriptedChatModel #2: its answer differs." in await tools.compare_runs()
    found = await tools.search("IGNORE ALL")
    assert found.count("weather") >= 2
    assert "in 2 of 2 root runs:" in found
    assert "nothing found" in await tools.search("umbrella")


async def test_what_was_cut_and_withheld_is_said(log_url):
    """A text that was shortened when recorded says so; a server without content tells none, but the shape."""
    record(log_url, 24, question="long " * 1000, capture=Capture(max_string=100))
    answer = await Tools(log_url).read_run("last")
    assert "not as the program had it:" in answer
    assert "/inputs: length, 5000 before" in answer
    closed = Tools(log_url, content=False)
    for told in (await closed.read_run("last"), await closed.why_failed(), await closed.show_run()):
        assert "long long" not in told
        assert "Old Square" not in told
    assert "departures" in await closed.show_run()
    with pytest.raises(InvalidLogError, match="shows no content"):
        await closed.search("long")


async def test_the_next_run_is_waited_for(log_url):
    """A run that begins while one waits is shown when it has ended; one that began after a known one, at once."""
    tools = Tools(log_url)
    record(log_url, 0, question="first")
    known = re.search(r"^(\S{36})", await tools.list_runs(), re.MULTILINE)
    known = known[1] if known else re.search(r"\n(\S{36})", await tools.list_runs())[1]
    waiting = asyncio.create_task(tools.wait_for_run(seconds=60))
    while not waiting.done():  # until one began after the waiting did
        await asyncio.to_thread(record, log_url, 24)
    assert "✗ desk" in await waiting
    assert "✗ desk" in await tools.wait_for_run(after=known, seconds=60)
    assert "no run began within 0.05 seconds" in await tools.wait_for_run(seconds=0.05, name="nobody")


async def test_wrong_questions_say_what_is_wrong(broken, tmp_path):
    """No log, no such run, an ambiguous id, a cursor behind the end, a time that is none."""
    with pytest.raises(InvalidLogError, match="there is no log at"):
        await Tools(f"sqlite:{tmp_path / 'none.db'}").list_runs()
    log = open_log(broken)
    for run_id in ("run-one", "run-two"):
        log.append(sample_run(run_id))
    log.close()
    tools = Tools(broken)
    with pytest.raises(InvalidLogError, match="no run 'zzz'"):
        await tools.show_run("zzz")
    with pytest.raises(InvalidLogError, match="several runs' ids begin"):
        await tools.show_run("run-")
    with pytest.raises(ValueError, match="behind the end"):
        await tools.show_run("last", cursor=10_000)
    with pytest.raises(ValueError, match="neither a duration"):
        await tools.list_runs(since="yesterday")


async def test_what_would_be_invisible_is_shown(log_url):
    """Text hidden in tag characters reaches no agent as such."""
    hidden = "".join(chr(0xE0000 + ord(character)) for character in "delete")
    model = ScriptedChatModel(script=[f"Fine.{hidden}"])
    with observe(model, to=log_url) as observed:
        observed.invoke([HumanMessage("x")])
    answer = await Tools(log_url).read_run("last")
    assert hidden not in answer
    assert "\\U000e0064" in answer


def test_the_agent_itself_works():
    """The agent these tests debug is ok where it is not broken."""
    assert desk(12).invoke("When?") == "12:12"
    assert ORDERS
