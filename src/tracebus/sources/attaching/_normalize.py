"""Events out of what LangChain, LangGraph and its server stream of their runs."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import AsyncIterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import force_setattr

from tracebus.capture import DEFAULT_CAPTURE
from tracebus.events import settle
from tracebus.sources.attaching._driven import DrivenCall
from tracebus.sources.stream_events._reader import StreamReader
from tracebus.sources.tracking._tracker import RunTracker

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Iterator

    from langchain_core.runnables import Runnable, RunnableConfig

    from tracebus.capture import Capture
    from tracebus.events import Event, RunEvent

__all__ = ["astream", "normalize"]

Input = TypeVar("Input")
Output = TypeVar("Output")


async def normalize(
    stream: AsyncIterable[Any] | Awaitable[AsyncIterable[Any]], *, capture: Capture | None = None
) -> AsyncGenerator[Event, None]:
    """Yield the events of the runs that *stream* tells of, wherever it comes from.

    It may be, awaited or not: `astream_events` of any version, of a model or a graph; `astream` of a
    LangGraph graph with `version="v2"`, or with a list of stream modes; `client.runs.stream` of
    langgraph-sdk, both versions; a recording of any of these. `seq` counts from 1. docs/events.md says
    what each can tell and what it cannot.

    Raises:
        TypeError: nothing that *stream* gives says anything of runs.
        Exception: whatever *stream* raises, after the ends of the runs it ends.
    """
    emitted: deque[RunEvent] = deque()
    reader = StreamReader(
        RunTracker(lambda event, _bound: emitted.append(event), reap=False), capture or DEFAULT_CAPTURE
    )
    async with aclosing(_events(await _opened(stream), reader, emitted)) as events:
        async for event in events:
            yield event


async def astream(
    runnable: Runnable[Input, Output],
    input: Input,  # noqa: A002  # LangChain's name
    config: RunnableConfig | None = None,
    *,
    capture: Capture | None = None,
    **kwargs: Any,
) -> AsyncGenerator[Event, None]:
    """Run *runnable* on *input* and yield its events as they happen.

    The run is driven by `astream_events` (*kwargs* are its arguments, `version="v3"` among them),
    which makes every model inside stream, even one the chain only invokes. The events are those of
    `observe`; of a Runnable that runs elsewhere, those its stream tells of.

    Raises:
        TypeError: `version="v3"`, which the installed LangChain does not have.
        Exception: whatever the Runnable raises, after the ends of its runs.
    """
    driven = DrivenCall(capture or DEFAULT_CAPTURE, kwargs)
    stream = await driven.start(runnable, input, config)
    async with aclosing(_events(stream, driven, driven.emitted)) as events:
        async for event in events:
            yield event


async def _events(
    stream: AsyncIterable[Any], reader: StreamReader | DrivenCall, emitted: deque[RunEvent]
) -> AsyncGenerator[Event, None]:
    seq = 0

    def drained() -> Iterator[Event]:
        nonlocal seq
        while emitted:
            event = emitted.popleft()
            seq += 1
            force_setattr(event, "seq", seq)
            yield settle(event)

    failure: BaseException | None = None
    try:
        async for item in stream:
            reader.read(item)
            for event in drained():
                yield event
    except Exception as error:  # noqa: BLE001 -- raised again below, after the ends it causes
        failure = error
    finally:
        await _close(stream)
    reader.finish(failure)
    for event in drained():
        yield event
    if failure is not None:
        raise failure


async def _opened(stream: Any) -> AsyncIterable[Any]:
    """Return *stream* as an asynchronous iterable.

    Raises:
        TypeError: it is none, nor will become one.
    """
    if not isinstance(stream, AsyncIterable) and inspect.isawaitable(stream):
        stream = await stream
    if isinstance(stream, list | tuple):
        return _recorded(stream)
    if isinstance(stream, AsyncIterable):
        return stream
    raise TypeError(
        f"normalize() reads asynchronous streams and lists, not {type(stream).__name__}: give it "
        'chain.astream_events(input, version="v2"), or wrap a synchronous stream in an async generator'
    )


async def _recorded(items: Any) -> AsyncGenerator[Any, None]:
    for item in items:
        yield item


async def _close(stream: Any) -> None:
    """Close *stream* by whichever method it has: v3 streams of graphs are aborted."""
    for name in ("aclose", "abort"):
        if (close := getattr(stream, name, None)) is not None:
            await close()
            return
