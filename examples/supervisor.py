"""A supervisor that hands questions to one of two specialists, until it is done.

Needs: langgraph
"""

from typing import Annotated, Any, TypedDict

from langchain_core.messages import AnyMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel

pacing = Pacing(0.05, 0.005)
boss = ScriptedChatModel(script=["timetable", "tickets", "done"], pacing=pacing)
specialists = {
    "timetable": ScriptedChatModel(script=["Line 7 leaves at noon."], pacing=pacing),
    "tickets": ScriptedChatModel(script=["A day ticket is 6.20."], pacing=pacing),
}


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def supervisor(state: State) -> Command[Any]:
    choice = boss.invoke(state["messages"]).text
    return Command(goto=END if choice == "done" else choice)


def specialist(name: str) -> Any:
    def work(state: State) -> Command[Any]:
        return Command(goto="supervisor", update={"messages": [specialists[name].invoke(state["messages"])]})

    return work


graph = StateGraph(State)
graph.add_node("supervisor", supervisor, destinations=(*specialists, END))
for name in specialists:
    graph.add_node(name, specialist(name), destinations=("supervisor",))
graph.add_edge(START, "supervisor")

desk = observe(graph.compile(name="help_desk"))
for message in desk.invoke({"messages": [("user", "When does line 7 leave, and what is a ticket?")]})[
    "messages"
]:
    print(f"{message.type}: {message.text}")
