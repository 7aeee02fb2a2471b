"""Texts and messages in a file of lines: once, and before every event that has them."""

from __future__ import annotations

import json
import os

import pytest
from conversations import Conversation, from_elsewhere, plain
from hypothesis import given, settings
from hypothesis import strategies as st

from tracebus.events import Gap, decode_json
from tracebus.exceptions import UnknownEventTypeError
from tracebus.logs import Retention, open_log
from tracebus_exporters.jsonl import JsonlLog


def test_a_conversation_costs_what_is_new(tmp_path):
    """Twice as many steps are twice the bytes, and a little for the references."""
    sizes = []
    for steps in (40, 80):
        path, talk = tmp_path / f"{steps}.jsonl", Conversation()
        for _ in range(steps):
            JsonlLog(path).append(talk.step())
            log = JsonlLog(path)
        single = JsonlLog(tmp_path / f"single{steps}.jsonl")
        talk = Conversation()
        for _ in range(steps):
            single.append(talk.step())
        sizes.append(single.path.stat().st_size)
        assert plain(log.read(0, 9)) == plain(single.read(0, 9))
    assert sizes[1] < 2.5 * sizes[0]


def test_a_reader_of_today_says_that_a_file_of_tomorrow_is_newer(tmp_path):
    """What knows no parts meets one first, and takes it for what it is: from a newer version."""
    log = JsonlLog(tmp_path / "log.jsonl")
    log.append(Conversation().step())
    first = log.path.read_bytes().splitlines()[0]
    with pytest.raises(UnknownEventTypeError, match="part"):
        decode_json(first)


def test_whole_lines_where_they_are_asked_for(tmp_path):
    """`parts=off` writes every event whole, for `jq` and `grep`."""
    log = open_log(f"jsonl:{tmp_path}/log.jsonl?parts=off")
    events = Conversation().step(20)
    said = plain(events)
    log.append(events)
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert len(json.loads(lines[0])["inputs"]["messages"]) == 41
    assert plain(log.read()) == said


def test_positions_are_those_of_events(tmp_path):
    """Parts take no position; a reader may begin anywhere, also anew."""
    path, talk, said = tmp_path / "log.jsonl", Conversation(), []
    log = JsonlLog(path)
    for _ in range(5):
        events = talk.step(4)
        said += plain(events)
        assert log.append(events) == len(said)
    for after in (0, 4, 14):
        assert plain(JsonlLog(path).read(after, 3)) == said[after : after + 3]
        assert plain(log.read(after, 3)) == said[after : after + 3]


moves = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["write", "write elsewhere", "write again"]),
            st.integers(0, 1),
            st.integers(1, 20),
        ),
        st.tuples(
            st.sampled_from(["prune", "tear", "cut", "rotate", "fail"]), st.integers(0, 1), st.integers(1, 90)
        ),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=50)
@given(moves=moves)
def test_no_event_is_ever_without_its_parts(tmp_path_factory, moves):
    """Two writers, pruning, torn and cut files, rotation, a full disk: what is read is what was written."""
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    talks = [Conversation("a", "alpha " * 90), Conversation("b", "beta " * 120)]
    logs = [JsonlLog(path), JsonlLog(path)]
    said = set()
    for what, who, much in moves:
        if what.startswith("write"):
            talk = talks[1 - who] if what == "write elsewhere" else talks[who]
            events = talk.step(0 if what == "write again" else much)
            said |= set(plain(events))
            logs[who].append(from_elsewhere(events) if what == "write elsewhere" else events)
        elif path.exists():
            _harm(what, logs[who], path, much, talks[who])
        found = [event for event in JsonlLog(path).read(0, 1_000) if not isinstance(event, Gap)]
        assert set(plain(found)) <= said
        assert not any(event.cuts for event in found)
        assert plain(logs[who].read(0, 1_000)) == plain(JsonlLog(path).read(0, 1_000))


def _harm(what, log, path, much, talk):
    size = path.stat().st_size
    if what == "prune":
        log.prune(Retention(max_size=size * much // 100))
    elif what == "rotate":
        path.rename(path.with_suffix(f".{size}"))
    elif what == "fail":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "write", _no_disk)
            with pytest.raises(OSError, match="no disk"):
                log.append(talk.step())
    else:  # as a killed writer leaves it, or `copytruncate` of a program that rotates
        os.truncate(path, 0 if what == "cut" else size - size * much // 400)


def _no_disk(*_):
    raise OSError("no disk")
