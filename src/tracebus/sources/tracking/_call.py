"""One call of an observed Runnable: what began in it, and how it was left."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from tracebus.capture import CapturedError
from tracebus.events import Outcome
from tracebus.sources.tracking._outcomes import outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.sources.tracking._open_run import Executor, ExpectsEnds, OpenRun

__all__ = ["Call", "current_call"]


class Call:
    """A call of an observed Runnable, from outside LangChain's view of it."""

    __slots__ = ("begins", "inputs", "left", "name", "roots", "runner")

    def __init__(
        self, name: str | None, inputs: Any = None, begins: Callable[[str], None] | None = None
    ) -> None:
        self.name = name
        """What the user wants the root run called."""
        self.inputs = inputs
        """What a stream was called with, which LangChain tells at its end only."""
        self.begins = begins
        """Called with the id of every root run that is about to begin in it."""
        self.roots: list[tuple[ExpectsEnds, OpenRun]] = []
        """The root runs begun in it, in every bus that watches."""
        self.runner: Executor | None = None
        """Who made it: what it executes itself is over with it, what others execute may go on."""
        self.left = False
        """The caller closed the stream before its end, which LangChain reports as success."""

    def failed(self, error: BaseException) -> None:
        """End what is open of it, after the grace: *error* has left the call."""
        outcome = outcome_of(error)
        for tracker, run in self.roots:
            described = CapturedError(error, run.capture) if outcome is Outcome.ERROR else None
            tracker.expect_end(run, outcome, described, runner=self.runner)

    def leave(self) -> None:
        """End what is open of it as abandoned, after the grace: nobody reads on."""
        self.left = True
        for tracker, run in self.roots:
            tracker.expect_end(run, Outcome.ABANDONED, runner=self.runner)


current_call: ContextVar[Call | None] = ContextVar("tracebus_call", default=None)
