"""Code you cannot wrap: a library that builds and calls its chains itself. Observe the block or process."""

from langchain_core.output_parsers import StrOutputParser

from tracebus import install, observing
from tracebus.testing import ScriptedChatModel


def library(question: str) -> str:  # somebody else's
    return (ScriptedChatModel(script=["At noon."]) | StrOutputParser()).invoke(question)


with observing(to="console"):  # everything that is called in here
    print(library("When does line 7 leave?"))

bus = install(to="console")  # everything from here on; TRACEBUS_TO=console does it without a line of code
print(library("And line 8?"))
bus.close()
