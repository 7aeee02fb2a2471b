from __future__ import annotations

import asyncio
import contextlib
import time

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tracebus.events import Gap, ModelInfo, Outcome, RunEnded, RunKind, RunStarted, TokenUsage
from tracebus.logs import open_log
from tracebus.runstate import apply
from tracebus_exporters.web.watching._hub import Hub
from tracebus_exporters.web.watching._list import RunList
from tracebus_exporters.web.watching._source import LogSource

_ids = {
    "time": st.just(1_000_000),
    "run_id": st.sampled_from("abcdef"),
    "root_run_id": st.sampled_from("abc"),
}
_events = st.one_of(
    st.builds(RunStarted, kind=st.just(RunKind.CHAIN), name=st.just("n"), **_ids),
    st.builds(
        RunEnded,
        outcome=st.sampled_from(Outcome),
        usage=st.none() | st.builds(TokenUsage, input_tokens=st.none() | st.integers(0, 3)),
        **_ids,
    ),
    st.builds(Gap, time=st.just(1), missed=st.integers(1, 9)),
)


@given(st.lists(st.lists(_events, max_size=6), max_size=6), st.integers(1, 3))
def test_the_operations_lead_to_the_list(frames, limit):
    """Whatever happens, a follower has the list as it is."""
    runs = RunList(limit)
    follower = {"runs": {}, "missed": 0}
    for frame in frames:
        apply(follower, runs.apply_all(frame))
        assert follower == runs.document
    apply(follower, runs.lose("abc"))
    assert follower == runs.document
    gaps = [event for frame in frames for event in frame if isinstance(event, Gap)]
    assert follower["missed"] == sum(gap.missed for gap in gaps)


def test_open_runs_stay_and_finished_ones_make_room(story):
    """A batch of more roots than the list holds keeps each until it ends; none comes back as unknown."""
    runs = RunList(limit=3)
    roots = [f"r{number}" for number in range(10)]
    runs.apply_all([story.start(root) for root in roots])
    assert list(runs.document["runs"]) == roots
    for root in roots:
        runs.apply_all(story.whole(root)[1:])
    assert list(runs.document["runs"]) == roots[-3:]
    assert {run["name"] for run in runs.document["runs"].values()} == set(roots[-3:])


def test_what_an_index_has_counted_is_not_counted_again(story, tmp_path):
    """Events that were stored between two looks at the log count once."""
    from tracebus.logs import RunQuery

    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    log.append(story.whole())
    runs = RunList(limit=3)
    runs.load(log.runs(RunQuery()), seq=0)
    assert runs.apply_all(log.read(0)) == []
    assert runs.document["runs"]["root"]["total_tokens"] == 8
    log.close()


async def test_a_run_that_began_long_before_is_introduced(tmp_path, story, follower, monkeypatch):
    """An open run too old for the list is listed by its name when something happens in it."""
    from tracebus_exporters.web.watching import _hub

    monkeypatch.setattr(_hub, "_LISTED", 1)
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    old = story.whole("old")
    log.append([old[0], *story.whole("newer")])
    hub = Hub(LogSource(log), frame=0.0)
    await hub.start()
    client = follower()
    async with contextlib.aclosing(hub.list.stream()) as stream:
        log.append(old[1:])
        while client.state is None or client.state["runs"].get("old", {}).get("name") != "old":
            client.take(await anext(stream))
    assert client.state["runs"]["old"]["total_tokens"] == 8
    await hub.close()
    log.close()


async def test_what_a_log_has_lost_is_in_the_list(tmp_path, story, follower):
    """Events a program gave up before they were stored, and events let go before they were read, both count."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    log.append(story.whole("old"))
    hub = Hub(LogSource(log), frame=0.0)
    await hub.start()
    client = follower()
    async with contextlib.aclosing(hub.list.stream()) as stream:
        client.take(await anext(stream))
        client.take(await anext(stream))
        assert client.state["missed"] == 0
        log.append([Gap(time=time.time_ns(), missed=5), *story.whole("new")])
        while client.state["missed"] != 5 or "new" not in client.state["runs"]:
            client.take(await anext(stream))
    await hub.close()
    log.close()


async def test_stored_runs_show_what_they_were_given_and_gave(tmp_path, story, follower):
    """Also a streamed one, which knew its input at its end only; an index has neither."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    first, *_, last = story.whole("streamed")
    question, answer = "which line goes to the harbour after midnight? " * 4, "the night bus"
    log.append([replace(first, inputs=None), replace(last, inputs=question, outputs=answer)])
    hub = Hub(LogSource(log), frame=0.0)
    await hub.start()
    client = follower()
    async with contextlib.aclosing(hub.list.stream()) as stream:
        while client.state is None or not client.state["runs"]["streamed"]["output"]:
            client.take(await anext(stream))
    shown = client.state["runs"]["streamed"]
    assert shown["input"].startswith("which line goes to the harbour")
    assert shown["output"] == answer
    await hub.close()
    log.close()


def test_a_live_run_shows_the_input_it_knew_at_its_end(story):
    """As every streamed chain's."""
    runs = RunList(limit=3)
    first, *_, last = story.whole("streamed")
    runs.apply_all([replace(first, inputs=None), replace(last, inputs="why?", outputs="so")])
    assert runs.document["runs"]["streamed"]["input"] == "why?"


PRICED = ModelInfo(provider="openai", name="gpt-4o-mini")


def _dear(story, root):
    """Return a run of which one model ended in an error and one cost something."""
    usage = TokenUsage(input_tokens=1_000_000, output_tokens=0, total_tokens=1_000_000)
    bad, good = f"{root}.bad", f"{root}.good"
    return [
        story.start(root),
        story.start(bad, root, RunKind.CHAT_MODEL),
        story.end(bad, Outcome.ERROR),
        story.start(good, root, RunKind.CHAT_MODEL, model=PRICED),
        story.end(good, usage=usage, model=ModelInfo(name="gpt-4o-mini")),
        story.end(root),
    ]


async def test_rows_know_what_failed_inside_and_what_it_cost(story, tmp_path):
    """Of stored runs about, by the index; of what comes in exactly; nothing twice."""
    log = open_log(f"sqlite:{tmp_path / 'log.db'}")
    log.append([*_dear(story, "old"), *_dear(story, "open")[:-1]])
    hub = Hub(LogSource(log), frame=0.001)
    await hub.start()
    while hub.runs.document["runs"]["old"]["cost"] is None:  # noqa: ASYNC110  a state, which tells nobody
        await asyncio.sleep(0.001)
    log.append([story.end("open"), *_dear(story, "new")])
    await hub.caught_up(log.head())
    runs = hub.runs.document["runs"]
    found = {root: (run["failures"], run["cost"], run["about"]) for root, run in runs.items()}
    assert found == {"old": (1, 0.15, True), "open": (1, 0.15, True), "new": (1, 0.15, False)}
    await hub.close()
    log.close()
