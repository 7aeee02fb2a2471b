"""A graph inside a graph inside a graph: one tree.

Needs: langgraph
"""

from typing import TypedDict

from langgraph.graph import START, StateGraph

from tracebus import observe


class State(TypedDict):
    trail: list[str]


def level(name: str, inner: object = None) -> object:
    graph = StateGraph(State)
    graph.add_node("note", lambda state: {"trail": [*state["trail"], name]})
    graph.add_edge(START, "note")
    if inner is not None:
        graph.add_node("inner", inner)
        graph.add_edge("note", "inner")
    return graph.compile(name=name)


city = observe(level("city", level("line", level("stop"))))
print(" > ".join(city.invoke({"trail": []})["trail"]))
