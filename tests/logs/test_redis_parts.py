"""Texts and messages in Redis: once a run, there as long as the run's events."""

from __future__ import annotations

import contextlib

import pytest
from conversations import Conversation, from_elsewhere, plain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracebus.events import Gap, decode_batch
from tracebus.exceptions import UnknownEventTypeError
from tracebus.logs import Retention, open_log
from tracebus_exporters.redis import _packing, _retention, _script, _writer


@pytest.mark.parametrize("given_as", [list, from_elsewhere])
def test_events_are_read_as_they_were_written(redis_server, given_as):
    """Whole events come back, from this process and another, by position and by run."""
    url, talk, said = redis_server.url(), Conversation(), []
    with contextlib.closing(open_log(url)) as log, contextlib.closing(open_log(url)) as other:
        for rounds in (1, 5, 40, 1):
            events = talk.step(rounds)
            said += plain(events)
            log.append(given_as(events))
        assert plain(log.read(0, 100)) == said
        assert plain(other.read(5, 2)) == said[5:7]
        assert plain(other.read_run("run")) == said


def test_a_conversation_costs_what_is_new(own_redis_server):
    """Twice as many steps are twice the bytes, and a little for the references."""
    from redis import Redis

    client, sizes = Redis(port=own_redis_server.port), []
    for steps in (40, 80):
        client.flushall()
        talk = Conversation()
        with contextlib.closing(open_log(own_redis_server.url())) as log:
            for _ in range(steps):
                log.append(talk.step())
        sizes.append(sum(client.memory_usage(key, samples=0) for key in client.scan_iter()))
    assert sizes[1] < 2.6 * sizes[0]
    client.close()


def test_a_version_that_knows_no_parts_says_so():
    """It finds an event of a type it does not know in the place of those it could not read whole."""
    with pytest.raises(UnknownEventTypeError, match="part"):
        decode_batch(_packing.NEWER)


def _harm(what, server, log, much):
    from redis import Redis

    with contextlib.closing(Redis(port=server.port)) as client:
        if what == "prune":
            size = sum(client.memory_usage(key) for key in client.scan_iter("*:run:*"))
            log.prune(Retention(max_size=size * much // 100))
        elif what == "empty":
            client.flushall()
        elif what == "expire":  # all keys of a run end together
            for key in client.scan_iter():
                if b":run:a" in key or b":about:a" in key or b":parts:a" in key or b":stamps:a" in key:
                    client.delete(key)


moves = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["write", "write elsewhere", "write again"]),
            st.integers(0, 1),
            st.integers(1, 20),
        ),
        st.tuples(
            st.sampled_from(["prune", "empty", "expire", "reopen"]), st.integers(0, 1), st.integers(1, 90)
        ),
    ),
    max_size=10,
)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=moves, lag=st.sampled_from([2, 20, 20_000]))
def test_no_event_is_ever_without_its_parts(own_redis_server, moves, lag):
    """Two writers, pruning, a server that lost all or a run: what is read is what was written."""
    url = own_redis_server.url()
    talks = [Conversation("a", "alpha " * 90), Conversation("b", "beta " * 120)]
    said = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_retention, "PART_LAG", lag)
        script = _writer._SCRIPT.replace(f"- {_script.PART_LAG}", f"- {lag}")
        assert script != _writer._SCRIPT or lag == _script.PART_LAG
        patch.setattr(_writer, "_SCRIPT", script)
        logs = [open_log(url), open_log(url)]
        for what, who, much in moves:
            if what.startswith("write"):
                talk = talks[1 - who] if what == "write elsewhere" else talks[who]
                events = talk.step(0 if what == "write again" else much)
                said |= set(plain(events))
                logs[who].append(from_elsewhere(events) if what == "write elsewhere" else events)
            elif what == "reopen":
                logs[who].close()
                logs[who] = open_log(url)
            else:
                _harm(what, own_redis_server, logs[who], much)
            with contextlib.closing(open_log(url)) as reader:
                found = [event for event in reader.read(0, 1_000) if not isinstance(event, Gap)]
            assert set(plain(found)) <= said
            assert not any(event.cuts for event in found)
        for log in logs:
            log.close()


def test_what_a_run_no_longer_refers_to_is_removed(redis_server):
    """Of a run whose stream is trimmed, the parts go with the events."""
    from redis import Redis

    url = redis_server.url("&run_entries=100")
    with pytest.MonkeyPatch.context() as patch, contextlib.closing(open_log(url)) as log:
        patch.setattr(_writer, "_SCRIPT", _writer._SCRIPT.replace(f"- {_script.PART_LAG}", "- 50"))
        for number in range(900):
            log.append(Conversation("run", f"{number} " + "x" * 600).step()[:2])
        with contextlib.closing(Redis(port=redis_server.port)) as client:
            kept = client.hlen(log._keys.parts("run"))
        assert kept < 500
        assert not any(event.cuts for event in log.read_run("run"))
