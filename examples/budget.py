"""A LangGraph agent that goes on and on, and is cancelled by its program when its budget is used up.

Needs: langgraph
"""

import asyncio
import sys
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph

from tracebus import Budget, observe
from tracebus.testing import Pacing, ScriptedChatModel, ScriptedToolCall, Turn


@tool
def timetable(page: int) -> str:
    """Read a page of the timetable."""
    return f"page {page}: no night bus here, see page {page + 1}"


def next_page(messages: list[Any]) -> Turn:
    page = sum(isinstance(message, ToolMessage) for message in messages) + 1
    return Turn(tool_calls=[ScriptedToolCall("timetable", {"page": page})])


model = ScriptedChatModel(script=next_page, pacing=Pacing(0.05, 0.0)).bind_tools([timetable])


async def agent(state: MessagesState) -> dict[str, Any]:
    return {"messages": [await model.ainvoke(state["messages"])]}


def tools(state: MessagesState) -> dict[str, list[ToolMessage]]:
    return {"messages": [timetable.invoke(call) for call in state["messages"][-1].tool_calls]}


def what_next(state: MessagesState) -> str:
    return "tools" if state["messages"][-1].tool_calls else END


graph = StateGraph(MessagesState)
graph.add_node("agent", agent)
graph.add_node("tools", tools)
graph.add_edge(START, "agent")
graph.add_conditional_edges("agent", what_next)
graph.add_edge("tools", "agent")


async def answer(question: str) -> str:
    """Return the agent's answer, or what to say when it took more than four model calls."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def stop(fact: Any) -> None:  # on a thread of tracebus's, some hundredths of a second later
        print(f"stopped: used up {fact.limit}, of which there were {fact.of:.0f}")
        loop.call_soon_threadsafe(task.cancel)

    budget = Budget(model_calls=4, on_exceeded=stop)
    with observe(graph.compile(), to=sys.argv[1:], name="help_desk", budget=budget) as observed:
        try:
            state = await observed.ainvoke({"messages": [("user", question)]}, {"recursion_limit": 1_000})
        except asyncio.CancelledError:
            task.uncancel()
            return "I could not find that out in time."
    return state["messages"][-1].text


print(asyncio.run(answer("When does the night bus leave?")))
