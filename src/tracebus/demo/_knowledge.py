"""What the help desk knows, and two ways to find it."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable  # noqa: TC003  pydantic reads the annotation
from typing import TYPE_CHECKING

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

if TYPE_CHECKING:
    from langchain_core.callbacks import (
        AsyncCallbackManagerForRetrieverRun,
        CallbackManagerForRetrieverRun,
    )

__all__ = ["OverlapRetriever", "pieces", "words"]

_TEXTS = {
    "timetable-7": "Line 7 leaves Old Square for the harbour every 12 minutes, from 5:10 to 0:30.",
    "timetable-n7": "After midnight the night bus N7 serves the stops of line 7 every 40 minutes.",
    "fares": "A single ride is 2.60, a day ticket 6.20. Children under six ride free.",
    "bicycles": "Bicycles ride free after 19:00; at other times they need a ticket of their own.",
    "lost-property": "Lost things are kept for 30 days at the depot in Mill Lane.",
    "dogs": "Dogs ride free. Large ones wear a muzzle, and do not like it.",
    "harbour-works": "Until spring the stop Harbour East is closed; use Harbour West, 200 m on.",
}
_DOCUMENTS = [Document(page_content=text, metadata={"source": source}) for source, text in _TEXTS.items()]


def words(text: str) -> Counter[str]:
    """Count the words of *text*."""
    return Counter(re.findall(r"\w+", text.lower()))


def pieces(text: str) -> Counter[str]:
    """Count the three-letter pieces of *text*: a vector store's manners without the vectors."""
    lower = text.lower()
    return Counter(lower[start : start + 3] for start in range(len(lower) - 2))


class OverlapRetriever(BaseRetriever):
    """Finds the documents that have most in common with the question."""

    features: Callable[[str], Counter[str]]
    """What is compared: `words` or `pieces`."""
    k: int = 3
    delay: float = 0.0
    """Seconds a search takes."""

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002  LangChain's signature
    ) -> list[Document]:
        time.sleep(self.delay)
        return self._best(query)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002  LangChain's signature
    ) -> list[Document]:
        await asyncio.sleep(self.delay)
        return self._best(query)

    def _best(self, query: str) -> list[Document]:
        wanted = self.features(query)
        return sorted(_DOCUMENTS, key=lambda d: -(wanted & self.features(d.page_content)).total())[: self.k]
