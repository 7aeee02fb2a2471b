"""A slow consumer: a bounded queue holds the model back, and tracebus shows how long the run really took."""

import asyncio

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel

model = observe(ScriptedChatModel(script=["one two three four five six seven"], pacing=Pacing(0.01, 0.001)))


async def main() -> None:
    queue: asyncio.Queue[str | None] = asyncio.Queue(maxsize=2)

    async def produce() -> None:
        async for chunk in model.astream("Count."):
            await queue.put(chunk.text)  # waits while the consumer is busy
        await queue.put(None)

    producer = asyncio.create_task(produce())
    while (text := await queue.get()) is not None:
        print(f"{text!r} (waiting: {queue.qsize()})")
        await asyncio.sleep(0.03)
    await producer


asyncio.run(main())
