"""The shortest way: one call, and the chain is observed.

Run it, then look: `tracebus` in a second terminal, or python quickstart.py console for the tree here.
"""

import sys

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel  # stands in for ChatOpenAI, ChatAnthropic …

model = ScriptedChatModel(script=["Line 7 leaves at noon."], pacing=Pacing(0.2, 0.02))
chain = ChatPromptTemplate.from_template("Answer briefly: {question}") | model | StrOutputParser()

with observe(chain, to=sys.argv[1:]) as observed:
    for text in observed.stream({"question": "When does line 7 leave?"}):
        print(text, end="", flush=True)
print()
