"""Events out of streams of `astream_events` dictionaries."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import force_setattr

from tracebus.capture import DEFAULT_CAPTURE
from tracebus.events import RunEnded, settle
from tracebus.sources._call import Call
from tracebus.sources._iterators import ScopedAsyncIterator
from tracebus.sources._observed_call import ObservedCall
from tracebus.sources._recorder import Recorder
from tracebus.sources._stream_events import StreamEventReader
from tracebus.sources._tracker import RunTracker

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Iterator, Mapping

    from langchain_core.runnables import Runnable, RunnableConfig

    from tracebus.capture import Capture
    from tracebus.events import Event, RunEvent

__all__ = ["astream", "normalize"]

Input = TypeVar("Input")
Output = TypeVar("Output")


async def normalize(
    stream_events: AsyncIterable[Mapping[str, Any]], *, capture: Capture | None = None
) -> AsyncGenerator[Event, None]:
    """Yield the events that *stream_events*, dictionaries of `astream_events` v2 or v1, tell of.

    They may come from anywhere: a local Runnable, `RemoteRunnable`, a LangGraph server, a recording.
    `seq` counts from 1. What such a stream cannot say: chain, model and retriever errors (their
    runs end with the exception that ends the stream, or as errors of type `unknown`), request
    parameters, an empty input that came as a stream, and in v1 the parents (every run hangs on the
    first one).

    Raises:
        Exception: whatever *stream_events* raises, after the ends of the runs it ends.
    """
    async with aclosing(_events(stream_events, capture or DEFAULT_CAPTURE, {})) as events:
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

    Built on `astream_events` (*kwargs* are its arguments), which makes every model inside stream,
    even one the chain only invokes. The errors it hides are restored from callbacks.

    Raises:
        Exception: whatever the Runnable raises, after the ends of its runs.
    """
    policy = capture or DEFAULT_CAPTURE
    ends: dict[str, RunEnded] = {}

    def note(event: RunEvent) -> None:
        if isinstance(event, RunEnded) and event.outcome != "ok":
            ends[event.run_id] = event

    recorder = Recorder(RunTracker(note), policy)
    kwargs.setdefault("version", "v2")
    stream = runnable.astream_events(input, config, **kwargs)
    scoped = ScopedAsyncIterator(stream, ObservedCall(recorder, Call(None)))
    async with aclosing(_events(scoped, policy, ends)) as events:
        async for event in events:
            yield event


async def _events(
    stream_events: AsyncIterable[Mapping[str, Any]], capture: Capture, ends: Mapping[str, RunEnded]
) -> AsyncGenerator[Event, None]:
    pending: list[RunEvent] = []
    seq = 0
    reader = StreamEventReader(RunTracker(pending.append, reap=False), capture, ends)

    def drained() -> Iterator[Event]:
        nonlocal seq
        ready = pending[:]
        pending.clear()
        for event in ready:
            seq += 1
            force_setattr(event, "seq", seq)
            yield settle(event)

    failure: BaseException | None = None
    try:
        async for dictionary in stream_events:
            reader.read(dictionary)
            for event in drained():
                yield event
    except Exception as error:  # noqa: BLE001 -- raised again below, after the ends it causes
        failure = error
    finally:
        if (aclose := getattr(stream_events, "aclose", None)) is not None:
            await aclose()
    reader.finish(failure)
    for event in drained():
        yield event
    if failure is not None:
        raise failure
