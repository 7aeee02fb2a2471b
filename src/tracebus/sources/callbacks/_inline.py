"""Whether LangChain should call our handler directly in the caller's thread.

LangChain offers a handler three ways, and each harms somebody (measured on langchain-core 1.7, 1.8):

* plain synchronous callbacks run in an executor under async code: a thread hop for every token;
* coroutine callbacks run in a fresh event loop each under synchronous code;
* inline (`run_inline = True`) runs them in place, but makes the async `on_llm_start` of text
  completion models skip every handler that is *not* inline (langchain#39633).

So ours is inline, except to the one piece of code that draws the wrong conclusion from it: there it
is inline only if another handler is, whose doing the skipping is then anyway. Everything else,
`on_llm_start`'s own dispatch included, calls it in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

_DECIDES_BY_IT = "on_llm_start"
_COMPREHENSION = "<listcomp>"
"""Has a frame of its own before Python 3.12."""

ASKS_WITH_CARE = frozenset((_DECIDES_BY_IT, _COMPREHENSION))
"""Names of code whose question needs `in_place`; asked three times for every callback of async code,
all others are answered yes at once."""


def in_place(frame: FrameType | None, ours: type) -> bool:
    """Answer the code running in *frame*, which asks for a handler of class *ours*' `run_inline`."""
    if frame is not None and frame.f_code.co_name == _COMPREHENSION:
        frame = frame.f_back
    if frame is None or frame.f_code.co_name != _DECIDES_BY_IT:
        return True
    others: list[Any] = getattr(frame.f_locals.get("self"), "handlers", [])
    return any(other.run_inline for other in others if not isinstance(other, ours))
