"""The morning's announcement as a graph, where langgraph is installed."""

from __future__ import annotations

import asyncio
import operator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from tracebus.demo import _models as scripts

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from tracebus.testing import Pacing

__all__ = ["announcement_graph", "has_langgraph"]


class _State(TypedDict, total=False):
    notes: Annotated[list[str], operator.add]
    announcement: str


def has_langgraph() -> bool:
    """Tell whether the graph can be played."""
    return find_spec("langgraph") is not None


def announcement_graph(pacing: Pacing) -> Runnable[Any, Any]:
    """Return a graph that asks for the weather and the roads at once, then writes an announcement."""
    from langgraph.graph import END, START, StateGraph  # noqa: PLC0415  optional

    speaker = scripts.model(scripts.ANNOUNCER, pacing)

    async def weather(state: _State) -> _State:  # noqa: ARG001  a node is given the state
        await asyncio.sleep(pacing.first_token)
        return {"notes": ["rain until six"]}

    async def roads(state: _State) -> _State:  # noqa: ARG001  a node is given the state
        await asyncio.sleep(pacing.first_token / 2)
        return {"notes": ["Harbour East closed"]}

    async def announce(state: _State) -> _State:
        message = await speaker.ainvoke("Announce: " + "; ".join(sorted(state["notes"])))
        return {"announcement": str(message.text)}

    graph = StateGraph(_State)
    graph.add_node("weather", weather)
    graph.add_node("roads", roads)
    graph.add_node("announce", announce)
    graph.add_edge(START, "weather")
    graph.add_edge(START, "roads")
    graph.add_edge(["weather", "roads"], "announce")
    graph.add_edge("announce", END)
    return graph.compile(name="announcements")
