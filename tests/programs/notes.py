"""What the steps of a program saw of themselves: the oracle that the recorded runs are held against."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

INSIDE, RETURNED, RAISED, CANCELLED, CLOSED = "inside", "returned", "raised", "cancelled", "closed"

caller: ContextVar[str | None] = ContextVar("caller", default=None)
"""The run whose step makes the calls of this context; `None` for the program itself."""


@dataclass(eq=False)
class Note:
    """One execution of one step."""

    run_id: str
    caller: str | None
    what: str
    saw: str = INSIDE
    error: str | None = None


@dataclass
class Notes:
    """All executions of a program, and which steps left a call before it was over."""

    taken: list[Note] = field(default_factory=list)
    cancelled: set[str | None] = field(default_factory=set)
    """Those that cancelled a call, or were cancelled in one."""
    broke_off: set[str | None] = field(default_factory=set)
    """Those that did not read a stream to its end."""

    @contextmanager
    def step(self, run_id: Any, what: str, *, calls: bool = True) -> Any:
        """Note what becomes of the step inside; a generator, whose context is its reader's, *calls* nobody."""
        note = Note(str(run_id), caller.get(), what)
        self.taken.append(note)
        token = caller.set(note.run_id if calls else note.caller)
        try:
            yield note
        except (asyncio.CancelledError, GeneratorExit) as error:
            note.saw = CANCELLED if isinstance(error, asyncio.CancelledError) else CLOSED
            raise
        except BaseException as error:
            note.saw, note.error = RAISED, str(error)
            raise
        else:
            note.saw = RETURNED
        finally:
            with contextlib.suppress(ValueError):  # closed in another context
                caller.reset(token)

    @contextmanager
    def call(self, *, streamed: bool = False) -> Any:
        """Note whether the call inside was left before it was over."""
        me = caller.get()
        done = False
        try:
            yield
            done = True
        except (asyncio.CancelledError, TimeoutError):
            self.cancelled.add(me)
            raise
        finally:
            if streamed and not done:
                self.broke_off.add(me)

    def snapshot(self) -> Notes:
        """Return the notes as they stand."""
        return Notes([replace(note) for note in list(self.taken)], set(self.cancelled), set(self.broke_off))

    def above(self, note: Note) -> list[str | None]:
        """Return the steps around *note*'s, up to the program itself."""
        callers = {other.run_id: other.caller for other in self.taken}
        found: list[str | None] = [note.caller]
        while found[-1] is not None and len(found) < 1000:  # an id may be used again below itself
            found.append(callers.get(found[-1]))
        return found

    def allowed(self, note: Note) -> set[str]:
        """Return the outcomes that agree with what the step saw.

        What LangChain itself cannot know: a step that came to its end in the moment, or after, its caller
        was cancelled or stopped reading is reported as its caller's end has it.
        """
        around = self.above(note)
        by_cancel = any(step in self.cancelled for step in around)
        by_break = any(step in self.broke_off for step in around)
        outcomes = {
            RETURNED: {"ok"},
            RAISED: {"error"},
            CANCELLED: {"cancelled"},
            CLOSED: {"abandoned", "cancelled"},
            INSIDE: {"abandoned", "cancelled"},
        }[note.saw]
        if by_cancel:
            outcomes = outcomes | {"cancelled"}
        if by_break:
            outcomes = outcomes | {"abandoned", "cancelled"}
        return outcomes
