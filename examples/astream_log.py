"""astream_log, whose contract tracebus keeps: with filters, with patches (diff) and with whole states."""

import asyncio

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from tracebus import runstate
from tracebus.testing import ScriptedChatModel

model = ScriptedChatModel(script=["At noon."] * 3).with_config(run_name="writer")
chain = ChatPromptTemplate.from_template("{question}") | model | StrOutputParser()
question = {"question": "When?"}


async def main() -> None:
    paths: list[str] = []
    async for patch in runstate.astream_log(chain, question):
        paths += [operation["path"] for operation in patch.ops]
    print(f"diff: {len(paths)} operations, the first at {paths[0]!r}, the last at {paths[-1]!r}")

    async for patch in runstate.astream_log(chain, question, include_names=["writer"]):
        for operation in patch.ops:
            if operation["path"].startswith("/logs/") and operation["path"].count("/") == 2:
                print("only writer:", operation["path"])

    states = [state async for state in runstate.astream_log(chain, question, diff=False)]
    print(f"whole: {len(states)} states, at the end {states[-1].state['final_output']!r}")


asyncio.run(main())
