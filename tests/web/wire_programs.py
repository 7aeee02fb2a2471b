"""Programs whose runs are sent to clients: each does one thing that goes wrong easily on its way."""

from __future__ import annotations

import asyncio
import json
import operator
from functools import reduce
from typing import Annotated, Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage, message_chunk_to_message
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import InjectedToolCallId, ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, interrupt
from pydantic import PrivateAttr

from tracebus.testing import ScriptedChatModel, Turn

PRIVATE = "priv4te" + "-data"
SECRET = "hunter2" + "-0123"


class Says(BaseChatModel):
    """Says its turns in order: a message, which it does not stream, or a list of chunks, which it does."""

    turns: list
    _at: int = PrivateAttr(default=0)

    @property
    def _llm_type(self):
        return "says"

    def _turn(self):
        turn = self.turns[min(self._at, len(self.turns) - 1)]
        self._at += 1
        return turn

    def bind_tools(self, tools, **kwargs):
        return self

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        turn = self._turn()
        if isinstance(turn, list):
            whole = reduce(operator.add, turn)
            turn = AIMessage(
                whole.content, tool_calls=whole.tool_calls, invalid_tool_calls=whole.invalid_tool_calls
            )
        return ChatResult(generations=[ChatGeneration(message=turn.model_copy())])

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        turn = self._turn()
        if isinstance(turn, AIMessage):
            fields = turn.model_dump(exclude={"type"})
            turn = [AIMessageChunk(**fields)] if not turn.content else [AIMessageChunk(content=turn.content)]
        for message in turn:
            chunk = ChatGenerationChunk(message=message)
            if run_manager:
                run_manager.on_llm_new_token(message.text, chunk=chunk)
            yield chunk


class Whole(Says):
    """The same, but never streams."""

    disable_streaming: bool = True


def streaming(model):
    """Return a node that has *model* stream its answer."""

    def node(state):
        return {"messages": [message_chunk_to_message(reduce(operator.add, model.stream(state["messages"])))]}

    return node


def words(*texts):
    return [AIMessageChunk(content=text) for text in texts]


def piece(args="", id=None, name=None, index=0):  # noqa: A002  LangChain's name
    return AIMessageChunk(
        content="", tool_call_chunks=[tool_call_chunk(name=name, args=args, id=id, index=index)]
    )


def called(name, id_="c1", **args):
    return [piece(json.dumps(args), id_, name)]


@tool
def search(q: str) -> str:
    """Search."""
    return f"found {q}"


@tool
def lookup(k: str) -> str:
    """Look up."""
    return f"got {k}"


@tool
def broken(q: str) -> str:
    """Fail."""
    raise ToolException("no such bus")


broken.handle_tool_error = True


@tool
def pages(q: str):
    """Read pages."""
    return [
        {"type": "text", "text": "page one"},
        {"type": "image", "url": "https://pictures.example/bus.png", "mime_type": "image/png"},
    ]


@tool(response_format="content_and_artifact")
def rows(q: str):
    """Read rows."""
    return "2 rows", {"rows": [PRIVATE]}


@tool
def book(q: str, id_: Annotated[str, InjectedToolCallId]):
    """Book."""
    return Command(update={"messages": [ToolMessage("Booked.", tool_call_id=id_)], "customer": PRIVATE})


@tool
def refund(order: str) -> str:
    """Refund an order."""
    return "refunded" if interrupt({"question": f"Refund {order}?"}) else "refused"


@tool
def expert(q: str) -> str:
    """Ask another model."""
    return Says(turns=[words("inner ", "words")]).invoke(q).text


class State(MessagesState):
    customer: str


def agent(*turns, tools=(search, lookup)):
    return agent_of(Says(turns=list(turns)), tools)


def agent_of(model, tools=(search, lookup)):
    graph = StateGraph(State)
    graph.add_node("model", streaming(model))
    graph.add_node("tools", ToolNode(list(tools)))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile(checkpointer=InMemorySaver(), name="agent")


def router():
    graph = StateGraph(MessagesState)
    inside = Says(turns=[words("ROUTE-A")]).with_config(tags=["nostream"])
    marked = Says(turns=[words("SUMMARY")]).with_config(metadata={"lc_source": "summarization"})
    answers = Says(turns=[words("Over the ", "bridge.")])

    def route(state):
        inside.invoke("which?")
        marked.invoke("shorten")

    graph.add_node("route", route)
    graph.add_node("reply", streaming(answers))
    graph.add_edge(START, "route")
    graph.add_edge("route", "reply")
    return graph.compile()


def fails():
    model = ScriptedChatModel(
        script=[Turn("Half a sentence here", error=ValueError("model broke"), error_after=2)]
    )
    return RunnableLambda(lambda _: "hi") | model


def cancelled():
    model = Says(turns=[words("Half a ", "sentence")])

    async def stop(_):
        async for _ in model.astream("hi"):
            raise asyncio.CancelledError

    return RunnableLambda(stop)


def breakpoint_before():
    graph = StateGraph(MessagesState)
    model = Says(turns=[words("Ready.")])
    graph.add_node("model", streaming(model))
    graph.add_node("act", lambda state: {})
    graph.add_edge(START, "model")
    graph.add_edge("model", "act")
    return graph.compile(checkpointer=InMemorySaver(), interrupt_before=["act"])


