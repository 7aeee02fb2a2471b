"""A progress handler of your own beside tracebus: both see everything, neither knows of the other."""

from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.prompts import ChatPromptTemplate

from tracebus import observe
from tracebus.testing import ScriptedChatModel


class Progress(BaseCallbackHandler):
    def __init__(self) -> None:
        self.done = 0

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        print("asking …")

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        self.done += 1
        print(f"answered: {self.done} of 3")


model = ScriptedChatModel(script=lambda messages: messages[-1].text[::-1])
chain = observe(ChatPromptTemplate.from_template("{word}") | model, name="backwards")
progress = Progress()
for word in ("bus", "tram", "ferry"):
    print(chain.invoke({"word": word}, {"callbacks": [progress]}).text)
