"""Random programs of Runnables: every step notes what it saw of itself."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import (  # LangChain reads the annotations
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import (
    Runnable,
    RunnableConfig,
    RunnableGenerator,
    RunnableLambda,
    RunnableParallel,
)
from langchain_core.tools import StructuredTool

if TYPE_CHECKING:
    import random

    from tests.programs.notes import Notes

SECONDS = (0.0, 0.0, 0.0, 0.001, 0.004, 0.012, 0.04)


class ProgramError(Exception):
    """What a step raises on purpose."""


class Model(BaseChatModel):
    """A chat model that notes its executions."""

    notes: Any
    pauses: list[float]
    fails: bool = False

    @property
    def _llm_type(self) -> str:
        return "random"

    def _answer(self) -> ChatResult:
        if self.fails:
            raise ProgramError("model")
        return ChatResult(generations=[ChatGeneration(message=AIMessage("a b"))])

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        with self.notes.step(run_manager.run_id, "model"):
            time.sleep(sum(self.pauses))
            return self._answer()

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs):
        with self.notes.step(run_manager.run_id, "model"):
            for pause in self.pauses:
                await asyncio.sleep(pause)
            return self._answer()

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        with self.notes.step(own_stream_run(sys._getframe()), "model stream", calls=False):
            for pause in self.pauses:
                time.sleep(pause)
                yield ChatGenerationChunk(message=AIMessageChunk("t "))
            self._answer()

    async def _astream(self, messages, stop=None, run_manager=None, **kwargs):
        with self.notes.step(own_stream_run(sys._getframe()), "model stream", calls=False):
            for pause in self.pauses:
                await asyncio.sleep(pause)
                yield ChatGenerationChunk(message=AIMessageChunk("t "))
            self._answer()


class Retriever(BaseRetriever):
    """A retriever that notes its executions."""

    notes: Any
    pause: float
    fails: bool = False

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun):
        with self.notes.step(run_manager.run_id, "retriever"):
            time.sleep(self.pause)
            if self.fails:
                raise ProgramError("retriever")
            return []

    async def _aget_relevant_documents(self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun):
        with self.notes.step(run_manager.run_id, "retriever"):
            await asyncio.sleep(self.pause)
            if self.fails:
                raise ProgramError("retriever")
            return []


def own_run(config: RunnableConfig) -> Any:
    """Return the id of the run whose step was given *config*."""
    return config["callbacks"].parent_run_id  # type: ignore[union-attr,typeddict-item]


_STREAMS = ("stream", "astream", "_generate_with_cache", "_agenerate_with_cache")


def own_stream_run(frame: Any) -> Any:
    """Return the id of the run that a model streams for, which LangChain does not tell it."""
    while frame.f_code.co_name not in _STREAMS or "run_manager" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["run_manager"].run_id


class Builder:
    """Makes one random program out of *random*."""

    def __init__(self, random: random.Random, notes: Notes, *, steady: bool = False) -> None:
        self.random = random
        self.notes = notes
        self.steady = steady
        """Nothing depends on time: nobody is left, and what is called side by side does not fail."""
        self.beside = 0
        self.races = False
        """Something is called side by side: in which order it streams is nobody's."""
        self.count = 0
        self.background: list[asyncio.Future[Any]] = []
        self.threads: list[threading.Thread] = []
        self.held: list[Any] = []

    def name(self, what: str) -> str:
        self.count += 1
        return f"{what}{self.count}"

    def node(self, depth: int) -> Runnable[Any, Any]:
        """Return a random Runnable of at most *depth* levels."""
        ways = [self.leaf, self.leaf, self.model, self.tool, self.retriever, self.generator]
        if depth > 0:
            ways = [
                self.sequence,
                self.parallel,
                self.caller,
                self.caller,
                self.caller,
                self.wrapped,
                *ways[:3],
            ]
        return self.random.choice(ways)(depth - 1)

    # -- leaves ----------------------------------------------------------------------------------

    def fate(self) -> tuple[float, str]:
        pause, fate = self.pause(), self.random.choice(["return"] * 5 + ["raise", "raise", "swallow"])
        return pause, "return" if fate == "raise" and self.beside else fate

    def pause(self) -> float:
        return 0.0 if self.steady else self.random.choice(SECONDS)

    def fails(self) -> bool:
        return self.random.random() < 0.2 and not self.beside

    @contextlib.contextmanager
    def side_by_side(self) -> Any:
        """Make what is called at the same time as others."""
        self.races = True
        self.beside += self.steady
        try:
            yield
        finally:
            self.beside -= self.steady

    def leaf(self, _: int) -> Runnable[Any, Any]:
        name, (pause, fate), random = self.name("leaf"), self.fate(), self.random
        ticks = random.randrange(4)

        def step(value: Any, config: RunnableConfig) -> Any:
            with self.notes.step(own_run(config), name):
                time.sleep(pause)
                if fate == "raise":
                    raise ProgramError(name)
                return value

        async def astep(value: Any, config: RunnableConfig) -> Any:
            with self.notes.step(own_run(config), name):
                try:
                    for _ in range(ticks):
                        await asyncio.sleep(0)
                    await asyncio.sleep(pause)
                except asyncio.CancelledError:
                    if fate != "swallow":
                        raise
                if fate == "raise":
                    raise ProgramError(name)
                return value

        if random.random() < 0.25:
            return RunnableLambda(step, name=name)
        return RunnableLambda(step, afunc=astep, name=name)

    def model(self, _: int) -> Runnable[Any, Any]:
        pauses = [self.pause() for _ in range(self.random.randrange(1, 4))]
        model = Model(notes=self.notes, pauses=pauses, fails=self.fails(), name=self.name("model"))
        return RunnableLambda(lambda _: "q", name=self.name("ask")) | model

    def retriever(self, _: int) -> Runnable[Any, Any]:
        found = Retriever(
            notes=self.notes,
            pause=self.pause(),
            fails=self.fails(),
            name=self.name("retriever"),
        )
        return RunnableLambda(lambda _: "q", name=self.name("ask")) | found

    def tool(self, _: int) -> Runnable[Any, Any]:
        pause, fate = self.fate()
        name = self.name("tool")

        def use(q: str, callbacks: Any = None) -> str:
            with self.notes.step(callbacks.parent_run_id, name):
                time.sleep(pause)
                if fate == "raise":
                    raise ProgramError(name)
                return q

        async def ause(q: str, callbacks: Any = None) -> str:
            with self.notes.step(callbacks.parent_run_id, name):
                await asyncio.sleep(pause)
                if fate == "raise":
                    raise ProgramError(name)
                return q

        made = StructuredTool.from_function(use, coroutine=ause, name=name, description="use it")
        return RunnableLambda(lambda _: {"q": "x"}, name=self.name("ask")) | made

    def generator(self, _: int) -> Runnable[Any, Any]:
        pause, fate = self.fate()
        name, chunks = self.name("generator"), self.random.randrange(1, 4)

        def step(stream: Any, config: RunnableConfig) -> Any:
            with self.notes.step(own_run(config), name, calls=False):
                for _ in stream:
                    pass
                for number in range(chunks):
                    time.sleep(pause)
                    yield str(number)
                if fate == "raise":
                    raise ProgramError(name)

        async def astep(stream: Any, config: RunnableConfig) -> Any:
            with self.notes.step(own_run(config), name, calls=False):
                async for _ in stream:
                    pass
                for number in range(chunks):
                    await asyncio.sleep(pause)
                    yield str(number)
                if fate == "raise":
                    raise ProgramError(name)

        return RunnableGenerator(step, astep, name=name)

    # -- compositions ----------------------------------------------------------------------------

    def sequence(self, depth: int) -> Runnable[Any, Any]:
        return self.node(depth) | RunnableLambda(str, name=self.name("text")) | self.node(depth)

    def parallel(self, depth: int) -> Runnable[Any, Any]:
        with self.side_by_side():
            return RunnableParallel({f"k{i}": self.node(depth) for i in range(self.random.randrange(2, 4))})

    def wrapped(self, depth: int) -> Runnable[Any, Any]:
        inner = self.node(depth)
        if self.random.random() < 0.5:
            return inner.with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
        return inner.with_fallbacks([self.node(depth)])

    def caller(self, depth: int) -> Runnable[Any, Any]:
        name = self.name("caller")
        how = self.random.choice(_STEADY if self.steady else list(_WAYS))
        with self.side_by_side() if how in _BESIDE else contextlib.nullcontext():
            children = [self.node(depth) for _ in range(self.random.randrange(1, 4))]
        number = self.random.random()

        def step(value: Any, config: RunnableConfig) -> Any:
            with self.notes.step(own_run(config), name):
                return call_sync(self, how, children, value, number)

        async def astep(value: Any, config: RunnableConfig) -> Any:
            with self.notes.step(own_run(config), f"{name} {how}"):
                return await _WAYS[how](self, children, value, number)

        return RunnableLambda(step, afunc=astep, name=name)