def approval(*calls, **options):
    """LangChain's own middleware asks for approval of searches; where not said, of one."""
    from langchain.agents import create_agent
    from langchain.agents.middleware import HumanInTheLoopMiddleware

    asked = {
        "allowed_decisions": ["approve", "reject"],
        "description": lambda call, state, runtime: f"Search for {call['args']['q']}?",
    }
    model = Says(turns=[[*(calls or called("search", q="bus"))], words("Done.")])
    middleware = HumanInTheLoopMiddleware({"search": asked}, **options)
    return create_agent(model, [search, lookup], middleware=[middleware], checkpointer=InMemorySaver())


def three_calls():
    """Two calls that are asked for at once, and one between them that is not."""
    return [
        piece('{"q": "bus"}', "c1", "search", 0),
        piece('{"k": "N7"}', "c2", "lookup", 1),
        piece('{"q": "tram"}', "c3", "search", 2),
    ]


BAD_CALL = {
    "type": "invalid_tool_call",
    "name": "search",
    "args": '{"q": bus',
    "id": "c1",
    "error": "no JSON",
}
THINKS = {"type": "reasoning", "reasoning": "Let me see."}
HOSTED = [
    THINKS,
    {"type": "server_tool_call", "id": "s1", "name": "web_search", "args": {"query": "bus"}},
    {"type": "server_tool_result", "tool_call_id": "s1", "status": "success", "output": "noon"},
    {"type": "text", "text": "At noon."},
]
PICTURE = [
    {"type": "text", "text": "Here it is."},
    {"type": "image", "url": "https://pictures.example/bus.png", "mime_type": "image/png"},
]

PROGRAMS: dict[str, tuple[Any, str]] = {
    "answer": (lambda: agent(words("Over the ", "bridge.")), "a model streams its answer"),
    "thinks": (
        lambda: agent([AIMessageChunk(content=[{**THINKS, "index": 0}]), *words("It is 42.")]),
        "it thinks first",
    ),
    "tool": (
        lambda: agent([*words("I look."), *called("search", q="bus")], words("Done.")),
        "it calls a tool, and goes on with the result",
    ),
    "parallel": (
        lambda: agent([*called("search", q="bus"), *called("lookup", "c2", k="N7")], words("Done.")),
        "two calls at once, both under index 0",
    ),
    "no_ids": (
        lambda: Says(turns=[[piece('{"q": "bus"}', None, "search"), piece('{"k": "N7"}', None, "lookup")]]),
        "two whole calls under index 0, without ids",
    ),
    "tool_error": (
        lambda: agent(called("broken", q="x"), words("Sorry."), tools=(broken,)),
        "the tool fails",
    ),
    "blocks": (
        lambda: agent(called("pages", q="x"), words("Done."), tools=(pages,)),
        "the tool returns content blocks: text, a picture by URL",
    ),
    "artifact": (
        lambda: agent(called("rows", q="x"), words("Two."), tools=(rows,)),
        "the tool has an artifact",
    ),
    "command": (
        lambda: agent(called("book", q="x"), words("Done."), tools=(book,)),
        "the tool returns a `Command` that also updates the state",
    ),
    "inner": (
        lambda: agent(called("expert", q="x"), words("Done."), tools=(expert,)),
        "a model speaks inside the tool",
    ),
    "router": (router, "a router tagged `nostream`, a middleware's summary, then the answer"),
    "secret": (
        lambda: agent(
            [
                piece('{"q": "bus", "api_', "c1", "search"),
                piece(f'key": "{SECRET[:7]}'),
                piece(f'{SECRET[7:]}"' + "}"),
            ],
            words("My pass", f"word: {SECRET[:7]}", f"{SECRET[7:]}\n", "Keep it."),
        ),
        "a streamed argument `api_key`, and a line `password: …` in the answer",
    ),
    "invalid": (
        lambda: Whole(turns=[AIMessage("", invalid_tool_calls=[BAD_CALL])]),
        "arguments that are no JSON",
    ),
    "hosted": (
        lambda: Whole(turns=[AIMessage(HOSTED)]),
        "an answer that is not streamed: thought, the provider's own search, text",
    ),
    "picture": (lambda: Whole(turns=[AIMessage(PICTURE)]), "a picture in the answer"),
    "interrupt": (
        lambda: agent(called("refund", order="o-1"), words("It is done."), tools=(refund,)),
        "a tool asks a human by `interrupt()`; the client answers yes",
    ),
    "approve": (approval, "approval of a call (`HumanInTheLoopMiddleware`); the client approves"),
    "reject": (approval, "the same; the client refuses"),
    "several": (
        lambda: approval(*three_calls()),
        "the same for two calls of three at once; the client approves the first and refuses the second",
    ),
    "breakpoint": (breakpoint_before, "the graph stops at `interrupt_before`"),
    "cancelled": (cancelled, "the program cancels the run"),
    "fails": (fails, "the model fails in the middle"),
}
"""By name: what makes the program, and what happens in it."""
