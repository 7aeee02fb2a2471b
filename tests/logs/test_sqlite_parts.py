"""Texts and messages in the embedded log: stored once, there as long as an event has them."""

from __future__ import annotations

import contextlib
import multiprocessing
import shutil
import sqlite3

import pytest
from conversations import Conversation, from_elsewhere, plain
from hypothesis import given, settings
from hypothesis import strategies as st

from tracebus.events import Gap
from tracebus.logs import Retention
from tracebus_exporters.sqlite import SqliteLog, _parts, _retention


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.db"


def parts_in(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*), coalesce(sum(length(data)), 0) FROM parts").fetchone()


@pytest.mark.parametrize("given_as", [list, from_elsewhere])
def test_events_are_read_as_they_were_written(path, given_as):
    """Whole events come back, from the same process and from another, by position and by run."""
    talk, said = Conversation(), []
    with contextlib.closing(SqliteLog(path)) as log:
        for rounds in (1, 5, 40, 1):
            events = talk.step(rounds)
            said += plain(events)
            log.append(given_as(events))
        assert plain(log.read(0, 100)) == said
        assert plain(log.read_run("run")) == said
    with contextlib.closing(SqliteLog(path)) as log:
        assert plain(log.read(5, 2)) == said[5:7]


def test_a_conversation_costs_what_is_new(path):
    """Twice as many steps are twice the bytes, though each has the whole conversation."""
    sizes = []
    for steps in (40, 80):
        place = path.with_name(f"{steps}.db")
        talk = Conversation()
        with contextlib.closing(SqliteLog(place)) as log:
            for _ in range(steps):
                log.append(talk.step())
        sizes.append(parts_in(place)[1])
    assert sizes[1] < 2.2 * sizes[0]


def test_a_reader_gives_events_the_same_objects(path):
    """What many events have in common is decoded once and held once."""
    talk = Conversation()
    with contextlib.closing(SqliteLog(path)) as log:
        log.append([*talk.step(20), *talk.step(1)])
        first, second = (event for event in log.read() if type(event).__name__ == "RunStarted")
    assert first.inputs["messages"][7] is second.inputs["messages"][7]


def test_an_older_log_is_read_and_written_on(path):
    """A log of the version before opens, keeps its events, and takes new ones."""
    talk = Conversation()
    with contextlib.closing(SqliteLog(path)) as log:
        log.append([])
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "DROP TABLE parts; ALTER TABLE events DROP COLUMN parts; PRAGMA user_version = 1;"
            "INSERT INTO events (root, data) VALUES (0, '"
            '{"type":"run_started","time":1,"schema_version":1,"run_id":"a","root_run_id":"a","kind":"chain",'
            '"name":"old","inputs":{"messages":["hi"]}}' + "')"
        )
        connection.commit()
    with contextlib.closing(SqliteLog(path)) as log:
        assert log.read()[0].inputs == {"messages": ["hi"]}
        events = talk.step(10)
        said = plain(events)
        log.append(events)
        assert plain(log.read())[1:] == said


def test_an_older_log_nobody_may_write_is_read_as_it_is(tmp_path, monkeypatch):
    """In a place where it cannot be brought up to date."""
    from tracebus.exceptions import InvalidLogError
    from tracebus_exporters.sqlite import _connection

    test_an_older_log_is_read_and_written_on(tmp_path / "new.db")
    path = tmp_path / "old.db"
    shutil.copy(tmp_path / "new.db", path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "DELETE FROM events WHERE seq > 1; DROP TABLE parts; ALTER TABLE events DROP COLUMN parts;"
            "PRAGMA user_version = 1;"
        )

    def refused(_):
        raise InvalidLogError("cannot be written")

    monkeypatch.setattr(_connection, "open_for_writing", refused)
    with contextlib.closing(SqliteLog(path)) as log:
        assert [event.inputs for event in log.read()] == [{"messages": ["hi"]}]


moves = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["write", "write elsewhere", "write again"]),
            st.integers(0, 1),
            st.integers(1, 20),
        ),
        st.tuples(st.just("prune"), st.just(0), st.integers(1, 30)),
        st.tuples(st.just("reopen"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("fail"), st.integers(0, 1), st.just(3)),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=50)
@given(moves=moves, lag=st.sampled_from([1, 7, 256]))
def test_no_event_is_ever_without_its_parts(tmp_path_factory, moves, lag):
    """Two writers, pruning, failures half-way and new beginnings: what is read is what was written."""
    path = tmp_path_factory.mktemp("log") / "log.db"
    talks = [Conversation("a", "alpha " * 90), Conversation("b", "beta " * 120)]
    logs = [SqliteLog(path), SqliteLog(path)]
    said = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_parts, "LAG", lag)
        for what, who, much in moves:
            if what == "prune":
                with contextlib.ExitStack() as stack:
                    inner = stack.enter_context(pytest.MonkeyPatch.context())
                    inner.setattr(_retention, "_SLICE", much)
                    logs[0]._writer.transact(
                        lambda connection: _retention.Pruner(Retention(max_size=1)).step(connection, 0)
                    )
            elif what == "reopen":
                logs[who].close()
                logs[who] = SqliteLog(path)
            elif what == "fail":
                _fail_half_way(logs[who], talks[who].step(much), patch)
            else:
                talk = talks[1 - who] if what == "write elsewhere" else talks[who]
                events = talk.step(0 if what == "write again" else much)
                texts = plain(events)
                last = logs[who].append(from_elsewhere(events) if what == "write elsewhere" else events)
                said |= {last - 2 + place: text for place, text in enumerate(texts)}
            if what != "write":
                _compare(logs[who], said)
        _compare(logs[0], said)
    for log in logs:
        log.close()


def _compare(log, said):
    found = [event for event in log.read(0, 1_000) if not isinstance(event, Gap)]
    assert plain(found) == [said[event.seq] for event in found]


def _fail_half_way(log, events, patch):
    """Have a transaction fail after its parts were stored."""
    with pytest.MonkeyPatch.context() as inner:
        inner.setattr("tracebus_exporters.sqlite._producer.Producer.beat_if_due", _no_disk)
        with pytest.raises(OSError, match="no disk"):
            log.append(events)


def _no_disk(*_):
    raise OSError("no disk")


def test_parts_go_soon_after_their_last_event(path):
    """A retention frees the texts as well as the events."""
    with contextlib.closing(SqliteLog(path)) as log:
        for number in range(400):
            log.append(Conversation(f"r{number}", f"{number} " + "x" * 2_000).step())
        before = parts_in(path)[0]
        log._writer.transact(lambda connection: _retention.Pruner(Retention(max_size=1)).step(connection, 0))
        assert not log.read()
        assert parts_in(path)[0] < before * 0.4


def write_until_killed(path):
    log, talk = SqliteLog(path), Conversation("killed")
    while True:
        log.append(talk.step())


def test_a_writer_killed_in_the_middle_leaves_whole_events(path):
    """`kill -9` at any moment: every event stored has its parts, and the next writer goes on."""
    process = multiprocessing.get_context("spawn").Process(target=write_until_killed, args=(path,))
    process.start()
    talk = Conversation("other")
    with contextlib.closing(SqliteLog(path)) as log:
        while log.head() < 120:
            log.append(talk.step())
            assert process.is_alive()
        process.kill()
        process.join()
        log.append(talk.step(30))
        for event in log.read(0, 100_000):
            assert not event.cuts
            if type(event).__name__ == "RunStarted":
                assert all(
                    message["content"] or message["tool_calls"] for message in event.inputs["messages"]
                )
