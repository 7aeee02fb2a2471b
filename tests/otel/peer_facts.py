"""The official instrumentation's own scenarios, told again in code of ours, and which of its facts hold here.

    .venv/bin/python tests/otel/peer_facts.py     # prints the table in docs/opentelemetry.md

The facts are those that the tests of `opentelemetry-instrumentation-genai-langchain` 1.3b0 assert of
cancellation, interrupts, streams, persistence, agents, conversations, prompts and tools, and those of the
conventions' own scenario for LangChain (semantic-conventions-genai, reference/scenarios/langchain). Where one
does not hold, `instead` says what we do and why.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypedDict

from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tracebus import EventBus, observing
from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn
from tracebus_exporters.otel import OTelExporter

CANCELLED = "UNSET with `langchain.run.outcome=cancelled`: stopping on purpose is no error"
NO_CONTEXT = "no context is attached, so nothing leaks from a generator left early; your spans hang on yours"


@dataclass
class Seen:
    """What one scenario left behind."""

    spans: list[Any]
    said: dict[str, Any]
    """What the scenario noted itself."""
    open: int

    def one(self, name: str) -> Any:
        """Return the only span of this name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def names(self, *operations: str) -> list[str]:
        """Return the sorted names of the spans of these operations, or of all."""
        return sorted(s.name for s in self.spans if not operations or s.name.split()[0] in operations)

    def is_child(self, child: str, parent: str) -> bool:
        """Tell whether the one span hangs on the other."""
        return self.one(child).parent.span_id == self.one(parent).context.span_id


@dataclass(frozen=True)
class Fact:
    """Something the peer's tests assert."""

    of: str
    says: str
    play: Callable[[dict[str, Any]], Any]
    holds: Callable[[Seen], bool]
    instead: str = ""

    def is_held(self) -> bool:
        """Play the scenario and look."""
        return bool(self.holds(played(self.play)))


@cache
def played(play: Callable[[dict[str, Any]], Any]) -> Seen:
    """Play a scenario, observed, only the conventions' spans recorded."""
    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    exporter = OTelExporter(tracer_provider=provider, content=True, prompts=True, spans="genai")
    said: dict[str, Any] = {"tracer": provider.get_tracer("program")}
    with EventBus() as bus:
        bus.attach(exporter)
        with observing(bus=bus):
            result = play(said)
            if inspect.isawaitable(result):
                asyncio.run(_wait(result))
        assert bus.flush(20)
        still_open = exporter.statistics()["runs_open"]
    spans = [span for span in memory.get_finished_spans() if span.instrumentation_scope.name == "tracebus"]
    said["program"] = [s for s in memory.get_finished_spans() if s.instrumentation_scope.name == "program"]
    return Seen(spans, said, still_open)


async def _wait(result: Any) -> None:
    await result


def _model(*script: Any, **fields: Any) -> ScriptedChatModel:
    return ScriptedChatModel(script=script or ("done",), model="scripted", **fields)


def _calls(name: str, **args: Any) -> Turn:
    return Turn(tool_calls=[ScriptedToolCall(name, args)])


class State(TypedDict, total=False):
    """A graph's state."""

    text: str
    answer: str


