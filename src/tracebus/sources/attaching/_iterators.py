"""Streams of an observed call: the wrapped stream, stepped inside the observing scope.

The scope is set for the length of a step only: a generator runs in its caller's context, so a
scope held over a `yield` would leak into the caller.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType

    from tracebus.sources.attaching._observed_call import ObservedCall

T = TypeVar("T")


class ScopedIterator(Generator[T, Any, Any]):
    """A synchronous stream."""

    def __init__(self, wrapped: Iterator[T], call: ObservedCall) -> None:
        self._wrapped = wrapped
        self._call = call

    def __next__(self) -> T:
        with self._call.step():
            return next(self._wrapped)

    def send(self, value: Any, /) -> T:
        """Send *value* into the wrapped generator."""
        with self._call.step():
            send = getattr(self._wrapped, "send", None)
            return next(self._wrapped) if send is None else send(value)

    def throw(self, *error: Any) -> T:
        """Throw into the wrapped generator."""
        with self._call.step():
            return self._wrapped.throw(*error)  # type: ignore[attr-defined, no-any-return]  # a generator's, or AttributeError as without us

    def close(self) -> None:
        """Close the wrapped generator; what it leaves open is abandoned."""
        if (close := getattr(self._wrapped, "close", None)) is not None:
            with self._call.leaving():
                close()

    def __del__(self) -> None:
        # The wrapped generator is closed by its own finaliser at the same moment; this only says
        # beforehand that it was left, not exhausted.
        self._call.forgotten()


class ScopedAsyncIterator(AsyncGenerator[T, Any]):
    """An asynchronous stream."""

    def __init__(self, wrapped: AsyncIterator[T], call: ObservedCall) -> None:
        self._wrapped = wrapped
        self._call = call

    async def __anext__(self) -> T:
        with self._call.step():
            return await anext(self._wrapped)

    async def asend(self, value: Any, /) -> T:
        """Send *value* into the wrapped generator."""
        with self._call.step():
            send = getattr(self._wrapped, "asend", None)
            return await (anext(self._wrapped) if send is None else send(value))

    async def athrow(
        self,
        typ: Any,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
        /,
    ) -> T:
        """Throw into the wrapped generator."""
        arguments = [typ] if val is None and tb is None else [typ, val, tb]
        with self._call.step():
            return await self._wrapped.athrow(*arguments)  # type: ignore[attr-defined, no-any-return]  # as above

    async def aclose(self) -> None:
        """Close the wrapped generator; what it leaves open is abandoned."""
        if (aclose := getattr(self._wrapped, "aclose", None)) is not None:
            with self._call.leaving():
                await aclose()

    def __del__(self) -> None:
        self._call.forgotten()
