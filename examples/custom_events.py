"""What your own code has to say in between: dispatch_custom_event, on the run it was said in."""

from langchain_core.callbacks import dispatch_custom_event
from langchain_core.runnables import RunnableLambda

from tracebus import observe
from tracebus.events import CustomEmitted


def show(batch: list) -> None:
    for event in batch:
        if isinstance(event, CustomEmitted):
            print(f"{event.name}: {event.data}")


def rank(stops: list[str]) -> list[str]:
    dispatch_custom_event("ranked", {"stops": len(stops), "best": stops[0]})
    return stops


with observe(RunnableLambda(rank), to=show) as chain:
    chain.invoke(["Old Square", "Harbour West"])