def _graph(step: Any, name: str | None = None, node: str = "step", **options: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node(node, step)
    builder.add_edge(START, node)
    builder.add_edge(node, END)
    return builder.compile(**({"name": name} if name else {}), **options)


# --- cancellation -----------------------------------------------------------------------------------
async def _cancelled(make: Callable[[asyncio.Event], Any]) -> None:
    started = asyncio.Event()
    task = asyncio.ensure_future(make(started))
    await asyncio.wait_for(started.wait(), 20)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


def _slow(started: asyncio.Event) -> Any:
    async def step(state: State) -> State:
        started.set()
        await asyncio.Event().wait()
        return state

    return step


async def cancelled_invoke(said: dict[str, Any]) -> None:
    await _cancelled(lambda started: _graph(_slow(started)).ainvoke({"text": "x"}))


async def cancelled_stream(said: dict[str, Any]) -> None:
    async def read(started: asyncio.Event) -> None:
        async for _ in _graph(_slow(started), "reader").astream({"text": "x"}):
            pass

    await _cancelled(read)


async def cancelled_named(said: dict[str, Any]) -> None:
    noted: RunnableConfig = {"metadata": {"workflow_name": "CustomGraph"}}
    await _cancelled(lambda started: _graph(_slow(started)).ainvoke({"text": "x"}, noted))


async def clean(said: dict[str, Any]) -> None:
    await _graph(lambda state: {"answer": "y"}, "clean").ainvoke({"text": "x"})


async def cancelled_model(said: dict[str, Any]) -> None:
    from tracebus.testing import Pacing

    async def ask(started: asyncio.Event) -> None:
        async for _ in _model("one two three", pacing=Pacing(per_token=60.0)).astream("hi"):
            started.set()

    await _cancelled(ask)


def _interrupting(error: type[BaseException]) -> Callable[[dict[str, Any]], None]:
    def play(said: dict[str, Any]) -> None:
        try:
            _model(error()).invoke("hi")
        except error:
            said["raised"] = True

    return play


keyboard, leaving = _interrupting(KeyboardInterrupt), _interrupting(SystemExit)


# --- interrupts -------------------------------------------------------------------------------------
class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def interrupted(said: dict[str, Any]) -> None:
    logger, heard = logging.getLogger("langchain_core.callbacks.manager"), _Warnings()
    logger.addHandler(heard)
    graph = _graph(lambda _: {"answer": interrupt("approve?")}, "asks", checkpointer=InMemorySaver())
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    graph.invoke({"text": ""}, config)
    said["next"] = graph.get_state(config).next
    said["resumed"] = graph.invoke(Command(resume="yes"), config)["answer"]
    logger.removeHandler(heard)
    said["warnings"] = heard.records


# --- streams ----------------------------------------------------------------------------------------
def streamed(said: dict[str, Any]) -> None:
    config: RunnableConfig = {"tags": ["test"]}
    with said["tracer"].start_as_current_span("request") as root:
        before = context.get_current()
        stream = _model("one two").stream("hi", config)
        said["root"], same = root.get_span_context().span_id, []
        for _ in stream:
            with said["tracer"].start_as_current_span("consumer"):
                pass
            same.append(context.get_current() is before)
    said["same"], said["config"] = all(same), config


def interleaved(said: dict[str, Any]) -> None:
    one, two = _model("a b").stream("1"), _model("c d").stream("2")
    with said["tracer"].start_as_current_span("one") as first:
        next(one)
        with said["tracer"].start_as_current_span("two") as second:
            next(two)
            list(one)
            list(two)
            said["current"] = trace.get_current_span() is second
        said["current"] = said["current"] and trace.get_current_span() is first
    said["parents"] = {first.get_span_context().span_id, second.get_span_context().span_id}


def broken_stream(said: dict[str, Any]) -> None:
    try:
        list(_model(Turn(text="a b c", error=ConnectionError("lost"), error_after=1)).stream("hi"))
    except ConnectionError as error:
        said["raised"] = str(error)


def closed_stream(said: dict[str, Any]) -> None:
    stream = _model("a b c").stream("hi")
    next(stream)
    stream.close()


def http_inside(said: dict[str, Any]) -> None:
    def work(value: str) -> str:
        with said["tracer"].start_as_current_span("GET"):
            return value

    RunnableLambda(work).with_config(run_name="works").invoke("x")


# --- persistence ------------------------------------------------------------------------------------
class _Saver(InMemorySaver):
    fails = False
    tracer: Any = None

    def put(self, *args: Any, **kwargs: Any) -> Any:
        with self.tracer.start_as_current_span("checkpoint"):
            if self.fails:
                raise ConnectionError("checkpoint failed")
            return super().put(*args, **kwargs)


def _saver(said: dict[str, Any], *, fails: bool = False) -> _Saver:
    saver = _Saver()
    saver.tracer, saver.fails = said["tracer"], fails
    return saver


def checkpointed(said: dict[str, Any]) -> None:
    before = context.get_current()
    graph = _graph(lambda state: {"answer": state["text"]}, "kept", checkpointer=_saver(said))
    config: RunnableConfig = {"configurable": {"thread_id": "one"}}
    said["answer"] = graph.invoke({"text": "x"}, config)["answer"]
    said["same"] = context.get_current() is before


async def shared_saver(said: dict[str, Any]) -> None:
    graph = _graph(lambda state: {"answer": state["text"]}, "kept", checkpointer=_saver(said))
    configs: list[RunnableConfig] = [{"configurable": {"thread_id": name}} for name in ("one", "two")]
    await asyncio.gather(*(graph.ainvoke({"text": "x"}, config) for config in configs))


def broken_saver(said: dict[str, Any]) -> None:
    before = context.get_current()
    graph = _graph(lambda state: {"answer": "y"}, "kept", checkpointer=_saver(said, fails=True))
    try:
        graph.invoke({"text": "x"}, {"configurable": {"thread_id": "one"}})
    except ConnectionError:
        said["same"] = context.get_current() is before


# --- agents -----------------------------------------------------------------------------------------
@tool
def noop() -> str:
    """Do nothing."""
    return "nothing"


ASKED = {"messages": [("user", "hi")]}


def _agent(name: str | None = None, tools: Any = (noop,), *script: Any) -> Any:
    return create_agent(_model(*script), list(tools), **({"name": name} if name else {}))


def _delegate(inner: Any, name: str = "delegate") -> Any:
    def delegate(config: RunnableConfig) -> str:
        return str(inner.invoke({"messages": [("user", "work")]}, config)["messages"][-1].content)

    return tool(name, description="Delegate.")(delegate)


def root_agent(said: dict[str, Any]) -> None:
    _agent("agent", (noop,), _calls("noop"), "done").invoke(ASKED)


def streamed_agent(said: dict[str, Any]) -> None:
    list(_agent("agent").stream(ASKED))


async def astreamed_agent(said: dict[str, Any]) -> None:
    _ = [chunk async for chunk in _agent("agent").astream(ASKED)]


def unnamed_agent(said: dict[str, Any]) -> None:
    _agent().invoke(ASKED, {"metadata": {"thread_id": "t1"}})


def react_agent(said: dict[str, Any]) -> None:
    import warnings

    from langgraph.prebuilt import create_react_agent

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and still in use
        create_react_agent(_model(), [noop], name="react_agent").invoke(ASKED)


def run_name(said: dict[str, Any]) -> None:
    agent = _agent("planner_agent")
    RunnableLambda(lambda _: agent.invoke(ASKED, {"run_name": "step1"})).with_config(
        run_name="planner"
    ).invoke({})


def renamed(said: dict[str, Any]) -> None:
    about = {"agent_name": "renamed", "agent_description": "Plans trips."}
    _agent("original", (noop,), _calls("noop"), "done").with_config(metadata=about).invoke(ASKED)


def ordinary(said: dict[str, Any]) -> None:
    RunnableLambda(lambda value: value).with_config(run_name="ordinary").invoke("x")


def agent_in_its_name(said: dict[str, Any]) -> None:
    RunnableLambda(lambda value: value).with_config(run_name="SupportAgentRunner").invoke("x")


def agent_node(said: dict[str, Any]) -> None:
    runner = RunnableLambda(lambda state: {"answer": "y"}).with_config(run_name="SupportAgentRunner")
    _graph(runner, "support_pipeline", node="agent").invoke({"text": "x"})


def plain_graph(said: dict[str, Any]) -> None:
    _graph(lambda state: {"answer": "y"}).invoke({"text": "x"})


def said_agent(said: dict[str, Any]) -> None:
    RunnableLambda(lambda value: value).with_config(metadata={"agent_name": "router"}).invoke("x")


def typed_agent(said: dict[str, Any]) -> None:
    RunnableLambda(lambda value: value).with_config(run_name="r", metadata={"agent_type": "router"}).invoke(
        "x"
    )


def hidden(said: dict[str, Any]) -> None:
    RunnableLambda(lambda value: value).with_config(run_name="h", metadata={"otel_trace": False}).invoke("x")


def nested(said: dict[str, Any]) -> None:
    outer = _agent("outer", (_delegate(_agent("inner")),), _calls("delegate"), "done")
    outer.with_config(metadata={"agent_name": "renamed_outer"}).invoke(ASKED)


def unnamed_inside(said: dict[str, Any]) -> None:
    inner = _agent(None, (noop,), _calls("noop"), "done")
    _agent("outer_agent", (_delegate(inner),), _calls("delegate"), "done").invoke(ASKED)


def three_levels(said: dict[str, Any]) -> None:
    middle = _agent("middle", (_delegate(_agent("inner"), "to_inner"),), _calls("to_inner"), "done")
    _agent("outer", (_delegate(middle, "to_middle"),), _calls("to_middle"), "done").invoke(ASKED)


def ambient(said: dict[str, Any]) -> None:
    with said["tracer"].start_as_current_span("request") as root:
        said["root"] = root.get_span_context().span_id
        _agent("agent").invoke(ASKED)


async def concurrent(said: dict[str, Any]) -> None:
    await asyncio.gather(*(_agent(name).ainvoke(ASKED) for name in ("one", "two")))


# --- conversations ----------------------------------------------------------------------------------
class _Shelf(BaseRetriever):
    model: Any

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        self.model.invoke(query, {"callbacks": run_manager.get_child()})
        return [Document(page_content="12")]


def precedence(said: dict[str, Any]) -> None:
    noted = {"conversation_id": "c1", "session_id": "s1", "thread_id": "t1"}
    chain = RunnableLambda(lambda _, config: _model().invoke("hi", config))
    chain.with_config(run_name="chain", metadata=noted).invoke({})


def _child(thread: str | None) -> Callable[[dict[str, Any]], None]:
    def play(said: dict[str, Any]) -> None:
        def ask(_: Any, config: RunnableConfig) -> Any:
            metadata = {**config.get("metadata", {}), "thread_id": thread}
            return _model().invoke("hi", {**config, "metadata": metadata})

        RunnableLambda(ask).with_config(run_name="chain", metadata={"thread_id": "outer"}).invoke({})

    return play


overridden, emptied = _child("inner"), _child(None)


def through_retrieval(said: dict[str, Any]) -> None:
    shelf = _Shelf(model=_model())
    chain = RunnableLambda(lambda _, config: shelf.invoke("q", config))
    chain.with_config(run_name="chain", metadata={"thread_id": "t1"}).invoke({})


# --- prompts and tools ------------------------------------------------------------------------------
def prompted(said: dict[str, Any]) -> None:
    template = ChatPromptTemplate(
        [("user", "{tone} {day} {q}")],
        partial_variables={"tone": "kind", "day": lambda: "Monday"},
        name="greeting",
    )
    (template | _model()).invoke({"q": "hi", "more": "not asked for"})


def alone(said: dict[str, Any]) -> None:
    noop.invoke({"type": "tool_call", "name": "noop", "args": {}, "id": "c1"})


# --- the conventions' own scenario for LangChain ----------------------------------------------------
@tool
def get_weather(location: str) -> str:
    """Get the current weather."""
    return f"Sunny in {location}"


class _Knowledge(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [Document(page_content="Rainy.", metadata={"source_id": "kb"}), Document(page_content="Mild.")]


def conventions(said: dict[str, Any]) -> None:
    agent = create_agent(
        _model(_calls("get_weather", location="Seattle"), "It is sunny."),
        [get_weather],
        system_prompt="You are a weather assistant.",
        name="weather-agent",
    )

    def node(state: State) -> State:
        asked = {"messages": [("user", state["text"])]}
        return {"answer": agent.invoke(asked)["messages"][-1].text}

    _graph(node, "report").invoke({"text": "Seattle?"})


def conventions_retrieval(said: dict[str, Any]) -> None:
    _Knowledge(metadata={"data_source_id": "kb", "top_k": 2}).invoke("Seattle weather")


def _json(seen: Seen, name: str, key: str) -> Any:
    return json.loads(_attribute(seen, name, key))


def cached_usage(said: dict[str, Any]) -> None:
    answer = AIMessage("x")
    answer.usage_metadata = {
        "input_tokens": 9, "output_tokens": 3, "total_tokens": 12,
        "input_token_details": {"cache_read": 4, "audio": 2}, "output_token_details": {"reasoning": 1},
    }  # fmt: skip
    usage = dict(answer.usage_metadata)
    _model(Turn("x", usage=usage)).invoke("hi")


def _status(seen: Seen, name: str) -> str:
    return str(seen.one(name).status.status_code.name)


def _attribute(seen: Seen, name: str, key: str) -> Any:
    return seen.one(name).attributes.get(key)


AGENT, FLOW, CHAT = "gen_ai.agent.name", "invoke_workflow", "chat scripted"
CONVERSATION = "gen_ai.conversation.id"
WEATHER = "invoke_agent weather-agent"
FACTS = (
    Fact("cancellation", "a cancelled graph's span ends", cancelled_invoke, lambda s: s.names(FLOW) == [FLOW]),
    Fact("cancellation", "its status is ERROR", cancelled_invoke, lambda s: _status(s, FLOW) == "ERROR", CANCELLED),
    Fact(
        "cancellation", "its error.type is CancelledError", cancelled_invoke,
        lambda s: "Cancelled" in str(_attribute(s, FLOW, "error.type")), CANCELLED,
    ),
    Fact(
        "cancellation", "an unnamed graph is `invoke_workflow LangGraph`", cancelled_invoke,
        lambda s: f"{FLOW} LangGraph" in s.names(), "`invoke_workflow`: a class's name, which the conventions rule out",
    ),
    Fact(
        "cancellation", "a cancelled stream of a graph ends its span", cancelled_stream,
        lambda s: s.names(FLOW) == [f"{FLOW} reader"],
    ),
    Fact(
        "cancellation", '`metadata["workflow_name"]` names it', cancelled_named,
        lambda s: _attribute(s, f"{FLOW} CustomGraph", "gen_ai.workflow.name") == "CustomGraph",
    ),
    Fact("cancellation", "a clean run leaves the status unset", clean, lambda s: _status(s, f"{FLOW} clean") == "UNSET"),
    Fact("cancellation", "a cancelled model's span ends", cancelled_model, lambda s: s.names("chat") == [CHAT]),
    Fact(
        "cancellation", "and has error.type CancelledError", cancelled_model,
        lambda s: "Cancelled" in str(_attribute(s, CHAT, "error.type")), CANCELLED,
    ),
    Fact(
        "cancellation", "its finish reason is `error`", cancelled_model,
        lambda s: _attribute(s, CHAT, "gen_ai.response.finish_reasons") == ("error",),
    ),
    Fact("cancellation", "KeyboardInterrupt goes through a model", keyboard, lambda s: s.said["raised"]),
    Fact(
        "cancellation", "and is its error.type", keyboard,
        lambda s: _attribute(s, CHAT, "error.type") == "KeyboardInterrupt",
    ),
    Fact("cancellation", "SystemExit goes through a model", leaving, lambda s: s.said["raised"]),
    Fact(
        "cancellation", "and is its error.type", leaving,
        lambda s: _attribute(s, CHAT, "error.type") == "SystemExit",
    ),
    Fact("interrupt", "interrupt and resume log no warning", interrupted, lambda s: s.said["warnings"] == []),
    Fact("interrupt", "the graph waits and goes on", interrupted, lambda s: s.said["resumed"] == "yes"),
    Fact("stream", "the consumer's context is its own at every chunk", streamed, lambda s: s.said["same"]),
    Fact("stream", "the config is left as it was", streamed, lambda s: s.said["config"] == {"tags": ["test"]}),
    Fact(
        "stream", "the model hangs on the span current where it began", streamed,
        lambda s: s.one(CHAT).parent.span_id == s.said["root"],
    ),
    Fact(
        "stream", "the consumer's own spans do not hang on the model", streamed,
        lambda s: {x.parent.span_id for x in s.said["program"] if x.name == "consumer"} == {s.said["root"]},
    ),
    Fact(
        "stream", "interleaved streams do not share parents", interleaved,
        lambda s: {span.parent.span_id for span in s.spans} == s.said["parents"] and s.said["current"],
    ),
    Fact(
        "stream", "a provider's error is the span's", broken_stream,
        lambda s: (_status(s, CHAT), _attribute(s, CHAT, "error.type")) == ("ERROR", "ConnectionError"),
    ),
    Fact("stream", "and the program's", broken_stream, lambda s: s.said["raised"] == "lost"),
    Fact("stream", "a stream closed early ends its span", closed_stream, lambda s: s.names("chat") == [CHAT]),
    Fact("stream", "nothing stays open", closed_stream, lambda s: s.open == 0),
    Fact(
        "stream", "a step's HTTP spans hang on the step", http_inside,
        lambda s: s.said["program"][0].parent is not None, NO_CONTEXT,
    ),
    Fact("persistence", "a checkpointer leaves the context as it was", checkpointed, lambda s: s.said["same"]),
    Fact(
        "persistence", "a checkpointer's spans hang on the graph", checkpointed,
        lambda s: all(span.parent is not None for span in s.said["program"]), NO_CONTEXT,
    ),
    Fact(
        "persistence", "concurrent graphs with one checkpointer are two traces", shared_saver,
        lambda s: len({x.context.trace_id for x in s.spans}) == 2,
    ),
    Fact(
        "persistence", "a checkpointer's error is the graph's", broken_saver,
        lambda s: _attribute(s, f"{FLOW} kept", "error.type") == "ConnectionError",
    ),
    Fact("persistence", "and leaves the context as it was", broken_saver, lambda s: s.said["same"]),
    Fact(
        "agents", "`create_agent` is `invoke_agent` with its name, a root", root_agent,
        lambda s: s.one("invoke_agent agent").parent is None,
    ),
    Fact("agents", "streamed too", streamed_agent, lambda s: s.names("invoke_agent") == ["invoke_agent agent"]),
    Fact("agents", "and asynchronously", astreamed_agent, lambda s: s.names("invoke_agent") == ["invoke_agent agent"]),
    Fact("agents", "its nodes are no agents", root_agent, lambda s: len(s.names("invoke_agent")) == 1),
    Fact(
        "agents", "its tools hang on it and name it", root_agent,
        lambda s: s.is_child("execute_tool noop", "invoke_agent agent")
        and _attribute(s, "execute_tool noop", AGENT) == "agent",
    ),
    Fact(
        "agents", "unnamed it is `invoke_agent`, without a name", unnamed_agent,
        lambda s: AGENT not in s.one("invoke_agent").attributes,
    ),
    Fact(
        "agents", "`create_react_agent` is an agent", react_agent,
        lambda s: s.names("invoke_agent") == ["invoke_agent react_agent"],
        '`invoke_workflow react_agent`: it is a graph to LangChain; `metadata["agent_name"]` makes it an agent',
    ),
    Fact(
        "agents", "its own name wins over `run_name`", run_name,
        lambda s: s.is_child("invoke_agent planner_agent", f"{FLOW} planner"),
    ),
    Fact(
        "agents", "the workflow around has no agent.name", run_name,
        lambda s: AGENT not in s.one(f"{FLOW} planner").attributes, "v0.1.0 of the conventions puts its name there",
    ),
    Fact(
        "agents", '`metadata["agent_name"]` renames it', renamed,
        lambda s: _attribute(s, "execute_tool noop", AGENT) == "renamed" and len(s.names("invoke_agent")) == 1,
    ),
    Fact(
        "agents", '`metadata["agent_description"]` describes it', renamed,
        lambda s: _attribute(s, "invoke_agent renamed", "gen_ai.agent.description") == "Plans trips.",
    ),
    Fact("agents", "an ordinary Runnable is none", ordinary, lambda s: s.names("invoke_agent") == []),
    Fact(
        "agents", 'a Runnable with "agent" in its name is one', agent_in_its_name,
        lambda s: len(s.names("invoke_agent")) == 1, "an agent is what LangChain or the program says is one",
    ),
    Fact("agents", "a plain graph is none", plain_graph, lambda s: s.names("invoke_agent") == []),
    Fact(
        "agents", "a graph with a node `agent` is none", agent_node,
        lambda s: f"{FLOW} support_pipeline" in s.names(),
    ),
    Fact(
        "agents", 'a Runnable with "agent" in its name inside a node is one', agent_node,
        lambda s: len(s.names("invoke_agent")) == 1, "an agent is what LangChain or the program says is one",
    ),
    Fact(
        "agents", 'a chain is one by `metadata["agent_name"]`', said_agent,
        lambda s: s.names() == ["invoke_agent router"],
    ),
    Fact(
        "agents", 'a chain is one by `metadata["agent_type"]`', typed_agent,
        lambda s: len(s.names("invoke_agent")) == 1,
    ),
    Fact("agents", '`metadata["otel_trace"] = False` leaves a run out', hidden, lambda s: s.spans == []),
    Fact(
        "agents", "an agent in an agent's tool hangs on the tool", nested,
        lambda s: s.is_child("invoke_agent inner", "execute_tool delegate")
        and s.is_child("execute_tool delegate", "invoke_agent renamed_outer"),
    ),
    Fact(
        "agents", "and is not called what the outer was renamed to", nested,
        lambda s: s.names("invoke_agent") == ["invoke_agent inner", "invoke_agent renamed_outer"],
    ),
    Fact(
        "agents", "an unnamed inner agent's tools do not name the outer", unnamed_inside,
        lambda s: AGENT not in s.one("execute_tool noop").attributes
        and _attribute(s, "execute_tool delegate", AGENT) == "outer_agent",
    ),
    Fact(
        "agents", "three levels keep their names and places", three_levels,
        lambda s: s.is_child("invoke_agent inner", "execute_tool to_inner")
        and s.is_child("execute_tool to_inner", "invoke_agent middle")
        and s.is_child("invoke_agent middle", "execute_tool to_middle")
        and s.is_child("execute_tool to_middle", "invoke_agent outer"),
    ),
    Fact(
        "agents", "a root agent hangs on the program's current span", ambient,
        lambda s: s.one("invoke_agent agent").parent.span_id == s.said["root"],
    ),
    Fact(
        "agents", "concurrent agents have roots of their own", concurrent,
        lambda s: len({span.context.trace_id for span in s.spans}) == 2,
    ),
    Fact("agents", "a model hangs on its agent", ambient, lambda s: s.is_child(CHAT, "invoke_agent agent")),
    Fact(
        "conversation", "thread_id before session_id before conversation_id", precedence,
        lambda s: _attribute(s, CHAT, CONVERSATION) == "t1",
    ),
    Fact("conversation", "an unnamed agent has it", unnamed_agent, lambda s: _attribute(s, "invoke_agent", CONVERSATION) == "t1"),
    Fact(
        "conversation", "a child's own wins", overridden,
        lambda s: (_attribute(s, CHAT, CONVERSATION), _attribute(s, f"{FLOW} chain", CONVERSATION)) == ("inner", "outer"),
    ),
    Fact(
        "conversation", "a child that sets it to None has the outer's", emptied,
        lambda s: _attribute(s, CHAT, CONVERSATION) == "outer", "none: the program took it away",
    ),
    Fact(
        "conversation", "a model below a retriever has it", through_retrieval,
        lambda s: _attribute(s, CHAT, CONVERSATION) == "t1" and s.is_child(CHAT, "retrieval"),
    ),
    Fact(
        "conversation", "the retriever between has none", through_retrieval,
        lambda s: CONVERSATION not in s.one("retrieval").attributes, "it has: the conventions allow it on every span",
    ),
    Fact("prompts", "a template's name is on the model", prompted, lambda s: _attribute(s, CHAT, "gen_ai.prompt.name") == "greeting"),
    Fact(
        "prompts", "its variables too, partial ones among them", prompted,
        lambda s: {"kind", "hi"} <= {v for k, v in s.one(CHAT).attributes.items() if k.startswith("gen_ai.prompt.variable.")},
    ),
    Fact(
        "prompts", "a partial variable that a function makes is left out", prompted,
        lambda s: "gen_ai.prompt.variable.day" not in s.one(CHAT).attributes,
    ),
    Fact(
        "prompts", "what the template does not ask for is left out", prompted,
        lambda s: "gen_ai.prompt.variable.more" not in s.one(CHAT).attributes,
        "it stands there: the callbacks' inputs are what the prompt was given",
    ),
    Fact("tools", "a tool's call id is on its span", alone, lambda s: _attribute(s, "execute_tool noop", "gen_ai.tool.call.id") == "c1"),
    Fact(
        "tools", "a tool called alone has its description", alone,
        lambda s: bool(_attribute(s, "execute_tool noop", "gen_ai.tool.description")),
        "known where a model of the same trace was told of it, so that no log repeats it at every call",
    ),
    Fact(
        "conventions", "an agent in a graph's node is a span below the workflow's", conventions,
        lambda s: s.is_child(WEATHER, f"{FLOW} report"),
    ),
    Fact("conventions", "the agent has its model", conventions, lambda s: _attribute(s, WEATHER, "gen_ai.request.model") == "scripted"),
    Fact(
        "conventions", "its instructions", conventions,
        lambda s: _json(s, WEATHER, "gen_ai.system_instructions")[0]["content"] == "You are a weather assistant.",
    ),
    Fact(
        "conventions", "its tools by name and description", conventions,
        lambda s: [(d["name"], d["description"]) for d in _json(s, WEATHER, "gen_ai.tool.definitions")]
        == [("get_weather", "Get the current weather.")],
    ),
    Fact(
        "conventions", "what the user said", conventions,
        lambda s: _json(s, WEATHER, "gen_ai.input.messages")
        == [{"role": "user", "parts": [{"type": "text", "content": "Seattle?"}]}],
    ),
    Fact(
        "conventions", "the final answer, and no more", conventions,
        lambda s: [m["parts"][0]["content"] for m in _json(s, WEATHER, "gen_ai.output.messages")] == ["It is sunny."],
    ),
    Fact("conventions", "the run's usage", conventions, lambda s: _attribute(s, WEATHER, "gen_ai.usage.input_tokens") > 0),
    Fact(
        "conventions", "its finish reasons", conventions,
        lambda s: _attribute(s, WEATHER, "gen_ai.response.finish_reasons") == ("stop",),
    ),
    Fact(
        "conventions", "the tool has arguments, id, result, description, name and type", conventions,
        lambda s: {
            "gen_ai.tool.call.arguments", "gen_ai.tool.call.id", "gen_ai.tool.call.result",
            "gen_ai.tool.description", "gen_ai.tool.name", "gen_ai.tool.type",
        } <= s.one("execute_tool get_weather").attributes.keys(),
    ),
    Fact(
        "conventions", "a retrieval has data source, top_k and query", conventions_retrieval,
        lambda s: [
            _attribute(s, "retrieval", f"gen_ai.{name}")
            for name in ("data_source.id", "retrieval.top_k", "retrieval.query.text")
        ] == ["kb", 2, "Seattle weather"],
    ),
    Fact(
        "conventions", "and documents without id and score where there are none", conventions_retrieval,
        lambda s: [d.keys() & {"id", "score"} for d in _json(s, "retrieval", "gen_ai.retrieval.documents")] == [set()] * 2,
    ),
    Fact(
        "models", "cache reads, reasoning and modality of tokens are told", cached_usage,
        lambda s: [
            _attribute(s, CHAT, f"gen_ai.usage.{part}")
            for part in ("cache_read.input_tokens", "reasoning.output_tokens", "audio.input_tokens")
        ] == [4, 1, 2],
    ),
)  # fmt: skip


def table() -> str:
    """Return the facts that do not hold, in Markdown, and how many do."""
    held = [fact for fact in FACTS if fact.is_held()]
    lines = [
        f"{len(held)} of {len(FACTS)} facts hold. The others:",
        "",
        "| of | the peer | here |",
        "|---|---|---|",
    ]
    lines += [f"| {fact.of} | {fact.says} | {fact.instead or '?'} |" for fact in FACTS if fact not in held]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())  # noqa: T201  what it is run for
