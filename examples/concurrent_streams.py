"""Ten streams at once: each has its own run, and none mixes with another."""

import asyncio

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel


def answer(messages: list) -> str:
    return f"Stop {messages[-1].text} is served every ten minutes."


model = observe(ScriptedChatModel(script=answer, pacing=Pacing(0.05, 0.01)), name="timetable")


async def listen(stop: int) -> str:
    return "".join([chunk.text async for chunk in model.astream(str(stop))])


async def main() -> None:
    for text in await asyncio.gather(*(listen(stop) for stop in range(10))):
        print(text)


asyncio.run(main())
