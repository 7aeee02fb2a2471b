"""Your own loop over astream_events, with filters, while tracebus watches beside it."""

import asyncio

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from tracebus import observe
from tracebus.testing import ScriptedChatModel

model = ScriptedChatModel(script=["Line 7 leaves at noon."] * 2).with_config(run_name="writer", tags=["say"])
chain = observe(ChatPromptTemplate.from_template("{question}") | model | StrOutputParser())
question = {"question": "When does line 7 leave?"}


async def main() -> None:
    print("everything:")
    counts: dict[str, int] = {}
    async for event in chain.astream_events(question, version="v2"):
        counts[event["event"]] = counts.get(event["event"], 0) + 1
    for name, count in counts.items():
        print(f"  {count:3} {name}")

    print("include_tags=['say']:")
    async for event in chain.astream_events(question, version="v2", include_tags=["say"]):
        if event["event"] == "on_chat_model_stream":
            print(f"  {event['data']['chunk'].content!r}")


asyncio.run(main())
