"""One call through an observed Runnable: the scope it runs in, and how it ended."""

from __future__ import annotations

import _thread
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tracebus.sources.attaching._later import carrying
from tracebus.sources.callbacks import _scope
from tracebus.sources.callbacks._batch import current_batch
from tracebus.sources.tracking._call import current_call
from tracebus.sources.tracking._runner import current_runner, note_runner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus.sources.callbacks._batch import BatchCall
    from tracebus.sources.callbacks._handler import Listener
    from tracebus.sources.tracking._call import Call

_NO_FAILURE = (StopIteration, StopAsyncIteration)


class ObservedCall:
    """A call in progress. A stream's call has many steps, any other exactly one."""

    __slots__ = ("_batch", "_call", "_over", "_recorder", "carried")

    def __init__(self, recorder: Listener, call: Call, batch: BatchCall | None = None) -> None:
        self._recorder = recorder
        self._call = call
        self._batch = batch
        self._over = False
        self.carried = False
        """What observes travels in the call's config."""

    def carried_by(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return a call's arguments, made to be observed wherever what it returns is read."""
        self.carried = True
        return carrying(_scope.handler_with(self._recorder).recorders, self._call, args, kwargs)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Run a step inside the scope; whatever leaves it by an exception, ends the call."""
        if self._call.runner is None:
            note_runner()
            self._call.runner = current_runner()
        scope = _scope.enter(self._recorder)
        call = current_call.set(self._call)
        batch = None if self._batch is None else current_batch.set(self._batch)
        try:
            yield
        except BaseException as error:
            self._ended_by(error)
            raise
        finally:
            if batch is not None:
                _scope.reset(current_batch, batch)
            _scope.reset(current_call, call)
            _scope.leave(scope)

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """Run the closing of a stream inside the scope."""
        self._call.left = not self._over
        with self.step():
            yield
        self.left()

    def left(self) -> None:
        """Say that nobody reads the stream any further."""
        if not self._over:
            self._over = True
            self._call.leave()

    def forgotten(self) -> None:
        """Say the same from a finaliser, which may run inside anything: takes no lock, never raises."""
        if not self._over:
            self._over = self._call.left = True
            with suppress(RuntimeError):  # no thread to be had any more: the process ends
                _thread.start_new_thread(self._call.leave, ())

    def _ended_by(self, error: BaseException) -> None:
        if not self._over:
            self._over = True
            if not isinstance(error, _NO_FAILURE):
                self._call.failed(error)
