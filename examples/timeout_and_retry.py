"""A step that hangs: a time limit for each attempt, and another attempt. The cancelled run says so."""

import asyncio
import os

from langchain_core.runnables import RunnableLambda

from tracebus import observe

LIMIT = float(os.environ.get("LIMIT", "3"))  # seconds
attempts = 0


async def service(stop: str) -> str:
    global attempts
    attempts += 1
    if attempts == 1:
        await asyncio.sleep(3600)  # it hangs
    return f"{stop}: 12:00"


async def limited(stop: str) -> str:
    async with asyncio.timeout(LIMIT):
        return await RunnableLambda(service).ainvoke(stop)


chain = observe(
    RunnableLambda(limited).with_retry(
        retry_if_exception_type=(TimeoutError,), stop_after_attempt=2, wait_exponential_jitter=False
    ),
    name="departures",
)
print(asyncio.run(chain.ainvoke("Old Square")), f"at attempt {attempts}")
