"""Logs on files against a naive model: any batches, any gaps, any positions, any pruning."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracebus.events import Gap, RunStreamed
from tracebus.logs import Retention
from tracebus_exporters.jsonl import JsonlLog
from tracebus_exporters.sqlite import SqliteLog

NOW = time.time_ns()

events = st.one_of(
    st.builds(
        lambda run, text: RunStreamed(time=NOW, run_id=run, root_run_id=run, text=text),
        st.sampled_from("abc"),
        st.text(max_size=5),
    ),
    st.builds(lambda missed: Gap(time=NOW, missed=missed), st.integers(1, 50)),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(events, max_size=8)),
        st.tuples(st.just("read"), st.tuples(st.integers(0, 200), st.integers(1, 20))),
        st.tuples(st.just("reopen"), st.none()),
    ),
    max_size=12,
)


class Model:
    """What a log is: a list of events and their positions."""

    def __init__(self):
        self.stored = []
        self.head = 0

    def append(self, batch):
        for event in batch:
            self.head += event.missed if isinstance(event, Gap) else 1
            self.stored.append((self.head, event))

    def read(self, after, limit):
        return [(seq, plain(event)) for seq, event in self.stored if seq > after][:limit]


def plain(event):
    return ("gap",) if isinstance(event, Gap) else (event.run_id, event.text)


@pytest.mark.parametrize("make", [SqliteLog, JsonlLog])
@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_a_log_is_its_list_of_events(make, steps):
    """Appending, reading from anywhere and opening again in any order gives what a list would."""
    model = Model()
    with tempfile.TemporaryDirectory() as folder:
        log = make(Path(folder) / "log")
        for step, argument in steps:
            if step == "append":
                assert log.append(argument) == (model.append(argument) or model.head)
            elif step == "read":
                found = log.read(*argument)
                assert [(event.seq, plain(event)) for event in found] == model.read(*argument)
            else:
                log.close()
                log = make(Path(folder) / "log")
            assert log.head() == model.head
        log.close()


@pytest.mark.parametrize("make", [SqliteLog, JsonlLog])
@settings(max_examples=30, deadline=None)
@given(batches=st.lists(st.lists(events, min_size=1, max_size=8), min_size=1, max_size=8), data=st.data())
def test_a_reader_accounts_for_every_position_after_pruning(make, batches, data):
    """Seen plus missed is everything, from any position, whatever was pruned in between."""
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(make(Path(folder) / "log")) as log:
        for batch in batches:
            head = log.append(batch)
            if data.draw(st.booleans()):
                log.prune(Retention(max_size=data.draw(st.integers(0, 2000))))
        log.append([RunStreamed(time=NOW, run_id="end", root_run_id="end")])
        after = data.draw(st.integers(1, head))
        position = after
        while page := log.read(position, data.draw(st.integers(1, 5))):
            for event in page:
                assert event.seq - (event.missed if isinstance(event, Gap) else 1) <= position
                position = event.seq
        assert position == head + 1
