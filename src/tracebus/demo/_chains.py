"""The help desk's chains, built the way one builds them in LangChain."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import adispatch_custom_event
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnableParallel
from pydantic import BaseModel, Field

from tracebus.demo import _models as scripts
from tracebus.demo._knowledge import OverlapRetriever, pieces, words
from tracebus.demo._models import model
from tracebus.demo._tools import Toolbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from langchain_core.documents import Document

    from tracebus.testing import Pacing

__all__ = ["brief_chain", "failing_chain", "help_desk", "long_chain", "report_chain"]


class Ticket(BaseModel):
    """What the back office gets."""

    topic: str
    urgency: int = Field(ge=1, le=5)
    stop: str


def help_desk(pacing: Pacing) -> Runnable[str, str]:
    """Return an agent: it searches, lets the model call tools until it has an answer, and streams it."""
    toolbox = Toolbox(delay=pacing.first_token)
    both = RunnableParallel(
        keywords=OverlapRetriever(features=words, delay=pacing.first_token / 2, name="keyword_search"),
        neighbours=OverlapRetriever(features=pieces, delay=pacing.first_token, name="neighbour_search"),
    )
    search = (both | RunnableLambda(_merged, name="merge")).with_config(run_name="search")
    prompt = ChatPromptTemplate(
        [
            ("system", "You are the help desk of the city's buses. You know:\n{context}"),
            ("placeholder", "{talk}"),
        ]
    )
    assistant = model(scripts.ASSISTANT, pacing).bind_tools(toolbox.tools)
    answer = (prompt | assistant).with_config(run_name="answer")

    async def help_desk(question: str, config: RunnableConfig) -> AsyncIterator[str]:
        context = await search.ainvoke(question, config)
        talk: list[BaseMessage] = [HumanMessage(question)]
        while True:
            message = AIMessageChunk(content="")
            async for chunk in answer.astream({"context": context, "talk": talk}, config):
                message += chunk  # type: ignore[assignment]  # a chunk and a chunk is a chunk
                if chunk.text:
                    yield str(chunk.text)
            if not message.tool_calls:
                return
            called = [toolbox.by_name[call["name"]].ainvoke(call, config) for call in message.tool_calls]
            talk += [message, *await asyncio.gather(*called)]

    return RunnableLambda(help_desk)  # type: ignore[arg-type]  # a generator with a config: accepted, not annotated


async def _merged(found: dict[str, list[Document]], config: RunnableConfig) -> str:
    """Join what both searches found, best first, and tell whoever watches."""
    documents = {
        document.metadata["source"]: document.page_content
        for pair in zip(*found.values(), strict=True)
        for document in pair
    }
    await adispatch_custom_event("documents_ranked", {"sources": list(documents)}, config=config)
    return "\n".join(documents.values())


def report_chain(pacing: Pacing) -> Runnable[Any, Any]:
    """Return three branches side by side; the first one's model is down, its fallback is not."""
    unreachable = model(scripts.UNREACHABLE, pacing)
    steady = model(scripts.SUMMARY, pacing, "scripted-small")
    summary = _prompt("Sum up: {talk}") | unreachable.with_fallbacks([steady]) | StrOutputParser()
    german = _prompt("In German: {talk}") | model(scripts.TRANSLATION, pacing) | StrOutputParser()
    ticket = _prompt("File: {talk}") | model(scripts.TICKET, pacing).with_structured_output(Ticket)
    return RunnableParallel(
        summary=summary.with_config(run_name="summary"),
        german=german.with_config(run_name="german"),
        ticket=ticket.with_config(run_name="ticket"),
    ).with_config(run_name="report")


def brief_chain(pacing: Pacing) -> Runnable[Any, str]:
    """Return a chain that answers a question in a sentence."""
    chain = _prompt("In one sentence: {question}") | model(scripts.brief_answer, pacing, "scripted-small")
    return (chain | StrOutputParser()).with_config(run_name="brief_answer")


def failing_chain(pacing: Pacing) -> Runnable[Any, str]:
    """Return a chain whose model fails in the middle of its answer."""
    chain = _prompt("{question}") | model(scripts.BROKEN, pacing) | StrOutputParser()
    return chain.with_config(run_name="archive")


def long_chain(pacing: Pacing) -> Runnable[Any, str]:
    """Return a chain that talks longer than anybody listens."""
    chain = _prompt("{question}") | model(scripts.CHATTERBOX, pacing) | StrOutputParser()
    return chain.with_config(run_name="storyteller")


def _prompt(template: str) -> ChatPromptTemplate:
    return ChatPromptTemplate([("system", "Be brief and kind."), ("human", template)])
