"""Retrieval, then an answer as a stream, with the stages it is in: retrieving, generating."""

import asyncio

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnablePassthrough

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel

PAGES = ["Line 7 leaves at noon.", "Dogs ride free of charge.", "The harbour stop is closed."]


class Words(BaseRetriever):
    def _get_relevant_documents(self, query: str, **_: object) -> list[Document]:
        words = set(query.lower().split())
        pages = sorted(PAGES, key=lambda page: -len(words & set(page.lower().split())))
        return [Document(page, metadata={"page": PAGES.index(page)}) for page in pages[:2]]


prompt = ChatPromptTemplate.from_template("Answer by: {context}\n\nQuestion: {question}")
model = ScriptedChatModel(script=["Line 7 leaves at noon."] * 2, pacing=Pacing(0.05, 0.01))
chain = observe(
    {"context": Words(), "question": RunnablePassthrough()} | prompt | model | StrOutputParser(), name="rag"
)


async def main() -> None:
    print("".join([text async for text in chain.astream("when does line 7 leave")]))

    async for event in chain.astream_events("when does line 7 leave", version="v2"):
        match event["event"]:
            case "on_retriever_start":
                print("retrieving …")
            case "on_retriever_end":
                print(f"  {len(event['data']['output'])} documents")
            case "on_chat_model_start":
                print("generating …")
            case "on_chat_model_end":
                print(f"  {event['data']['output'].text}")


asyncio.run(main())
