"""A LangGraph agent that stops to ask a person, and goes on with the answer: interrupted, then linked.

Needs: langgraph
"""

from typing import TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from tracebus import observe


class State(TypedDict, total=False):
    order: str
    approved: str
    answer: str


def draft(_: State) -> State:
    return {"order": "40 day tickets"}


def ask(state: State) -> State:
    return {"approved": interrupt(f"Order {state['order']}?")}


def order(state: State) -> State:
    return {"answer": f"ordered {state['order']}" if state["approved"] == "yes" else "not ordered"}


graph = StateGraph(State)
graph.add_node("draft", draft)
graph.add_node("ask", ask)
graph.add_node("order", order)
graph.add_edge(START, "draft")
graph.add_edge("draft", "ask")
graph.add_edge("ask", "order")
graph.add_edge("order", END)

desk = observe(graph.compile(checkpointer=InMemorySaver()), name="desk")
thread = {"configurable": {"thread_id": "1"}}
paused = desk.invoke({}, thread)
print("asked:", paused["__interrupt__"][0].value)
print("then:", desk.invoke(Command(resume="yes"), thread)["answer"])
