"""Prompt, tool and lambda events in a table, from tracebus's own typed events."""

import asyncio

from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

import tracebus
from tracebus.events import RunEnded, RunStarted


@tool
def departures(stop: str) -> str:
    """Look up departures."""
    return f"{stop}: 12:00"


chain = (
    ChatPromptTemplate.from_template("{place}")
    | RunnableLambda(lambda prompt: {"stop": prompt.messages[0].content}, name="pick")
    | departures
)


async def main() -> None:
    names: dict[str, tuple[str, str]] = {}
    print(f"{'EVENT':8} {'KIND':8} {'NAME':20} OUTCOME")
    async for event in tracebus.astream(chain, {"place": "Old Square"}):
        match event:
            case RunStarted(run_id=run, kind=kind, name=name):
                names[run] = (kind.value, name)
                print(f"{'start':8} {kind.value:8} {name:20}")
            case RunEnded(run_id=run, outcome=outcome):
                kind_name, name = names[run]
                print(f"{'end':8} {kind_name:8} {name:20} {outcome.value}")
            case _:
                pass


asyncio.run(main())
