"""asyncio.wait_for gives up on a model: its run ends as cancelled, and keeps what it had said."""

import asyncio

from langchain_core.output_parsers import StrOutputParser

from tracebus import EventBus, observe
from tracebus.events import RunEnded
from tracebus.testing import Pacing, ScriptedChatModel

bus = EventBus()
bus.attach(lambda batch: [print(f"  {e.outcome}") for e in batch if isinstance(e, RunEnded)], name="ends")
model = ScriptedChatModel(script=["a story without an end " * 20], pacing=Pacing(0.01, 0.05))
chain = observe(model | StrOutputParser(), bus=bus, name="storyteller")


async def main() -> None:
    try:
        await asyncio.wait_for(chain.ainvoke("Tell me a story."), timeout=0.3)
    except TimeoutError:
        print("gave up; the runs ended as:")
    await bus.aclose()


asyncio.run(main())
