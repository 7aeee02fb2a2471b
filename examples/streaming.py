"""Prompt, model, parser: by invoke, stream, astream, and as a typewriter."""

import asyncio
import sys
import time

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel  # stands in for ChatOpenAI, ChatAnthropic …

model = ScriptedChatModel(script=["Line 7 leaves at noon."] * 4, pacing=Pacing(0.05, 0.01))
chain = observe(ChatPromptTemplate.from_template("Answer: {question}") | model | StrOutputParser())
question = {"question": "When does line 7 leave?"}

print("invoke:", chain.invoke(question))

print("stream:", "|".join(chain.stream(question)))


async def main() -> None:
    print("astream:", "|".join([text async for text in chain.astream(question)]))

    print("typewriter: ", end="")
    async for text in chain.astream(question):
        for letter in text:
            sys.stdout.write(letter)
            sys.stdout.flush()
            time.sleep(0.002)
    print()


asyncio.run(main())
