"""Passes the parts of a graph's stream to a tracker: graphs, nodes, and what runs in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from langchain_core.messages import AIMessage

from tracebus.capture import clean_text
from tracebus.events import Outcome, RunKind
from tracebus.sources.reading._revive import revived
from tracebus.sources.stream_events._graph_runs import GraphRuns, Namespace, children, place
from tracebus.sources.stream_events._message_runs import MessageRuns, failure
from tracebus.sources.stream_events._thread_runs import begins_run, ends_run, is_done
from tracebus.sources.tracking._outcomes import outcome_of

if TYPE_CHECKING:
    from tracebus.capture import Capture
    from tracebus.sources.stream_events._forms import Part
    from tracebus.sources.tracking._open_run import OpenRun
    from tracebus.sources.tracking._tracker import RunTracker

_INTERRUPT = "__interrupt__"
_METADATA = "__metadata__"
_AGENT = "lc_agent_name"
_SILENT = frozenset(("checkpoints", "command", "feedback", "end"))
"""Modes that say nothing of runs that others do not."""


class GraphPartReader:
    """Tells a tracker what the parts of one graph's stream say of its runs.

    What is told depends on the stream modes asked for: `tasks` or `debug` tell of nodes with their
    inputs, outputs and errors; `updates` of nodes as they finish; `messages` of models, and by them of
    the nodes they run in; `tools` of tools; `values` of the graph's own state.

    Args:
        tracker: opened with `reap=False`: the stream's end ends what is left.
        capture: what of the content is captured.
        root: the graph's own run where somebody else tells of it; else one is begun here.
        caller: the namespace the graph runs under, which its parts' begin with.
    """

    def __init__(
        self,
        tracker: RunTracker,
        capture: Capture,
        *,
        root: OpenRun | None = None,
        caller: Namespace = (),
    ) -> None:
        self._tracker = tracker
        self._capture = capture
        self._caller = caller
        self._begin(root)
        self._tells = {
            "values": self._values_of,
            "updates": self._updates,
            "messages": self._message,
            "messages-tuple": self._message,
            "messages/partial": self._partial,
            "messages/complete": self._complete,
            "messages/metadata": self._message_metadata,
            "tools": self._tool,
            "tasks": self._task,
            "debug": self._debug,
            "custom": self._custom,
            "lifecycle": self._lifecycle,
            "input": self._input,
            "input.requested": self._input,
            "metadata": self._metadata,
            "error": self._failed,
        }

    def _begin(self, root: OpenRun | None = None) -> None:
        self._runs = GraphRuns(self._tracker, self._capture, root)
        self._messages = MessageRuns(self._tracker, self._capture, self._home)
        self._values: dict[Namespace, Any] = {}
        self._inputs: Any = None
        self._waiting: list[Namespace] = []
        """Namespaces that have spoken, of graphs not begun yet."""
        self._tells_tasks = self._over = False
        self._interrupts: list[Any] = []
        self._error: Any = None

    def read(self, part: Part) -> bool:
        """Tell of one part; return whether its mode is a known one."""
        mode = part.mode.partition(":")[0]  # `custom:NAME` of the protocol
        if self._over and begins_run(mode, part):
            self._begin()  # the stream of a thread: one run after the other
        if (tell := self._tells.get(mode)) is None:
            return mode in _SILENT
        if mode != "lifecycle":  # which may name a graph that has spoken
            self._begin_waiting()
        namespace = part.namespace
        if self._caller and namespace[: len(self._caller)] == self._caller:
            namespace = namespace[len(self._caller) :]
        tell(namespace, part._replace(mode=mode, namespace=namespace))
        return True

    @property
    def interrupts(self) -> list[Any]:
        """What the graph waits for, as far as it has said so."""
        return self._interrupts

    @property
    def error(self) -> Any:
        """What the graph failed with, as far as it has said so."""
        return self._error

    @property
    def state(self) -> Any:
        """The outermost graph's state as it was last told."""
        return self._values.get(())

    def finish(self, error: BaseException | None) -> None:
        """Close what the stream left open: it is over, by *error* or by exhaustion."""
        self._begin_waiting()
        outcome, said = Outcome.OK, None
        if error is not None:
            outcome = outcome_of(error)
            said = failure(error, self._capture) if outcome is Outcome.ERROR else None
        elif self._error is not None:
            outcome, said = Outcome.ERROR, self._error
        elif self._interrupts:
            outcome = Outcome.INTERRUPTED
        if self._runs.root is None or self._tracker.get(self._runs.root.key) is None:
            return
        self._close_below(self._runs.root, outcome, said)
        if self._runs.owns_root:
            fields: dict[str, Any] = {} if self._inputs is None else {"inputs": self._runs.kept(self._inputs)}
            outputs = self._values.get(())
            if outcome is Outcome.INTERRUPTED and outputs is None:
                outputs = {"interrupts": self._interrupts}
            self._tracker.end(
                self._runs.root.key, outcome, outputs=self._runs.kept(outputs), error=said, **fields
            )

    def _home(self, namespace: Namespace, metadata: Mapping[str, Any]) -> Any:
        """Return the key of the node a message comes from, or of the graph where none is named."""
        path = metadata.get("langgraph_checkpoint_ns")
        if isinstance(path, str) and path:
            full = tuple(path.split("|"))
            if self._caller and full[: len(self._caller)] == self._caller:
                full = full[len(self._caller) :]
            inside = place(full)
            if metadata.get(_AGENT):
                self._runs.names.setdefault(inside[0], str(metadata[_AGENT]))
            run = self._runs.node(*inside)
        else:
            run = self._runs.open_node(namespace) or self._runs.graph(namespace)
        return None if run is None else run.key

    def _close_below(self, run: OpenRun, outcome: Outcome, error: Any) -> None:
        for child in children(run):
            self._close(child, outcome, error)

    def _close(self, run: OpenRun, outcome: Outcome, error: Any = None, outputs: Any = None) -> None:
        self._close_below(run, outcome, error)
        if run.kind in (RunKind.CHAT_MODEL, RunKind.TOOL):
            self._messages.close(run, outcome, error)
            return
        key: Any = run.key
        if run.kind is RunKind.GRAPH and outputs is None:
            outputs = self._values.get(key[2])
        if outcome is Outcome.INTERRUPTED and outputs is None:
            outputs = {"interrupts": self._interrupts}
        # A task that begins and is never told to end, though its graph goes on, was answered by a cache.
        cached = run.kind is RunKind.NODE and outcome is Outcome.OK and outputs is None and self._tells_tasks
        self._tracker.end(run.key, outcome, outputs=self._runs.kept(outputs), error=error, cached=cached)

    # -- what the modes say ----------------------------------------------------------------------

    def _begin_waiting(self) -> None:
        for namespace in self._waiting:
            self._runs.graph(namespace)
        self._waiting.clear()

    def _values_of(self, namespace: Namespace, part: Part) -> None:
        graph = None
        if not self._runs.knows(namespace):
            self._waiting.append(namespace)
        else:
            graph = self._runs.graph(namespace)
        if not namespace and not self._values and not (graph is not None and graph.children):
            self._inputs = part.data
        self._values[namespace] = part.data
        self._interrupts.extend(part.interrupts)
        if isinstance(part.data, Mapping):
            self._interrupts.extend(part.data.get(_INTERRUPT) or ())
        outcome = Outcome.INTERRUPTED if self._interrupts else Outcome.OK
        if graph is not None:  # a step is over
            for child in children(graph):
                self._close(child, outcome)

    def _updates(self, namespace: Namespace, part: Part) -> None:
        self._runs.graph(namespace)
        if not isinstance(part.data, Mapping):
            return
        cached = bool((part.data.get(_METADATA) or {}).get("cached"))
        for name, output in part.data.items():
            if name == _INTERRUPT:
                self._interrupts.extend(output or ())
            elif name != _METADATA:
                self._updated(namespace, str(name), output, cached=cached)

    def _updated(self, namespace: Namespace, name: str, output: Any, *, cached: bool) -> None:
        if self._tells_tasks and not cached:
            return  # the task's result says more
        node = self._runs.open_node(namespace, name) or self._runs.node(namespace, f"{name}:{uuid4()}")
        if node is None:
            return
        self._answers(namespace, output)
        self._close_below(node, Outcome.OK, None)
        self._tracker.end(node.key, Outcome.OK, outputs=self._runs.kept(output), cached=cached)

    def _answers(self, namespace: Namespace, output: Any) -> None:
        """End the models whose answer a node returns."""
        messages = output.get("messages") if isinstance(output, Mapping) else None
        for message in messages if isinstance(messages, list) else ():
            known = revived(message)
            if isinstance(known, AIMessage) and self._messages.is_open(known):
                self._messages.whole(namespace, known, {})

    def _message(self, namespace: Namespace, part: Part) -> None:
        data = part.data
        if isinstance(data, list | tuple) and len(data) == 2:  # noqa: PLR2004  # message and metadata
            self._messages.message(namespace, data[0], data[1] or {})
        elif isinstance(data, Mapping):  # the protocol on the wire has no metadata
            self._messages.message(namespace, data, {})

    def _partial(self, namespace: Namespace, part: Part) -> None:
        for message in part.data or ():
            self._messages.partial(namespace, message)

    def _complete(self, namespace: Namespace, part: Part) -> None:
        for message in part.data or ():
            known = self._messages.metadata.get(str(message.get("id")), {})
            self._messages.message(namespace, message, known)

    def _message_metadata(self, _namespace: Namespace, part: Part) -> None:
        for message_id, about in (part.data or {}).items():
            self._messages.metadata[message_id] = (about or {}).get("metadata") or {}

    def _tool(self, namespace: Namespace, part: Part) -> None:
        if isinstance(part.data, Mapping):
            self._messages.tool(namespace, part.data)

    def _task(self, namespace: Namespace, part: Part) -> None:
        task = part.data
        self._tells_tasks = True
        segment = f"{task.get('name')}:{task.get('id')}"
        metadata = task.get("metadata") or {}
        if metadata.get(_AGENT):
            self._runs.names.setdefault(namespace, str(metadata[_AGENT]))
        if "result" not in task and "error" not in task:
            self._runs.node(namespace, segment, task.get("input"), metadata)
            return
        node = self._runs.node(namespace, segment)
        if node is None:
            return
        self._answers(namespace, task.get("result"))
        if task.get("interrupts"):
            self._interrupts.extend(task["interrupts"])
            self._close(node, Outcome.INTERRUPTED, outputs={"interrupts": task["interrupts"]})
        elif task.get("error") is not None:
            self._close(node, Outcome.ERROR, failure(task["error"], self._capture))
        else:
            self._close(node, Outcome.OK, outputs=task.get("result"))

    def _debug(self, namespace: Namespace, part: Part) -> None:
        if part.data.get("type") in ("task", "task_result"):
            self._task(namespace, part._replace(data=part.data.get("payload") or {}))

    def _custom(self, namespace: Namespace, part: Part) -> None:
        run = self._runs.open_node(namespace) or self._runs.graph(namespace)
        if run is not None:
            self._tracker.custom(run, "custom", self._runs.kept(part.data))

    def _lifecycle(self, namespace: Namespace, part: Part) -> None:
        about = part.data or {}
        where = tuple(about.get("namespace", namespace))
        if about.get("graph_name"):
            self._runs.names.setdefault(where, str(about["graph_name"]))
        if about.get("event") == "failed" and not where:
            self._error = failure(about.get("error") or "the graph failed", self._capture)
        elif about.get("event") == "interrupted":
            self._interrupts.append(about)
        else:
            self._runs.graph(where)
        if ends_run(where, about):
            self._end_run()

    def _end_run(self) -> None:
        """End the run whose end the stream tells, which may go on with the next of its thread."""
        if self._runs.owns_root:
            self.finish(None)
            self._over = True

    def _input(self, _namespace: Namespace, part: Part) -> None:
        self._interrupts.append(part.data)

    def _metadata(self, _namespace: Namespace, part: Part) -> None:
        if is_done(part.data or {}):
            self._end_run()
            return
        run_id = (part.data or {}).get("run_id")
        self._runs.root_id = None if run_id is None else clean_text(str(run_id))

    def _failed(self, _namespace: Namespace, part: Part) -> None:
        self._runs.graph(())
        self._error = failure(part.data, self._capture)
