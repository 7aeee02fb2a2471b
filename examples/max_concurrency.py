"""A sweep of max_concurrency: the same twelve calls, one, three and twelve at a time."""

import asyncio
import time

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel

model = ScriptedChatModel(script=lambda _: "At noon.", pacing=Pacing(0.03, 0.002))
questions = [f"When does line {line} leave?" for line in range(12)]


async def main() -> None:
    for at_once in (1, 3, 12):
        chain = observe(model, name=f"{at_once} at a time")
        began = time.perf_counter()
        await chain.abatch(questions, {"max_concurrency": at_once})
        took = time.perf_counter() - began
        print(f"{at_once:2} at a time: {len(questions)} answers in {took:.2f} s")


asyncio.run(main())
