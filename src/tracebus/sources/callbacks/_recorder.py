"""Turns LangChain's callbacks into calls of one bus's run tracker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from langchain_core.messages import ToolMessage

from tracebus.capture import CapturedError, CapturedPayload, error_info
from tracebus.events import BatchMembership, Outcome, RunKind
from tracebus.sources.callbacks._batch import current_batch, membership
from tracebus.sources.callbacks._closing import was_left
from tracebus.sources.callbacks._configurable import configured
from tracebus.sources.callbacks._graph_callbacks import begins_graph, codes, seconds_given
from tracebus.sources.callbacks._handler import TracebusHandler
from tracebus.sources.callbacks._parents import executing_run
from tracebus.sources.callbacks._scope import scoped, scoped_capture
from tracebus.sources.callbacks._timeouts import (
    end_held_attempt,
    hold,
    is_held,
    is_timed,
    name_timeout,
    note_step,
    timed_out,
)
from tracebus.sources.reading._answer import CapturedAnswer
from tracebus.sources.reading._attempts import attempt_under_way, tried_as
from tracebus.sources.reading._chain_model import output_fields
from tracebus.sources.reading._chunks import is_output, output_of, plain_text, streamed_chunk
from tracebus.sources.reading._classify import NAMED, UNSAID, chain_kind, run_name, told_by
from tracebus.sources.reading._messages import as_plain, captured, said_by
from tracebus.sources.reading._model_info import RequestedModel, base_of
from tracebus.sources.reading._odd import as_name, as_text, goes_on, id_text, run_key, thread_key
from tracebus.sources.reading._protocol_pieces import note_unknown_protocol, protocol_piece
from tracebus.sources.reading._results import (
    chat_result_fields,
    completions,
    llm_result_fields,
    result_generations,
)
from tracebus.sources.reading._unknown import note_unknown
from tracebus.sources.tracking._call import current_call
from tracebus.sources.tracking._open_run import OpenRun
from tracebus.sources.tracking._outcomes import outcome_of
from tracebus.sources.tracking._runner import current_runner, noted
from tracebus.sources.tracking._streaming import StreamedText

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from langchain_core.outputs import LLMResult

    from tracebus.capture import Capture
    from tracebus.sources.callbacks._records import Speaker
    from tracebus.sources.tracking._tracker import RunTracker

_BY_TOKEN, _BY_PROTOCOL = "token", "protocol"
_NOTHING: Mapping[str, Any] = {}
# To hash a member of an enum, and to look one up in it, takes Python code: a tenth of what a run costs.
_GRAPH, _AGENT, _NODE, _TOOL = RunKind.GRAPH, RunKind.AGENT, RunKind.NODE, RunKind.TOOL
_CHAT_MODEL, _LLM, _PROMPT = RunKind.CHAT_MODEL, RunKind.LLM, RunKind.PROMPT
_CHAIN, _PARSER, _UNKNOWN = RunKind.CHAIN, RunKind.PARSER, RunKind.UNKNOWN
_NO_TAGS: tuple[tuple[str, ...], int | None] = ((), None)
_OK = Outcome.OK
_READ_BY_STEPS = (_GRAPH, _AGENT)
"""Chains that are generators inside, however they are called."""


class Recorder:
    """Translates callbacks into what a tracker understands, with a capture policy.

    *owner* is the handler that speaks: of two handlers that hear of one run, the first one's word
    counts.
    """

    def __init__(self, tracker: RunTracker, capture: Capture) -> None:
        self.tracker = tracker
        self.capture = capture
        self.handler = TracebusHandler((self,))

    # -- starts ----------------------------------------------------------------------------------

    def start(  # noqa: C901, PLR0912, PLR0915, PLR0917  # what is called for every run is a tenth of its cost
        self,
        owner: Speaker,
        serialized: Mapping[str, Any] | None,
        inputs: Any,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        name: str | None = None,
        run_type: str | None = UNSAID,
        kind: RunKind | None = None,
        invocation_params: Mapping[str, Any] | None = None,
        tool_call_id: str | None = None,
        batch_size: int = 1,
        **_: Any,
    ) -> None:
        """Open a run: `on_chain_start`, and with *kind* every other start.

        Chains are chains, prompts, parsers, graphs and nodes: what tells them apart is in the rest.
        """
        tracker = self.tracker
        if type(run_id) is UUID:
            key: Any = run_id.int
            told = id_text(key)
        else:
            key, told = run_key(run_id), as_text(run_id)
        parent_key = reported = None
        if parent_run_id is not None:
            parent_key = reported = (
                parent_run_id.int if type(parent_run_id) is UUID else run_key(parent_run_id)
            )
        executing = executing_run()
        if executing is not parent_run_id and executing is not None:
            parent_key = self._true_parent(key, reported, run_key(executing))
        parent = None if parent_key is None else tracker.get(parent_key)
        called = name if type(name) is str else as_name(run_name(name, serialized))
        tagged, attempt = told_by(tags) if tags else _NO_TAGS
        stream = False
        if kind is None:
            above = parent if parent_key is reported else tracker.get(reported)
            kind = self._kind(run_type, called, tagged, metadata, above)
            stream = kind is _GRAPH or kind is _AGENT
            if type(inputs) is dict and len(inputs) == 1 and "input" in inputs and _is_unknown(inputs):
                inputs, stream = None, True
        policy = self.capture if parent is None else parent.capture
        if scoped.get() is not None:
            policy = scoped_capture(tracker) or policy  # a thread has no scope
        call = owner.call or current_call.get()
        runner = noted.get() or current_runner()
        run = OpenRun(key, told, kind, called, owner, policy, key, told, call, runner, parent)
        if stream:
            run.stream = True
        said: Any = dict(metadata) if metadata else _NOTHING
        rare: dict[str, Any] = {}
        if parent is None:
            run.resumes = goes_on(inputs)
            inputs, said = _of_a_root(run, inputs, said, told_alone=reported is None)
        in_batch = current_batch.get() is not None or (
            parent is not None and parent.source_inputs is not None
        )
        if in_batch and (batch := _batch_of(key, parent, inputs)):
            rare["batch"] = batch
        if attempt is not None:
            rare["attempt"] = attempt
        if kind is not _CHAIN and kind is not _PARSER:
            self._particulars(
                rare,
                run,
                parent_key,
                said,
                serialized=serialized,
                invocation_params=invocation_params,
                tool_call_id=tool_call_id,
            )
        if batch_size != 1:
            run.alone = False
        about = CapturedPayload(said, policy, as_plain) if said else None
        bound = 0 if about is None else about.bound
        given = None
        if inputs is not None:
            given = captured(inputs, policy)
            bound += given.bound
        begun = tracker.begin(run, parent_key, tagged, about, given, rare, None if rare else bound)
        if isinstance(inputs, list) and begun is not None and called.startswith("RunnableEach"):
            run.source_inputs = inputs

    def _kind(
        self,
        run_type: str | None,
        called: str,
        tagged: tuple[str, ...],
        metadata: Mapping[str, Any] | None,
        above: OpenRun | None,
    ) -> RunKind:
        """Return the kind of a run that LangChain reports as a chain."""
        if run_type == UNSAID:
            graph = bool(codes) and begins_graph()
            if not graph and not metadata:  # by far the most common
                return NAMED.get(called, _CHAIN)
        else:
            graph = False
        above_kind = None if above is None else above.kind
        kind = chain_kind(run_type, called, tagged, metadata or _NOTHING, above_kind, graph=graph)
        if kind is _UNKNOWN:
            note_unknown(self.tracker.count, "run type", str(run_type), "its runs are of kind `unknown`")
        return kind

    def _particulars(
        self,
        rare: dict[str, Any],
        run: OpenRun,
        parent_key: Hashable | None,
        noted: Mapping[str, Any],
        *,
        serialized: Mapping[str, Any] | None,
        invocation_params: Mapping[str, Any] | None,
        tool_call_id: str | None,
    ) -> None:
        """Put into *rare* and *run* what only runs of some kinds have."""
        kind = run.kind
        if "attempt" not in rare and "langgraph_node" in noted:
            node = self.tracker.get(parent_key) if kind is _TOOL and parent_key is not None else None
            attempt = attempt_under_way(kind, tool_call_id, _task_of(node))
            if attempt is not None:
                rare["attempt"] = attempt
        if kind is _NODE or kind is _TOOL:
            run.tried_as = tried_as(kind, parent_key, noted, tool_call_id)
            parent = None if parent_key is None else self.tracker.get(parent_key)
            if run.tried_as is not None and parent is not None:
                end_held_attempt(self.tracker, parent, run.tried_as)
            run.timed = kind is _NODE and is_timed(parent)
            if run.timed:
                note_step(parent, run, noted.get("langgraph_step"))
        elif kind is _GRAPH or kind is _AGENT:
            run.timed = seconds_given()
        elif kind is _CHAT_MODEL or kind is _LLM:
            rare["model"] = _requested(noted, invocation_params, serialized, run.capture)
        elif kind is _PROMPT and (partials := _partials(serialized, run.capture)) is not None:
            rare["partial_variables"] = partials
        if tool_call_id is not None:
            rare["tool_call_id"] = as_text(tool_call_id)

    def start_completion(self, owner: Speaker, serialized: Any, prompts: Any, **about: Any) -> None:
        """`on_llm_start`: a text completion model."""
        self.start(owner, serialized, {"prompts": list(prompts)}, kind=RunKind.LLM, **about)

    def start_tool(
        self, owner: Speaker, serialized: Any, input_str: str, *, inputs: Any = None, **about: Any
    ) -> None:
        """`on_tool_start`."""
        given = {"input": input_str} if inputs is None else inputs
        self.start(owner, serialized, given, kind=RunKind.TOOL, **about)

    def start_retriever(self, owner: Speaker, serialized: Any, query: str, **about: Any) -> None:
        """`on_retriever_start`."""
        self.start(owner, serialized, {"query": query}, kind=RunKind.RETRIEVER, **about)

    # -- while running ---------------------------------------------------------------------------

    def token(self, owner: object, token: object, run_id: UUID, chunk: Any = None) -> None:
        """`on_llm_new_token`: text, reasoning or a piece of a tool call."""
        run = self.tracker.get(run_id.int if type(run_id) is UUID else run_key(run_id))
        if run is None or run.owner is not owner or run.speaks_by is _BY_PROTOCOL:
            return
        run.speaks_by, run.streamed = _BY_TOKEN, True  # also of what nobody can read
        self._streamed(run, token, getattr(chunk, "message", None))

    def protocol_event(self, owner: object, event: Mapping[str, Any], *, run_id: UUID, **_: Any) -> None:
        """`on_stream_event` of LangChain's v3 streaming.

        A model that streams by `_stream` tells the same pieces by `on_llm_new_token` as well, a native
        one and a cached answer do not: the way a run spoke by first is the one that counts.
        """
        run = self.tracker.get(run_key(run_id))
        if run is None or run.owner is not owner or run.speaks_by is _BY_TOKEN:
            return
        run.streamed = True
        if (piece := protocol_piece(event)) is not None:
            run.speaks_by = _BY_PROTOCOL
            self._streamed(run, *piece)
        else:
            note_unknown_protocol(self.tracker.count, event)

    def retry(self, owner: object, retry_state: Any, *, run_id: UUID, **_: Any) -> None:
        """`on_retry`: a provider client's own retry decorator (tenacity's `RetryCallState`)."""
        run = self._owned(owner, run_id)
        if run is None:
            return
        state = retry_state
        failure = state.outcome.exception() if state.outcome is not None and state.outcome.failed else None
        pause = getattr(getattr(state, "next_action", None), "sleep", None)
        run.attempts = state.attempt_number + 1
        self.tracker.retried(
            run,
            state.attempt_number + 1,
            error=None if failure is None else CapturedError(failure, run.capture),
            delay=None if pause is None else float(pause),
        )

    def custom(self, owner: object, name: str, data: Any, *, run_id: UUID, **_: Any) -> None:
        """`on_custom_event`: what the program dispatched itself."""
        run = self._owned(owner, run_id)
        if run is not None:
            self.tracker.custom(run, name, captured(data, run.capture))

    def text(self, owner: object, text: str, *, run_id: UUID, **_: Any) -> None:
        """`on_text`, of legacy chains."""
        self.custom(owner, "text", text, run_id=run_id)

    def agent_action(self, owner: object, action: Any, *, run_id: UUID, **_: Any) -> None:
        """`on_agent_action`: a legacy agent's decision."""
        self.custom(owner, "agent_action", action, run_id=run_id)

    def agent_finish(self, owner: object, finish: Any, *, run_id: UUID, **_: Any) -> None:
        """`on_agent_finish`: a legacy agent's answer."""
        self.custom(owner, "agent_finish", finish, run_id=run_id)

    def interrupted(self, owner: object, event: Any, **_: Any) -> None:
        """`on_interrupt` of LangGraph: the graph pauses, before or after a node or inside it."""
        run = None if event.run_id is None else self._owned(owner, event.run_id)
        if run is not None:
            run.interrupted = True

    def resumed(self, owner: object, event: Any, **_: Any) -> None:
        """`on_resume` of LangGraph: what it goes on from is known from the run's start."""

    def unknown(self, owner: object, callback: str, *args: Any, run_id: UUID | None = None, **_: Any) -> None:
        """Record a callback this version has no method for, as an event of the program's own."""
        note_unknown(self.tracker.count, "callback", callback, "it is recorded as a custom event")
        run = None if run_id is None else self._owned(owner, run_id)
        if run is not None:
            self.tracker.custom(run, callback, captured(list(args), run.capture))

    # -- ends ------------------------------------------------------------------------------------

    def end(self, owner: object, outputs: Any, run_id: UUID, inputs: Any = None) -> None:
        """`on_chain_end`: *inputs* are those that a stream had not at its start."""
        run = self._ending(owner, run_id)
        if run is None or (run.timed and is_held(self.tracker, run, outputs)):
            return
        fields: dict[str, Any] | None = None
        outcome = _OK
        kind = run.kind
        if kind is not _CHAIN:
            if run.stream and was_left():
                outcome = Outcome.ABANDONED
            if kind is _CHAT_MODEL or kind is _LLM:
                fields = {"usage": CapturedAnswer(output_fields, (outputs,))}
        self._end(run, outcome, outputs, inputs, fields)

    def end_retriever(self, owner: object, documents: Any, *, run_id: UUID, **_: Any) -> None:
        """`on_retriever_end`."""
        run = self._ending(owner, run_id)
        if run is not None:
            self._end(run, _OK, {"documents": list(documents)})

    def end_tool(self, owner: object, output: Any, *, run_id: UUID, **_: Any) -> None:
        """`on_tool_end`: a `ToolMessage` of status `error` is how a handled tool error arrives."""
        run = self._ending(owner, run_id)
        if run is None:
            return
        if not issubclass(type(output), ToolMessage) or output.status != "error":
            self._end(run, _OK, output)
            return
        error, cuts = error_info("ToolError", said_by(output), run.capture)
        self._end(run, Outcome.ERROR, output, None, {"error": error, "cuts": cuts})

    def end_model(self, owner: object, response: LLMResult, run_id: UUID) -> None:
        """`on_llm_end`, of chat models and text completions."""
        run = self._ending(owner, run_id)
        if run is not None:
            outputs, answer = _answer(run, response)
            self._end(run, _OK, outputs, None, {"usage": answer})

    def fail_model(
        self,
        owner: object,
        error: BaseException,
        *,
        run_id: UUID,
        response: LLMResult | None = None,
        **_: Any,
    ) -> None:
        """`on_llm_error`: with what had been generated until then, where the model says so."""
        run = self._ending(owner, run_id)
        if run is None:
            return
        if response is None:
            self._fail(run, error, None)
        else:
            outputs, answer = _answer(run, response)
            self._fail(run, error, outputs, usage=answer)

    def fail(
        self, owner: object, error: BaseException, *, run_id: UUID, inputs: Any = None, **_: Any
    ) -> None:
        """`on_chain_error`, `on_tool_error`, `on_retriever_error`."""
        run = self._ending(owner, run_id)
        if run is not None:
            self._fail(run, error, None, inputs)

    # -- inside ----------------------------------------------------------------------------------

    def _true_parent(self, key: Hashable, reported: Hashable | None, executing: Hashable) -> Hashable | None:
        """Return the parent by execution where it is deeper than the reported one, or that is unknown.

        Below `@traceable` of LangSmith, LangChain reports that function's run, which it told only
        LangSmith's own tracer of.
        """
        if executing in (reported, key):
            return reported
        candidate = self.tracker.get(executing)
        if candidate is None:
            return reported
        if reported is None or not self.tracker.knows(reported):
            return executing
        ancestor = candidate.parent
        while ancestor is not None:
            if ancestor.told_as == reported:
                return executing
            ancestor = ancestor.parent
        return reported

    def _owned(self, owner: object, run_id: UUID) -> OpenRun | None:
        run = self.tracker.get(run_key(run_id))
        return run if run is not None and run.owner is owner else None

    def _ending(self, owner: object, run_id: UUID) -> OpenRun | None:
        key = run_id.int if type(run_id) is UUID else run_key(run_id)
        run = self.tracker.get(key)
        if run is None:
            self.tracker.stray_end(key, owner)
            return None
        return run if run.owner is owner else None

    def _streamed(self, run: OpenRun, token: object, message: object) -> None:
        output = run.output or output_of(run)
        text = plain_text(token, message, output)
        if text is not None:
            self.tracker.streamed(run, StreamedText(output, output.text.take(text)))
        elif is_output(token, message):
            self.tracker.streamed(run, streamed_chunk(run, token, message))

    def _fail(
        self, run: OpenRun, error: BaseException, outputs: Any, inputs: Any = None, **fields: Any
    ) -> None:
        outcome = outcome_of(error)
        if outcome is Outcome.CANCELLED and run.timed and run.kind is RunKind.NODE:
            if (known := timed_out(run)) is None:
                hold(self.tracker, run)
                return
            outcome, fields["error"] = Outcome.ERROR, known
            self._end(run, outcome, outputs, inputs, fields)
            return
        if run.kind in _READ_BY_STEPS:
            name_timeout(self.tracker, run, error)
        if outcome is Outcome.INTERRUPTED and outputs is None:
            outputs = {"interrupts": list(error.args[0]) if error.args and error.args[0] else []}
        if outcome is Outcome.ERROR:
            fields["error"] = CapturedError(error, run.capture)
        self._end(run, outcome, outputs, inputs, fields)

    def _end(
        self,
        run: OpenRun,
        outcome: Outcome,
        outputs: Any,
        inputs: Any = None,
        fields: dict[str, Any] | None = None,
    ) -> None:
        bound = 0
        if outputs is not None:
            outputs = captured(outputs, run.capture)
            bound = outputs.bound
        if inputs is not None:
            fields = {**(fields or {}), "inputs": captured(inputs, run.capture)}
        self.tracker.finish(run, outcome, outputs, fields, None if fields else bound)


