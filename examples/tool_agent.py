"""A tool-calling agent in a plain loop: model, tool, model, with no framework but langchain-core."""

from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel, ScriptedToolCall, Turn


@tool
def departures(stop: str) -> str:
    """Look up the next departures from a stop."""
    return f"{stop}: 12:00, 12:12, 12:24"


model = ScriptedChatModel(
    script=[
        Turn(reasoning="Look it up.", tool_calls=[ScriptedToolCall("departures", {"stop": "Old Square"})]),
        "The next buses leave at 12:00 and 12:12.",
    ],
    pacing=Pacing(0.1, 0.01),
).bind_tools([departures])


def agent(question: str) -> str:
    messages: list[AnyMessage] = [HumanMessage(question)]
    while True:
        answer = model.invoke(messages)
        messages.append(answer)
        if not answer.tool_calls:
            return answer.text
        messages += [departures.invoke(call) for call in answer.tool_calls]


print(observe(RunnableLambda(agent), name="agent").invoke("When does the next bus leave Old Square?"))
