"""Runs as a stream of typed events in your own loop: match them, the type checker knows them all."""

import asyncio
from typing import assert_never

from langchain_core.output_parsers import StrOutputParser

from tracebus import astream
from tracebus.events import CustomEmitted, Gap, RunEnded, RunRetried, RunStarted, RunStreamed
from tracebus.testing import ScriptedChatModel, Turn

chain = (
    ScriptedChatModel(script=[Turn("Line 7 leaves at noon.", reasoning="Which line?")]) | StrOutputParser()
)


async def main() -> None:
    async for event in astream(chain, "When does line 7 leave?"):
        match event:
            case RunStarted(kind=kind, name=name):
                print(f"{name} ({kind}) started")
            case RunStreamed(reasoning=reasoning, text=text):
                print(f"  {reasoning or text!r}")
            case RunEnded(outcome=outcome, usage=usage):
                tokens = f", {usage.output_tokens} tokens" if usage else ""
                print(f"ended: {outcome}{tokens}")
            case RunRetried() | CustomEmitted():
                print("  something in between")
            case Gap(missed=missed):
                print(f"  {missed} events missed: this loop is too slow")
            case _:
                assert_never(event)


asyncio.run(main())
