"""What LangChain itself tells another handler of a program's runs."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook

if TYPE_CHECKING:
    from collections.abc import Iterator

_listener: ContextVar[Words | None] = ContextVar("words", default=None)
register_configure_hook(_listener, inheritable=True)


@dataclass(frozen=True)
class Word:
    """The first thing LangChain said of a run's end."""

    said: str
    """`ok`, or the class of the exception."""

    def agrees_with(self, *, left: bool) -> set[str]:
        """Return the outcomes that say the same; a stream that its reader *left* may say more."""
        match self.said:
            case "ok":
                return {"ok", "abandoned", "cancelled"} if left else {"ok"}
            case "CancelledError":
                return {"cancelled", "abandoned"} if left else {"cancelled"}
            case "GeneratorExit":
                return {"abandoned", "cancelled"}
            case _:
                return {"error"}


class Words(BaseCallbackHandler):
    """Notes the first word on every run's end."""

    run_inline = True

    def __init__(self) -> None:
        self.first: dict[str, Word] = {}

    def _note(self, run_id: Any, said: str) -> None:
        self.first.setdefault(str(run_id), Word(said))

    def on_chain_end(self, outputs: Any, *, run_id: Any, **_: Any) -> None:
        self._note(run_id, "ok")

    def on_chain_error(self, error: BaseException, *, run_id: Any, **_: Any) -> None:
        self._note(run_id, type(error).__name__)

    on_llm_end = on_tool_end = on_retriever_end = on_chain_end
    on_llm_error = on_tool_error = on_retriever_error = on_chain_error


@contextmanager
def heard() -> Iterator[Words]:
    """Listen to every run that begins in this context."""
    words = Words()
    token = _listener.set(words)
    try:
        yield words
    finally:
        _listener.reset(token)