def call_sync(
    builder: Builder, how: str, children: list[Runnable[Any, Any]], value: Any, number: float
) -> Any:
    """Call *children* from synchronous code, in one of four ways."""
    child, notes = children[0], builder.notes
    if how in ("break", "hand over", "read"):
        stream = child.stream(value)
        with notes.call(streamed=True):
            for index, _ in enumerate(stream):
                if how != "read" and index >= int(number * 3):
                    raise_if = how == "hand over"
                    if raise_if:
                        builder.held.append(stream)
                    break
            else:
                return value
            raise BrokeOffError
        return value
    if how in ("abatch", "as completed"):
        return child.batch([value, value], return_exceptions=number < 0.5)
    if how in ("background", "shield"):
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(_quietly, child.invoke, value), daemon=True)
        builder.threads.append(thread)
        thread.start()
        return value
    result = value
    for child in children:
        result = child.invoke(result)
    return result if builder.steady else value


class BrokeOffError(ProgramError):
    """A stream was left: only to have it noted."""


def _quietly(call: Any, *args: Any) -> None:
    with contextlib.suppress(Exception):
        call(*args)


async def _one_by_one(builder, children, value, number):
    with builder.notes.call():
        return [await child.ainvoke(value) for child in children]


async def _gather(builder, children, value, number):
    with builder.notes.call():
        return await asyncio.gather(
            *(child.ainvoke(value) for child in children), return_exceptions=number < 0.5
        )


