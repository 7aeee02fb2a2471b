"""RunnableParallel, and a batch of it: branches side by side under one run."""

from langchain_core.runnables import RunnableLambda, RunnableParallel

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel


def model(text: str) -> ScriptedChatModel:
    return ScriptedChatModel(script=lambda _: text, pacing=Pacing(0.03, 0.002))


report = RunnableParallel(
    summary=model("A bus, a harbour."),
    mood=model("Hopeful."),
    length=RunnableLambda(lambda text: len(str(text))),
)
chain = observe(report, name="report")
print({part: getattr(value, "text", value) for part, value in chain.invoke("The night bus.").items()})
for answer in chain.batch(["one", "two"]):
    print(answer["length"], answer["mood"].text)