def _of_a_root(run: OpenRun, inputs: Any, noted: Any, *, told_alone: bool) -> tuple[Any, Any]:
    """Return the inputs and metadata of *run*, which has no parent, with what its call says of them."""
    if inputs is None and run.call is not None:
        inputs = run.call.inputs
    if told_alone and (more := configured(noted)):
        noted = {**noted, **more}
    if noted:
        run.thread_id = thread_key(noted.get("thread_id"), run.name)
    return inputs, noted


def _requested(
    metadata: Mapping[str, Any],
    parameters: Mapping[str, Any] | None,
    serialized: Mapping[str, Any] | None,
    policy: Capture,
) -> RequestedModel:
    made_with = serialized.get("kwargs") if serialized else None
    return RequestedModel(
        metadata,
        dict(parameters) if parameters else {},
        policy,
        base_of(made_with) if type(made_with) is dict else None,
        serialized.get("repr") if serialized else None,
    )


def _partials(serialized: Mapping[str, Any] | None, policy: Capture) -> Any:
    """Return the variables a prompt template brings itself; functions that make them cannot be told."""
    made_with = serialized.get("kwargs") if serialized else None
    partials = made_with.get("partial_variables") if type(made_with) is dict else None
    if not partials or type(partials) is not dict:
        return None
    known = {name: value for name, value in partials.items() if not _is_opaque(value)}
    return captured(known, policy) if known else None


