"""A Runnable that is watched: the wrapped one's whole interface, and what its methods return."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.runnables import Runnable

from tracebus.sources.attaching._iterators import ScopedAsyncIterator, ScopedIterator
from tracebus.sources.attaching._later import is_not_told_of, is_stream_object, when_dropped, works_later
from tracebus.sources.attaching._observed_call import ObservedCall
from tracebus.sources.callbacks._batch import BatchCall
from tracebus.sources.reading._unknown import note_unknown
from tracebus.sources.tracking._call import Call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from types import TracebackType

    from langchain_core.runnables import RunnableConfig

    from tracebus.bus import EventBus
    from tracebus.sources.callbacks._recorder import Recorder

__all__ = ["Observed"]

Input = TypeVar("Input")
Output = TypeVar("Output")
T = TypeVar("T")

CLOSE_TIMEOUT = 5.0
"""Seconds an owned bus gets to bring its events out when a `with` ends."""


class Observed(Runnable[Input, Output]):
    """A Runnable that is watched while it runs. Made by `observe`."""

    def __init__(
        self,
        wrapped: Runnable[Input, Output],
        bus: EventBus,
        recorder: Recorder,
        *,
        name: str | None = None,
        owned: bool = False,
        begins: Callable[[str], None] | None = None,
    ) -> None:
        # Past `__setattr__`, which is the wrapped object's.
        self.__dict__.update(
            _wrapped=wrapped, _bus=bus, _recorder=recorder, _run_name=name, _owned=owned, _begins=begins
        )

    _wrapped: Runnable[Input, Output]
    _bus: EventBus
    _recorder: Recorder
    _run_name: str | None
    _owned: bool
    _begins: Callable[[str], None] | None

    @property
    def bus(self) -> EventBus:
        """The bus this Runnable's events go to."""
        return self._bus

    # -- running ---------------------------------------------------------------------------------

    def invoke(self, input: Input, config: RunnableConfig | None = None, **kwargs: Any) -> Output:  # noqa: A002  # LangChain's name
        """Run the wrapped Runnable."""
        with self._call().step():
            result: Output = self._wrapped.invoke(input, config, **kwargs)
            return result

    async def ainvoke(self, input: Input, config: RunnableConfig | None = None, **kwargs: Any) -> Output:  # noqa: A002  # LangChain's name
        """Run the wrapped Runnable."""
        with self._call().step():
            result: Output = await self._wrapped.ainvoke(input, config, **kwargs)
            return result

    def batch(self, inputs: Any, config: Any = None, **kwargs: Any) -> Any:
        """Run the wrapped Runnable on every input; the runs carry the batch's id, index and size."""
        batch = BatchCall(len(inputs))
        with self._call(batch).step():
            return self._wrapped.batch(inputs, batch.configs(config), **kwargs)

    async def abatch(self, inputs: Any, config: Any = None, **kwargs: Any) -> Any:
        """Run the wrapped Runnable on every input; the runs carry the batch's id, index and size."""
        batch = BatchCall(len(inputs))
        with self._call(batch).step():
            return await self._wrapped.abatch(inputs, batch.configs(config), **kwargs)

    def batch_as_completed(self, inputs: Sequence[Input], config: Any = None, **kwargs: Any) -> Any:
        """Run the wrapped Runnable on every input and yield what is finished first."""
        batch = BatchCall(len(inputs))
        stream = self._wrapped.batch_as_completed(inputs, batch.configs(config), **kwargs)
        return ScopedIterator(stream, self._call(batch))

    def abatch_as_completed(self, inputs: Sequence[Input], config: Any = None, **kwargs: Any) -> Any:
        """Run the wrapped Runnable on every input and yield what is finished first."""
        batch = BatchCall(len(inputs))
        stream = self._wrapped.abatch_as_completed(inputs, batch.configs(config), **kwargs)
        return ScopedAsyncIterator(stream, self._call(batch))

    # -- as a context manager --------------------------------------------------------------------

    def __enter__(self) -> Observed[Input, Output]:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._owned:
            self.bus.close(CLOSE_TIMEOUT)
        else:
            self.bus.flush(CLOSE_TIMEOUT)

    async def __aenter__(self) -> Observed[Input, Output]:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._owned:
            await self.bus.aclose(CLOSE_TIMEOUT)
        else:
            await self.bus.aflush(CLOSE_TIMEOUT)

    # -- everything else is the wrapped object's --------------------------------------------------

    # As `unittest.mock` and wrapt do it: passing isinstance checks is part of an interface.
    @property  # type: ignore[misc]  # object's own has a setter, which nobody needs here
    def __class__(self) -> type:
        wrapped = type(self._wrapped)
        return Observed if _is_composition(wrapped) else wrapped

    def __repr__(self) -> str:
        return f"observe({self._wrapped!r})"

    def _repr_html_(self) -> str | None:
        """Return the tree of its last run, as notebooks show it; `None` before the first."""
        from tracebus._html import runs_html  # noqa: PLC0415 -- wanted in notebooks only
        from tracebus.tree import RunTree  # noqa: PLC0415 -- likewise

        tree = RunTree()
        for event in self._bus.recent():
            tree.apply(event)
        name = self._run_name or self._wrapped.get_name()
        roots = [root for root in tree.roots if root.name == name] or list(tree.roots)
        return runs_html(roots[-1:], content=True) if roots else None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._watched(getattr(self._wrapped, name))

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._wrapped, name, value)

    def __or__(self, other: Any) -> Any:
        return self._again(self._wrapped | _bare(other))

    def __ror__(self, other: Any) -> Any:
        return self._again(_bare(other) | self._wrapped)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the wrapped object, where it can be called."""
        return self._watched(cast("Any", self._wrapped).__call__)(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        # In another process this one's bus does not exist: what arrives there is the Runnable itself.
        return (_itself, (self._wrapped,))

    def _call(self, batch: BatchCall | None = None, inputs: Any = None) -> ObservedCall:
        return ObservedCall(self._recorder, Call(self._run_name, inputs, self._begins), batch)

    def _again(self, result: Any) -> Any:
        """Return *result* watched as this Runnable is, if it is a Runnable, and as it is otherwise."""
        if not isinstance(result, Runnable) or type(result) is Observed:
            return result
        return Observed(result, self._bus, self._recorder, name=self._run_name, begins=self._begins)

    def _watched(self, attribute: Any, *, takes_input: bool = False) -> Any:
        if not inspect.ismethod(attribute) and not inspect.isfunction(attribute):
            return attribute

        @functools.wraps(attribute)
        def watched(*args: Any, **kwargs: Any) -> Any:
            call = self._call(inputs=_first_argument(args, kwargs) if takes_input else None)
            if works_later(attribute.__name__, kwargs):
                args, kwargs = call.carried_by(args, kwargs)
            with call.step():
                result = attribute(*args, **kwargs)
            return self._in_scope(result, call)

        return watched

    def _in_scope(self, result: Any, call: ObservedCall) -> Any:
        """Return what a method returned so that what it still has to do is watched as well."""
        if isinstance(result, Runnable):
            return self._again(result)
        if inspect.iscoroutine(result):
            return self._awaited(result, call)
        if isinstance(result, AsyncIterator):
            return ScopedAsyncIterator(result, call)
        if inspect.isgenerator(result) or (isinstance(result, Iterator) and hasattr(result, "close")):
            return ScopedIterator(result, call)
        return self._noted(result, call)

    async def _awaited(self, result: Awaitable[Any], call: ObservedCall) -> Any:
        with call.step():
            awaited = await result
        return self._noted(awaited, call)

    def _noted(self, result: Any, call: ObservedCall) -> Any:
        """Return *result* as it is; of an object that works later, its end is watched for."""
        if is_stream_object(result):
            if is_not_told_of(result, carried=call.carried):
                becomes = "what it does when it is read is not recorded"
                note_unknown(self._recorder.tracker.count, "stream object", type(result).__name__, becomes)
            when_dropped(result, call.forgotten)
        return result


def _delegated(name: str) -> Any:
    """Return a method (or property) of `Observed` that is the wrapped object's of the same name."""
    model = inspect.getattr_static(Runnable, name)
    if isinstance(model, property):
        return property(lambda self: getattr(self._wrapped, name), doc=model.__doc__)
    function = cast("Callable[..., Any]", model)

    @functools.wraps(function)
    def delegate(self: Observed[Any, Any], *args: Any, **kwargs: Any) -> Any:
        watched = self._watched(getattr(self._wrapped, name), takes_input=name in _STREAMS)
        return watched(*args, **kwargs)

    return delegate


# LangChain tells a streamed chain's input at its end only; these calls know it from the start.
_STREAMS = frozenset(("stream", "astream", "stream_events", "astream_events", "astream_log"))


def _first_argument(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return args[0] if args else kwargs.get("input")


for _name in dir(Runnable):
    if not _name.startswith("_") and _name not in Observed.__dict__:
        setattr(Observed, _name, _delegated(_name))


def _is_composition(wrapped: type) -> bool:
    """Tell LangChain's own plumbing, which flattens and unwraps its like by `isinstance`.

    Taken for a `RunnableSequence`, an observed one would be dissolved into the sequence around it,
    and nobody would watch it any more.
    """
    return wrapped.__module__.startswith("langchain_core.runnables")


def _bare(other: Any) -> Any:
    return other._wrapped if type(other) is Observed else other  # noqa: SLF001 -- of its own class


def _itself(wrapped: T) -> T:
    return wrapped
