"""A model that is down, and its fallback: the failed attempt stays visible, the answer is the other's."""

from langchain_core.output_parsers import StrOutputParser

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel

down = ScriptedChatModel(script=[ConnectionError("overloaded")], model="scripted-large")
steady = ScriptedChatModel(script=["At noon."], model="scripted-small", pacing=Pacing(0.05, 0.01))
chain = observe(down.with_fallbacks([steady]) | StrOutputParser(), name="answer")
print(chain.invoke("When does line 7 leave?"))