async def _shield(builder, children, value, number):
    task = asyncio.ensure_future(children[0].ainvoke(value))
    builder.background.append(task)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(task), number / 50)
    return value


async def _wait_for(builder, children, value, number):
    with contextlib.suppress(TimeoutError), builder.notes.call():
        await asyncio.wait_for(children[0].ainvoke(value), number / 50)
    with builder.notes.call():
        for child in children[1:]:
            await child.ainvoke(value)
    return value


async def _timeout(builder, children, value, number):
    for child in children:
        with contextlib.suppress(TimeoutError), builder.notes.call():
            async with asyncio.timeout(number / 50):
                await child.ainvoke(value)
    return value


async def _background(builder, children, value, number):
    builder.background += [asyncio.ensure_future(child.ainvoke(value)) for child in children]
    if number < 0.5:
        await asyncio.sleep(0)
    return value


async def _cancel(builder, children, value, number):
    task = asyncio.ensure_future(children[0].ainvoke(value))
    for _ in range(int(number * 40)):
        await asyncio.sleep(0)
    builder.notes.cancelled.add(builder_caller())
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, ProgramError):
        await task
    return value


async def _read(builder, children, value, number):
    with builder.notes.call(streamed=True):
        return [chunk async for chunk in children[0].astream(value)]


async def _break(builder, children, value, number):
    stream = children[0].astream(value)
    builder.notes.broke_off.add(builder_caller())
    index = 0
    async for _ in stream:
        index += 1
        if index > number * 3:
            break
    if number < 0.3:
        await stream.aclose()
    elif number < 0.5:
        builder.background.append(asyncio.ensure_future(stream.aclose()))
    return value


async def _hand_over(builder, children, value, number):
    stream = children[0].astream(value)
    builder.notes.broke_off.add(builder_caller())
    with contextlib.suppress(StopAsyncIteration):
        await asyncio.ensure_future(anext(stream))
    if number < 0.5:
        builder.held.append(stream)

        async def rest():
            return [chunk async for chunk in stream]

        builder.background.append(asyncio.ensure_future(rest()))
    return value


async def _abatch(builder, children, value, number):
    with builder.notes.call():
        return await children[0].abatch([value, value, value], return_exceptions=number < 0.3)


async def _as_completed(builder, children, value, number):
    with builder.notes.call():
        async for _ in children[0].abatch_as_completed([value, value], return_exceptions=number < 0.5):
            if number > 0.8:
                builder.notes.broke_off.add(builder_caller())
                break
    return value


async def _in_thread(builder, children, value, number):
    with builder.notes.call():
        return await asyncio.to_thread(children[0].invoke, value)


def builder_caller() -> Any:
    from tests.programs.notes import caller

    return caller.get()


_WAYS = {
    "one by one": _one_by_one,
    "gather": _gather,
    "shield": _shield,
    "wait for": _wait_for,
    "timeout": _timeout,
    "background": _background,
    "cancel": _cancel,
    "read": _read,
    "break": _break,
    "hand over": _hand_over,
    "abatch": _abatch,
    "as completed": _as_completed,
    "in thread": _in_thread,
}

_STEADY = ["one by one", "gather", "read", "abatch", "in thread"]
_BESIDE = frozenset(("gather", "abatch", "as completed"))
