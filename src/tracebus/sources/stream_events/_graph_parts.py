"""Passes the parts of a graph's stream to a tracker: graphs, nodes, and what runs in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tracebus.capture import clean_text
from tracebus.events import Outcome
from tracebus.sources.stream_events._graph_runs import Namespace, children
from tracebus.sources.stream_events._message_runs import failure
from tracebus.sources.stream_events._thread_runs import begins_run, ends_run, is_done
from tracebus.sources.stream_events._told_graph import AGENT, ToldGraph

if TYPE_CHECKING:
    from tracebus.capture import Capture
    from tracebus.sources.stream_events._forms import Part
    from tracebus.sources.tracking._open_run import OpenRun
    from tracebus.sources.tracking._tracker import RunTracker

_INTERRUPT = "__interrupt__"
_METADATA = "__metadata__"
SILENT = frozenset(("checkpoints", "command", "feedback", "end"))
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
        self._graph = ToldGraph(tracker, capture, root, caller)
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

    def read(self, part: Part) -> bool:
        """Tell of one part; return whether its mode is a known one."""
        mode = part.mode.partition(":")[0]  # `custom:NAME` of the protocol
        if self._graph.over and begins_run(mode, part):
            # The stream of a thread: one run after the other.
            self._graph = ToldGraph(self._tracker, self._capture, None, self._caller)
        if (tell := self._tells.get(mode)) is None:
            return mode in SILENT
        if mode != "lifecycle":  # which may name a graph that has spoken
            self._graph.begin_waiting()
        namespace = part.namespace
        if self._caller and namespace[: len(self._caller)] == self._caller:
            namespace = namespace[len(self._caller) :]
        tell(namespace, part._replace(mode=mode, namespace=namespace))
        return True

    @property
    def interrupts(self) -> list[Any]:
        """What the graph waits for, as far as it has said so."""
        return self._graph.interrupts

    @property
    def error(self) -> Any:
        """What the graph failed with, as far as it has said so."""
        return self._graph.error

    @property
    def state(self) -> Any:
        """The outermost graph's state as it was last told."""
        return self._graph.values.get(())

    def finish(self, error: BaseException | None) -> None:
        """Close what the stream left open: it is over, by *error* or by exhaustion."""
        self._graph.finish(error)

    # -- what the modes say ----------------------------------------------------------------------

    def _values_of(self, namespace: Namespace, part: Part) -> None:
        graph = None
        if not self._graph.runs.knows(namespace):
            self._graph.waiting.append(namespace)
        else:
            graph = self._graph.runs.graph(namespace)
        if not namespace and not self._graph.values and not (graph is not None and graph.children):
            self._graph.inputs = part.data
        self._graph.values[namespace] = part.data
        self._graph.interrupts.extend(part.interrupts)
        if isinstance(part.data, Mapping):
            self._graph.interrupts.extend(part.data.get(_INTERRUPT) or ())
        outcome = Outcome.INTERRUPTED if self._graph.interrupts else Outcome.OK
        if graph is not None:  # a step is over
            for child in children(graph):
                self._graph.close(child, outcome)

    def _updates(self, namespace: Namespace, part: Part) -> None:
        self._graph.runs.graph(namespace)
        if not isinstance(part.data, Mapping):
            return
        cached = bool((part.data.get(_METADATA) or {}).get("cached"))
        for name, output in part.data.items():
            if name == _INTERRUPT:
                self._graph.interrupts.extend(output or ())
            elif name != _METADATA:
                self._updated(namespace, str(name), output, cached=cached)

    def _updated(self, namespace: Namespace, name: str, output: Any, *, cached: bool) -> None:
        if self._graph.tells_tasks and not cached:
            return  # the task's result says more
        runs = self._graph.runs
        node = runs.open_node(namespace, name) or runs.node(namespace, f"{name}:{uuid4()}")
        if node is None:
            return
        self._graph.answers(namespace, output)
        self._graph.close_below(node, Outcome.OK)
        self._tracker.end(node.key, Outcome.OK, outputs=runs.kept(output), cached=cached)

    def _message(self, namespace: Namespace, part: Part) -> None:
        data = part.data
        if isinstance(data, list | tuple) and len(data) == 2:  # noqa: PLR2004  # message and metadata
            self._graph.messages.message(namespace, data[0], data[1] or {})
        elif isinstance(data, Mapping):  # the protocol on the wire has no metadata
            self._graph.messages.message(namespace, data, {})

    def _partial(self, namespace: Namespace, part: Part) -> None:
        for message in part.data or ():
            self._graph.messages.partial(namespace, message)

    def _complete(self, namespace: Namespace, part: Part) -> None:
        for message in part.data or ():
            known = self._graph.messages.metadata.get(str(message.get("id")), {})
            self._graph.messages.message(namespace, message, known)

    def _message_metadata(self, _namespace: Namespace, part: Part) -> None:
        for message_id, about in (part.data or {}).items():
            self._graph.messages.metadata[message_id] = (about or {}).get("metadata") or {}

    def _tool(self, namespace: Namespace, part: Part) -> None:
        if isinstance(part.data, Mapping):
            self._graph.messages.tool(namespace, part.data)

    def _task(self, namespace: Namespace, part: Part) -> None:
        task = part.data
        self._graph.tells_tasks = True
        segment = f"{task.get('name')}:{task.get('id')}"
        metadata = task.get("metadata") or {}
        if metadata.get(AGENT):
            self._graph.runs.names.setdefault(namespace, str(metadata[AGENT]))
        if "result" not in task and "error" not in task:
            self._graph.runs.node(namespace, segment, task.get("input"), metadata)
            return
        node = self._graph.runs.node(namespace, segment)
        if node is None:
            return
        self._graph.answers(namespace, task.get("result"))
        if task.get("interrupts"):
            self._graph.interrupts.extend(task["interrupts"])
            self._graph.close(node, Outcome.INTERRUPTED, outputs={"interrupts": task["interrupts"]})
        elif task.get("error") is not None:
            self._graph.close(node, Outcome.ERROR, failure(task["error"], self._capture))
        else:
            self._graph.close(node, Outcome.OK, outputs=task.get("result"))

    def _debug(self, namespace: Namespace, part: Part) -> None:
        if part.data.get("type") in ("task", "task_result"):
            self._task(namespace, part._replace(data=part.data.get("payload") or {}))

    def _custom(self, namespace: Namespace, part: Part) -> None:
        run = self._graph.runs.open_node(namespace) or self._graph.runs.graph(namespace)
        if run is not None:
            self._tracker.custom(run, "custom", self._graph.runs.kept(part.data))

    def _lifecycle(self, namespace: Namespace, part: Part) -> None:
        about = part.data or {}
        where = tuple(about.get("namespace", namespace))
        if about.get("graph_name"):
            self._graph.runs.names.setdefault(where, str(about["graph_name"]))
        if about.get("event") == "failed" and not where:
            self._graph.error = failure(about.get("error") or "the graph failed", self._capture)
        elif about.get("event") == "interrupted":
            self._graph.interrupts.append(about)
        else:
            self._graph.runs.graph(where)
        if ends_run(where, about):
            self._end_run()

    def _end_run(self) -> None:
        """End the run whose end the stream tells, which may go on with the next of its thread."""
        if self._graph.runs.owns_root:
            self.finish(None)
            self._graph.over = True

    def _input(self, _namespace: Namespace, part: Part) -> None:
        self._graph.interrupts.append(part.data)

    def _metadata(self, _namespace: Namespace, part: Part) -> None:
        if is_done(part.data or {}):
            self._end_run()
            return
        run_id = (part.data or {}).get("run_id")
        self._graph.runs.root_id = None if run_id is None else clean_text(str(run_id))

    def _failed(self, _namespace: Namespace, part: Part) -> None:
        self._graph.runs.graph(())
        self._graph.error = failure(part.data, self._capture)
