"""A LangGraph agent that calls a tool: nodes, model calls and tools show up as one tree.

Needs: langgraph
"""

import sys
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel, ScriptedToolCall, Turn


@tool
def departures(stop: str) -> str:
    """Look up the next departures from a stop."""
    return f"{stop}: 12:00, 12:12, 12:24"


model = ScriptedChatModel(
    script=[
        Turn(reasoning="Look it up.", tool_calls=[ScriptedToolCall("departures", {"stop": "Old Square"})]),
        "The next ones leave at 12:00 and 12:12.",
    ],
    pacing=Pacing(0.2, 0.02),
).bind_tools([departures])


def agent(state: MessagesState) -> dict[str, Any]:
    return {"messages": [model.invoke(state["messages"])]}


def tools(state: MessagesState) -> dict[str, list[ToolMessage]]:
    return {"messages": [departures.invoke(call) for call in state["messages"][-1].tool_calls]}


def has_calls(state: MessagesState) -> str:
    return "tools" if state["messages"][-1].tool_calls else END


graph = StateGraph(MessagesState)
graph.add_node("agent", agent)
graph.add_node("tools", tools)
graph.add_edge(START, "agent")
graph.add_conditional_edges("agent", has_calls)
graph.add_edge("tools", "agent")

with observe(graph.compile(), to=sys.argv[1:], name="help_desk") as observed:
    state = observed.invoke({"messages": [("user", "When does the next bus leave Old Square?")]})
print(state["messages"][-1].text)
