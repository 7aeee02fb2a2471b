"""The graphs and nodes of one stream, as a tracker's runs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tracebus.capture import CapturedPayload, clean_text
from tracebus.events import RunKind
from tracebus.sources.reading._messages import as_plain, captured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus.capture import Capture
    from tracebus.sources.tracking._open_run import OpenRun
    from tracebus.sources.tracking._tracker import RunTracker

Namespace = tuple[str, ...]
"""Where a graph runs: the nodes above it, each as `NAME:TASK`, from the root."""

_serials = itertools.count()


class GraphRuns:
    """Begins graphs and nodes as soon as anything is heard of them, each once.

    Args:
        tracker: what is told.
        capture: what of the content is captured.
        root: the outermost graph's run where somebody else tells of it; else one is begun here.
    """

    def __init__(self, tracker: RunTracker, capture: Capture, root: OpenRun | None = None) -> None:
        self._tracker = tracker
        self._capture = capture
        self._seen: set[Any] = set()
        self._serial = next(_serials)
        self.owns_root = root is None
        self.root = root
        self.root_id: str | None = None
        """The outermost run's id, where the stream says it before the run begins."""
        self.names: dict[Namespace, str] = {}
        """What graphs are called, by their namespace."""

    def knows(self, namespace: Namespace) -> bool:
        """Tell whether the graph under *namespace* has begun."""
        return not namespace or self._key("graph", namespace) in self._seen

    def graph(self, namespace: Namespace) -> OpenRun | None:
        """Return the graph that speaks under *namespace*, begun if it is new, `None` if it has ended."""
        if not namespace:
            return self._outermost()
        key = self._key("graph", namespace)
        if key in self._seen:
            return self._tracker.get(key)
        self._seen.add(key)
        node = self.node(*place(namespace))
        return self._start(key, node, RunKind.GRAPH, self.names.get(namespace, "LangGraph"))

    def node(
        self, namespace: Namespace, segment: str, inputs: Any = None, metadata: Any = None
    ) -> OpenRun | None:
        """Return the node `NAME:TASK` of the graph under *namespace*, begun if it is new."""
        key = self._key("node", namespace, segment)
        if key in self._seen:
            return self._tracker.get(key)
        self._seen.add(key)
        name, graph = segment.partition(":")[0], self.graph(namespace)
        return self._start(key, graph, RunKind.NODE, name, inputs=inputs, metadata=metadata)

    def open_node(self, namespace: Namespace, name: str | None = None) -> OpenRun | None:
        """Return the node begun last that is open under *namespace*, of a name or of any."""
        for run in reversed(list(children(self.graph(namespace)))):
            key: Any = run.key
            if run.kind is RunKind.NODE and name in (None, key[3].partition(":")[0]):
                return run
        return None

    def kept(self, value: Any) -> Any:
        """Return *value* as an event holds it."""
        return None if value is None else captured(value, self._capture)

    def _outermost(self) -> OpenRun | None:
        if self.root is None:
            name = self.names.get((), "LangGraph")
            self.root = self._start(self._key("root"), None, RunKind.GRAPH, name, run_id=self.root_id)
        return self.root

    def _key(self, *parts: Any) -> tuple[Any, ...]:
        return (self._serial, *parts)  # several streams may be read into one tracker

    def _start(
        self,
        key: Any,
        parent: OpenRun | None,
        kind: RunKind,
        name: str,
        *,
        inputs: Any = None,
        metadata: Any = None,
        run_id: str | None = None,
    ) -> OpenRun | None:
        return self._tracker.start(
            key,
            None if parent is None else parent.key,
            run_id=run_id or str(uuid4()),
            kind=kind,
            name=clean_text(name),
            owner=self,
            capture=self._capture,
            inputs=self.kept(inputs),
            metadata=CapturedPayload(dict(metadata), self._capture, as_plain) if metadata else {},
        )


def children(run: OpenRun | None) -> Iterator[OpenRun]:
    """Yield the open runs directly below *run*."""
    yield from list((run.children or {}).values()) if run is not None else ()


def place(namespace: Namespace) -> tuple[Namespace, str]:
    """Return the namespace around, and the node that a namespace ends in.

    A task's second sub-graph and the following have their number behind the node.
    """
    end = len(namespace)
    while end > 1 and namespace[end - 1].isdigit():
        end -= 1
    return namespace[: end - 1], namespace[end - 1]
