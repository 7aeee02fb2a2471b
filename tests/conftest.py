"""What most tests need: a bus that remembers, and questions to ask of its events."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings

from tracebus import EventBus
from tracebus.events import RunEnded, RunStarted, RunStreamed
from tracebus.testing import RecordingExporter

with suppress(ImportError):  # nobody promises that it is there
    # Hypothesis imports this in the middle of a test, and pytest parses it then to rewrite its assertions.
    # While a thread of LangChain's parses a lambda's source, to see what that takes, CPython 3.11 before
    # 3.11.8 raises "SystemError: AST constructor recursion depth mismatch" (python/cpython#106905): it failed
    # a test of cancellation once. LangChain catches its own.
    import hypothesis.internal.conjecture.optimiser  # noqa: F401  # only so that it is there

settings.register_profile("any machine", deadline=None)  # one that is busy fails no test
settings.load_profile("any machine")
sys.path[:0] = [
    str(Path(__file__).parent / folder) for folder in ("kit", "canary")
]  # the tests are no package


class Watch:
    """A bus with a recording exporter on it."""

    def __init__(self) -> None:
        self.bus = EventBus()
        self.exporter = RecordingExporter()
        self.bus.attach(self.exporter)

    @property
    def events(self):
        assert self.bus.flush(10) or self.bus.closed
        return self.exporter.events

    @property
    def started(self):
        return [event for event in self.events if isinstance(event, RunStarted)]

    @property
    def ends(self):
        return {event.run_id: event for event in self.events if isinstance(event, RunEnded)}

    def wait_until_all_ended(self, *, runs=1):
        """Wait until at least *runs* runs began and every one of them has ended."""
        self.exporter.wait_for(lambda events: _balanced(events, runs), 10)
        return self.check()

    async def await_until_all_ended(self, *, runs=1):
        await self.exporter.await_for(lambda events: _balanced(events, runs), 10)
        return self.check()

    def check(self):
        """Assert what holds for every program; return self."""
        begun, ended = {}, set()
        for event in self.events:
            if isinstance(event, RunStarted):
                assert event.run_id not in begun, f"{event.name} began twice"
                if event.parent_run_id is not None:
                    assert event.parent_run_id in begun
                    assert event.root_run_id == begun[event.parent_run_id].root_run_id
                    assert begun[event.parent_run_id].time <= event.time
                else:
                    assert event.root_run_id == event.run_id
                begun[event.run_id] = event
            elif isinstance(event, RunEnded):
                assert event.run_id in begun, "an end without a start"
                assert event.run_id not in ended, f"{begun[event.run_id].name} ended twice"
                assert event.time >= begun[event.run_id].time
                ended.add(event.run_id)
        assert begun.keys() == ended, f"left open: {[begun[i].name for i in begun.keys() - ended]}"
        counters = self.bus.statistics().counters
        assert not counters.get("callback_errors"), counters
        return self

    def run(self, name, index=0):
        """Return the RunStarted of the *index*-th run called *name*."""
        found = [event for event in self.started if event.name == name]
        assert len(found) > index, f"no run {name!r}; there are {[event.name for event in self.started]}"
        return found[index]

    def end(self, name, index=0):
        """Return the RunEnded of the *index*-th run called *name*."""
        return self.ends[self.run(name, index).run_id]

    def outcomes(self):
        """Return {name: outcome} of all runs; of several runs of a name, the last one's."""
        return {event.name: str(self.ends[event.run_id].outcome) for event in self.started}

    def outcomes_so_far(self):
        """Return the same of the runs that have ended."""
        ends = self.ends
        return {event.name: str(ends[event.run_id].outcome) for event in self.started if event.run_id in ends}

    def parents(self):
        """Return {name: parent's name} of all runs."""
        names = {event.run_id: event.name for event in self.started}
        return {event.name: names.get(event.parent_run_id) for event in self.started}

    def children(self, name, index=0):
        """Return the names of the direct children of a run, in order."""
        run_id = self.run(name, index).run_id
        return [event.name for event in self.started if event.parent_run_id == run_id]

    def text(self, name, index=0):
        """Return what a run streamed."""
        run_id = self.run(name, index).run_id
        return "".join(e.text for e in self.events if isinstance(e, RunStreamed) and e.run_id == run_id)


def _balanced(events, runs):
    begun = {event.run_id for event in events if isinstance(event, RunStarted)}
    return len(begun) >= runs and begun == {e.run_id for e in events if isinstance(e, RunEnded)}


@pytest.fixture
def watch():
    """Give a fresh bus that remembers."""
    watch = Watch()
    yield watch
    assert watch.bus.close(10)
