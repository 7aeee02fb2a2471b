"""A serverless handler: the process may be frozen once it has answered, so it flushes before it does."""

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

import tracebus
from tracebus import observe
from tracebus.testing import ScriptedChatModel

model = ScriptedChatModel(script=lambda _: "At noon.")
chain = observe(ChatPromptTemplate.from_template("{question}") | model | StrOutputParser(), name="handler")


def handler(event: dict, context: object = None) -> dict:
    try:
        return {"statusCode": 200, "body": chain.invoke({"question": event["question"]})}
    finally:
        if not tracebus.flush(timeout=2):
            print("some events did not arrive in time; the next request sends them")


print(handler({"question": "When does line 7 leave?"}))
