"""Callbacks that cost neither a thread hop nor an event loop.

LangChain offers a handler three ways, and each harms somebody (measured on langchain-core 1.8):

* inline (`run_inline = True`) makes it skip every *other* handler's async `on_llm_start` for text
  completion models (langchain#39633);
* plain synchronous callbacks run in an executor under async code: 134 µs a token instead of 23;
* coroutine callbacks run in a fresh event loop each under synchronous code.

A fourth way has none of the three: a callable that `inspect.iscoroutinefunction` takes for a
coroutine function, so that async code awaits it in place, but which does its work synchronously and
returns something awaitable that is no coroutine, so that synchronous code has nothing to run.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class _Done:
    """An awaitable that is done."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return
        yield  # makes this a generator function, as `__await__` must return an iterator


_DONE = _Done()


async def _coroutine_function() -> None:
    """Lend its code flags: `inspect` looks at them to tell a coroutine function."""


class _PassiveCallback:
    """A synchronous function in the clothes of a coroutine function."""

    # What `inspect._signature_is_functionlike` asks for, besides `__name__`. On Python 3.12 and
    # later `inspect.markcoroutinefunction` says the same officially; 3.11 knows only the flags.
    __code__ = _coroutine_function.__code__
    __defaults__ = None
    __kwdefaults__ = None

    def __init__(self, function: Callable[..., None]) -> None:
        self._function = function
        self.__name__ = getattr(function, "__name__", "callback")
        self.__annotations__: dict[str, Any] = {}
        if mark := getattr(inspect, "markcoroutinefunction", None):
            self._is_coroutine_mark = getattr(inspect, "_is_coroutine_mark", None)
            del mark

    def __call__(self, *args: Any, **kwargs: Any) -> _Done:
        self._function(*args, **kwargs)
        return _DONE


def passive(function: Callable[..., None]) -> Callable[..., Any]:
    """Return *function* as a callback that LangChain calls in place, in sync and in async code."""
    return _PassiveCallback(function)
