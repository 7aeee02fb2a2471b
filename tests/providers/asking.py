"""Ask a provider's client in every way there is, and put together what it streamed."""

from __future__ import annotations

from langchain_core.tools import tool

from tracebus import observe
from tracebus.events import RunStreamed

MODES = ["invoke", "ainvoke"]
STREAMS = ["stream", "astream"]


@tool
def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"sunny in {city}"


async def run(observed, mode, text="hi", **kwargs):
    """Call *observed* in the given mode and return what the program gets."""
    if mode == "invoke":
        return observed.invoke(text, **kwargs)
    if mode == "ainvoke":
        return await observed.ainvoke(text, **kwargs)
    if mode == "stream":
        return list(observed.stream(text, **kwargs))
    return [chunk async for chunk in observed.astream(text, **kwargs)]


async def ask(watch, model, mode, text="hi", **kwargs):
    """Call *model*, observed, wait until all runs have ended, and return what the program got."""
    result = await run(observe(model, bus=watch.bus), mode, text, **kwargs)
    await watch.await_until_all_ended()
    return result


def only_end(watch):
    assert len(watch.ends) == 1
    return next(iter(watch.ends.values()))


def streamed(watch):
    return [event for event in watch.events if isinstance(event, RunStreamed)]


def calls_in(events):
    """Return the tool calls that were streamed in pieces, by their index."""
    calls = {}
    for part in (part for event in events for part in event.tool_calls):
        call = calls.setdefault(part.index, {"id": None, "name": None, "args": ""})
        call["id"] = call["id"] or part.id
        call["name"] = call["name"] or part.name
        call["args"] += part.args
    return calls
