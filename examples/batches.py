"""batch, abatch, batches by hand, and batch_as_completed: what belongs together is one group."""

import asyncio

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel

model = ScriptedChatModel(script=lambda messages: messages[-1].text.upper(), pacing=Pacing(0.02, 0.002))
chain = observe(ChatPromptTemplate.from_template("{word}") | model | StrOutputParser(), name="shout")
words = [{"word": word} for word in ("bus", "tram", "ferry", "train", "bicycle", "taxi")]

print("batch:", chain.batch(words[:3]))
print("abatch:", asyncio.run(chain.abatch(words[3:], {"max_concurrency": 2})))

for start in range(0, len(words), 2):  # by hand: two at a time
    print("by hand:", chain.batch(words[start : start + 2]))

for index, text in sorted(chain.batch_as_completed(words[:3])):
    print("as completed:", index, text)
