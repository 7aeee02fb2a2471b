"""Rows through two chained prompts, one after the other and all at once, with progress."""

import asyncio
import time

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel

model = ScriptedChatModel(
    script=lambda messages: messages[-1].text.split(": ")[1], pacing=Pacing(0.05, 0.005)
)
summarise = ChatPromptTemplate.from_template("Summarise: {row}") | model | StrOutputParser()
translate = ChatPromptTemplate.from_template("Translate: {summary}") | model | StrOutputParser()
chain = observe({"summary": summarise} | translate, name="row")
rows = [{"row": f"report {number}"} for number in range(8)]


def progress(done: int) -> None:
    print(f"\r{done} of {len(rows)}", end="" if done < len(rows) else "\n")


async def main() -> None:
    began = time.perf_counter()
    for number, row in enumerate(rows, 1):
        await chain.ainvoke(row)
        progress(number)
    one_by_one = time.perf_counter() - began

    began, done = time.perf_counter(), 0
    async for _index, _answer in chain.abatch_as_completed(rows):
        done += 1
        progress(done)
    at_once = time.perf_counter() - began
    print("all at once was faster" if at_once < one_by_one else "this machine has other things to do")


asyncio.run(main())
