"""Streaming a batch: one stream for each input, their chunks as they come."""

import asyncio

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel

model = ScriptedChatModel(script=lambda messages: messages[-1].text.title(), pacing=Pacing(0.03, 0.01))
chain = observe(ChatPromptTemplate.from_template("the {line} bus leaves at noon") | model | StrOutputParser())


async def main() -> None:
    texts = {"first": "", "second": "", "third": ""}

    async def stream(line: str) -> None:
        async for text in chain.astream({"line": line}):
            texts[line] += text

    await asyncio.gather(*map(stream, texts))
    for line, text in texts.items():
        print(f"{line}: {text}")


asyncio.run(main())
