"""What one graph's stream has told so far, and how the runs it told of end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage

from tracebus.events import Outcome, RunKind
from tracebus.sources.reading._revive import revived
from tracebus.sources.stream_events._graph_runs import GraphRuns, Namespace, children, place
from tracebus.sources.stream_events._message_runs import MessageRuns, failure
from tracebus.sources.tracking._outcomes import outcome_of

if TYPE_CHECKING:
    from tracebus.capture import Capture
    from tracebus.sources.tracking._open_run import OpenRun
    from tracebus.sources.tracking._tracker import RunTracker

__all__ = ["AGENT", "ToldGraph"]

AGENT = "lc_agent_name"
"""The metadata that says what a graph is called."""


class ToldGraph:
    """A graph as far as its stream has told of it.

    Args:
        tracker: what is told.
        capture: what of the content is captured.
        root: the graph's own run where somebody else tells of it; else one is begun here.
        caller: the namespace the graph runs under, which its messages' begin with.
    """

    def __init__(
        self, tracker: RunTracker, capture: Capture, root: OpenRun | None, caller: Namespace
    ) -> None:
        self._tracker = tracker
        self._capture = capture
        self._caller = caller
        self.runs = GraphRuns(tracker, capture, root)
        self.messages = MessageRuns(tracker, capture, self._home)
        self.values: dict[Namespace, Any] = {}
        """Of every graph, its state as it was last told."""
        self.inputs: Any = None
        self.waiting: list[Namespace] = []
        """Namespaces that have spoken, of graphs not begun yet."""
        self.tells_tasks = self.over = False
        self.interrupts: list[Any] = []
        self.error: Any = None

    def finish(self, error: BaseException | None) -> None:
        """Close what the stream left open: it is over, by *error* or by exhaustion."""
        self.begin_waiting()
        outcome, said = Outcome.OK, None
        if error is not None:
            outcome = outcome_of(error)
            said = failure(error, self._capture) if outcome is Outcome.ERROR else None
        elif self.error is not None:
            outcome, said = Outcome.ERROR, self.error
        elif self.interrupts:
            outcome = Outcome.INTERRUPTED
        if self.runs.root is None or self._tracker.get(self.runs.root.key) is None:
            return
        self.close_below(self.runs.root, outcome, said)
        if self.runs.owns_root:
            fields: dict[str, Any] = {} if self.inputs is None else {"inputs": self.runs.kept(self.inputs)}
            outputs = self.values.get(())
            if outcome is Outcome.INTERRUPTED and outputs is None:
                outputs = {"interrupts": self.interrupts}
            self._tracker.end(
                self.runs.root.key, outcome, outputs=self.runs.kept(outputs), error=said, **fields
            )

    def answers(self, namespace: Namespace, output: Any) -> None:
        """End the models whose answer a node returns."""
        messages = output.get("messages") if isinstance(output, Mapping) else None
        for message in messages if isinstance(messages, list) else ():
            known = revived(message)
            if isinstance(known, AIMessage) and self.messages.is_open(known):
                self.messages.whole(namespace, known, {})

    def close_below(self, run: OpenRun, outcome: Outcome, error: Any = None) -> None:
        """End what is open below *run*."""
        for child in children(run):
            self.close(child, outcome, error)

    def close(self, run: OpenRun, outcome: Outcome, error: Any = None, outputs: Any = None) -> None:
        """End *run*, and what is open below it."""
        self.close_below(run, outcome, error)
        if run.kind in (RunKind.CHAT_MODEL, RunKind.TOOL):
            self.messages.close(run, outcome, error)
            return
        key: Any = run.key
        if run.kind is RunKind.GRAPH and outputs is None:
            outputs = self.values.get(key[2])
        if outcome is Outcome.INTERRUPTED and outputs is None:
            outputs = {"interrupts": self.interrupts}
        # A task that begins and is never told to end, though its graph goes on, was answered by a cache.
        cached = run.kind is RunKind.NODE and outcome is Outcome.OK and outputs is None and self.tells_tasks
        self._tracker.end(run.key, outcome, outputs=self.runs.kept(outputs), error=error, cached=cached)

    def begin_waiting(self) -> None:
        """Begin the graphs that have spoken."""
        for namespace in self.waiting:
            self.runs.graph(namespace)
        self.waiting.clear()

    def _home(self, namespace: Namespace, metadata: Mapping[str, Any]) -> Any:
        """Return the key of the node a message comes from, or of the graph where none is named."""
        path = metadata.get("langgraph_checkpoint_ns")
        if isinstance(path, str) and path:
            full = tuple(path.split("|"))
            if self._caller and full[: len(self._caller)] == self._caller:
                full = full[len(self._caller) :]
            inside = place(full)
            if metadata.get(AGENT):
                self.runs.names.setdefault(inside[0], str(metadata[AGENT]))
            run = self.runs.node(*inside)
        else:
            run = self.runs.open_node(namespace) or self.runs.graph(namespace)
        return None if run is None else run.key