def _task_of(run: OpenRun | None) -> Any:
    """Return the task that executes *run*, if one does and lives."""
    task = None if run is None or run.runner is None else run.runner.task
    return None if task is None else task()


def _is_opaque(value: Any) -> bool:
    """Recognise what LangChain could not serialise."""
    return type(value) is dict and value.get("lc") == 1 and value.get("type") == "not_implemented"


def _answer(run: OpenRun, response: LLMResult) -> tuple[Any, CapturedAnswer]:
    """Return a model's outputs, and what the answer says beside them."""
    if run.kind is RunKind.CHAT_MODEL:
        generations = result_generations(response)
        messages = [m for one in generations if (m := getattr(one, "message", None)) is not None]
        answer = CapturedAnswer(chat_result_fields, (messages, generations, response.llm_output))
        return ({"messages": messages} if messages else None), answer
    texts = completions(response)
    return ({"completions": texts} if texts else None), CapturedAnswer(llm_result_fields, (response,))


def _batch_of(key: Hashable, parent: OpenRun | None, inputs: Any) -> BatchMembership | None:
    """Return the batch a run belongs to: the observed call's, or the items of a `RunnableEach`."""
    if (found := membership(key, top_level=parent is None)) is not None:
        return found
    if parent is None or parent.source_inputs is None:
        return None
    for index, item in enumerate(parent.source_inputs):
        if item is inputs:
            return BatchMembership(id=parent.id, index=index, size=len(parent.source_inputs))
    return None


def _is_unknown(inputs: Any) -> bool:
    """Recognise `{"input": ""}`, which LangChain reports at the start of a streamed step.

    By types first: an array or a DataFrame has no truth value, and `==` is the program's code.
    """
    if type(inputs) is not dict or len(inputs) != 1:
        return False
    value = inputs.get("input")
    return type(value) is str and not value
