"""The runs of a test, to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tracebus.causes import causes
from tracebus.events import Gap, RunKind, encode_json
from tracebus.pytest._telling import RunsAssertionError, failure
from tracebus.shape import shape_of
from tracebus.tree import RunStatus, RunTree, TotalOf

if TYPE_CHECKING:
    from collections.abc import Collection

    from tracebus.bus import EventBus
    from tracebus.testing import RecordingExporter
    from tracebus.tree import RunNode

__all__ = ["RunsSoFar"]

_PATIENCE = 5.0


class RunsSoFar:
    """The runs of a test, as far as they have come. Reading waits for events on their way."""

    def __init__(self, bus: EventBus, exporter: RecordingExporter) -> None:
        self._bus = bus
        self._exporter = exporter
        self._tree = RunTree()
        self._applied = 0
        self.told = False
        """Whether a failure's message has shown the tree."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.runs)} runs>"

    # What there is.

    @property
    def roots(self) -> list[RunNode]:
        """The root runs, in the order they began."""
        self._bus.flush(_PATIENCE)
        events = self._exporter.events
        for event in events[self._applied :]:
            self._tree.apply(event)
        self._applied = len(events)
        return list(self._tree.roots)

    @property
    def runs(self) -> list[RunNode]:
        """All runs, parents before what is below them."""
        return [node for root in self.roots for node in root.walk()]

    @property
    def models(self) -> list[RunNode]:
        """The calls of chat models and other language models."""
        return [node for node in self.runs if node.kind in (RunKind.CHAT_MODEL, RunKind.LLM)]

    @property
    def tools(self) -> list[str]:
        """The names of the tools that ran, in the order they began."""
        return [node.name for node in self._tool_runs()]

    @property
    def tool_calls(self) -> list[tuple[str, Any]]:
        """The tools that ran, in order, each with its arguments as JSON."""
        return [(node.name, node.inputs) for node in self._tool_runs()]

    @property
    def errors(self) -> list[RunNode]:
        """The runs that failed by themselves, not because one below them did."""
        return [node for root in self.roots for node in causes(root)]

    @property
    def totals(self) -> TotalOf:
        """Tokens, cost and retries of all runs: `.usage`, `.cost`, `.retries`."""
        return TotalOf(self.roots)

    @property
    def shape(self) -> str:
        """Names, kinds, order and outcomes as text: `tracebus.shape.shape_of`."""
        return shape_of(self.roots)

    def run(self, name: str) -> RunNode:
        """Return the first run of this name.

        Raises:
            RunsAssertionError: there is none.
        """
        __tracebackhide__ = True
        found = self._named(name)
        if not found:
            raise self._failure(f"no run is called {name!r}")
        return found[0]

    def given(self, name: str) -> Any:
        """Return what the first run of this name was given, as JSON.

        Raises:
            RunsAssertionError: there is no such run.
        """
        __tracebackhide__ = True
        return self.run(name).inputs

    def put_out(self, name: str) -> Any:
        """Return what the first run of this name put out, as JSON.

        Raises:
            RunsAssertionError: there is no such run.
        """
        __tracebackhide__ = True
        return self.run(name).outputs

    def as_json_lines(self) -> bytes:
        """Return the events as a JSON Lines log has them."""
        self._bus.flush(_PATIENCE)
        numbered = (
            msgspec.structs.replace(event, seq=number)
            for number, event in enumerate(self._exporter.events, 1)
            if not isinstance(event, Gap)
        )
        return b"".join(encode_json(event) + b"\n" for event in numbered)

    # Within.

    def _tool_runs(self) -> list[RunNode]:
        found = [node for node in self.runs if node.kind is RunKind.TOOL]
        return sorted(found, key=lambda node: node.started_at or 0)

    def _tools_named(self, name: str) -> list[RunNode]:
        return [node for node in self._tool_runs() if node.name == name]

    def _named(self, name: str) -> list[RunNode]:
        return [node for node in self.runs if node.name == name]

    def _more_than(self, seen: int, seconds: float) -> bool:
        """Wait until there are more than *seen* events; return whether there are."""
        try:
            self._exporter.wait_for(lambda events: len(events) > seen, seconds)
        except TimeoutError:
            return False
        return True

    def _open(self) -> list[RunNode]:
        return [node for node in self.runs if node.status is RunStatus.RUNNING]

    def _failure(self, message: str, spots: Collection[RunNode] = ()) -> RunsAssertionError:
        self.told = True
        return failure(message, self.roots, spots)
