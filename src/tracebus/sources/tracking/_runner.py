"""Who executes a run: the task or the thread it began in, and whether that still lives.

A run whose parent is over is given up only once nobody can report its end any more. LangChain calls our
configure hook in the task or thread that is going to execute a run, just before it begins; the callbacks
themselves may come from a helper task of LangChain's own (`abatch` gathers them).
"""

from __future__ import annotations

import sys
from asyncio import _get_running_loop, current_task  # the first one's public twin raises where there is none
from concurrent.futures import thread as _pool
from contextvars import ContextVar
from threading import get_ident
from typing import TYPE_CHECKING, Any
from weakref import ref

import msgspec

from tracebus.sources.tracking._open_run import Life

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from tracebus.sources.tracking._open_run import Executor, OpenRun

__all__ = ["Runner", "current_runner", "note_runner", "noted"]


class Runner(msgspec.Struct, eq=False):
    """A task, or a thread outside any task, in which runs begin. Keeps neither alive."""

    thread: int
    task: ref[asyncio.Task[Any]] | None = None
    loop: ref[asyncio.AbstractEventLoop] | None = None
    last: OpenRun | None = None
    """The last run begun here, where LangChain would not tell that it was cancelled."""

    def is_same(self, other: Executor | None) -> bool:
        """Tell whether *other* stands for the same task or thread."""
        if other is None:
            return False
        if self.task is None or other.task is None:
            return self.task is other.task and self.thread == other.thread
        return self.task is other.task  # Python makes one plain weak reference an object

    def life(self) -> Life:
        """Tell whether the task or thread still executes anything."""
        if self.task is not None:
            task = self.task()
            lives = task is not None and not task.done() and not task.get_loop().is_closed()
        else:
            frame = sys._current_frames().get(self.thread)  # noqa: SLF001  # documented; foreign threads too
            lives = frame is not None and frame.f_code is not _IDLE
        return Life.LIVES if lives else Life.GONE

    def was_cancelled(self) -> bool:
        """Tell whether the task was cancelled, or is about to be."""
        task = None if self.task is None else self.task()
        return task is not None and (task.cancelled() if task.done() else task.cancelling() > 0)

    def after_turns(self, done: Callable[[], None]) -> bool:
        """Call *done* after a few turns of the task's loop; return whether there is a loop to wait for.

        What a task that is over left to its loop to report is reported by then, also where the program
        keeps the loop from turning for a while.
        """
        loop = None if self.loop is None else self.loop()
        if loop is None or loop.is_closed():
            return False
        try:
            loop.call_soon_threadsafe(_turn, loop, _TURNS, done)
        except RuntimeError:
            return False  # closed meanwhile
        return True


_TURNS = 10
_IDLE = _pool._worker.__code__  # noqa: SLF001  # where a pool's thread waits for work
"""The innermost Python code of a thread of a `ThreadPoolExecutor` that has nothing to do."""


def _turn(loop: asyncio.AbstractEventLoop, left: int, done: Callable[[], None]) -> None:
    if left:
        loop.call_soon(_turn, loop, left - 1, done)
    else:
        done()


noted: ContextVar[Runner | None] = ContextVar("tracebus_runner", default=None)
"""Who was noted last in this context, or the one it was copied from."""


def note_runner() -> None:
    """Remember, in this context, who executes it."""
    known = noted.get()
    loop = _get_running_loop()
    task = None if loop is None else current_task(loop)
    if task is None or loop is None:
        if known is None or known.task is not None or known.thread != get_ident():
            noted.set(Runner(get_ident()))
    elif known is None or known.task is None or known.task() is not task:
        noted.set(Runner(get_ident(), ref(task), ref(loop)))


def current_runner() -> Runner | None:
    """Return who was noted last in this context; who is at it now where nobody was."""
    if noted.get() is None:
        note_runner()
    return noted.get()
