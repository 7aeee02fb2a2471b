"""The runs of a test, with assertions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from tracebus import figures
from tracebus.pytest._reading import RunsSoFar
from tracebus.pytest._telling import RunsAssertionError, dedented, difference, short, times
from tracebus.tree import RunStatus

if TYPE_CHECKING:
    from pathlib import Path

    from tracebus.bus import EventBus
    from tracebus.testing import RecordingExporter

__all__ = ["RecordedRuns", "RunsAssertionError"]

_STILL_ENDING = 3.0
"""Seconds in which runs whose end nobody reports are ended by tracebus: cancelled ones take half a second."""


class RecordedRuns(RunsSoFar):
    """The runs of a test, to read and to assert on.

    Methods that assert return the object, so that they can be written as one sentence; they fail with the
    tree around the place that is meant. What nobody reported (tokens, a price) fails an upper limit: it is
    unknown, which is not little.
    """

    def __init__(
        self, bus: EventBus, exporter: RecordingExporter, shape_file: Path, *, update: bool = False
    ) -> None:
        super().__init__(bus, exporter)
        self._shape_file = shape_file
        self._update = update
        self._shapes = 0

    # Tools.

    def called(self, tool: str, /, **arguments: Any) -> Self:
        """Assert that *tool* ran, at least once with these arguments; it may have had others, too."""
        __tracebackhide__ = True
        runs = self._tools_named(tool)
        if not runs:
            raise self._failure(f"the tool {tool!r} was never called", self._tool_runs())
        if not any(_has(node.inputs, arguments) for node in runs):
            had = "\n".join(f"  {short(node.inputs)}" for node in runs[:10])
            raise self._failure(
                f"the tool {tool!r} was never called with {short(arguments)}; it was called with\n{had}",
                runs,
            )
        return self

    def called_times(self, tool: str, number: int, /) -> Self:
        """Assert that *tool* ran so many times."""
        __tracebackhide__ = True
        runs = self._tools_named(tool)
        if len(runs) != number:
            raise self._failure(f"the tool {tool!r} was called {times(len(runs))}, not {times(number)}", runs)
        return self

    def never_called(self, *tools: str) -> Self:
        """Assert that none of *tools* ran."""
        __tracebackhide__ = True
        for tool in tools:
            if runs := self._tools_named(tool):
                raise self._failure(f"the tool {tool!r} was called with {short(runs[0].inputs)}", runs)
        return self

    def called_in_order(self, *tools: str) -> Self:
        """Assert that *tools* ran in this order; others may have run between them."""
        __tracebackhide__ = True
        rest = iter(self._tool_runs())
        for number, tool in enumerate(tools):
            if not any(node.name == tool for node in rest):
                after = f" after {', '.join(map(repr, tools[:number]))}" if number else ""
                raise self._failure(
                    f"the tool {tool!r} was not called{after}; the order was {self.tools}",
                    self._tool_runs(),
                )
        return self

    def called_only(self, *tools: str) -> Self:
        """Assert that exactly *tools* ran, in this order, and no other."""
        __tracebackhide__ = True
        found = self.tools
        if found != list(tools):
            raise self._failure(
                f"the tools called were not the expected ones\n{difference(tools, found)}", self._tool_runs()
            )
        return self

    # Limits.

    def asked_models_at_most(self, calls: int) -> Self:
        """Assert that models were called at most so many times."""
        __tracebackhide__ = True
        models = self.models
        if len(models) > calls:
            raise self._failure(f"models were called {times(len(models))}, more than {calls}", models[calls:])
        return self

    def used_tokens_at_most(self, tokens: int) -> Self:
        """Assert that all model calls together used at most so many tokens, and that all reported them."""
        __tracebackhide__ = True
        totals = self.totals
        usage = totals.usage
        used = usage.total_tokens if usage is not None else None
        if used is not None and used > tokens:
            raise self._failure(f"{used} tokens were used, more than {tokens}", self.models)
        if totals.usage_partial or (used is None and self.models):
            silent = [node for node in self.models if node.own_usage is None]
            raise self._failure(
                "how many tokens were used is unknown: not every model call reported them", silent
            )
        return self

    def cost_at_most(self, dollars: float) -> Self:
        """Assert that all model calls together cost at most so many US dollars, at list prices."""
        __tracebackhide__ = True
        totals = self.totals
        if totals.cost is not None and totals.cost > dollars:
            raise self._failure(
                f"it cost {figures.dollars(totals.cost)}, more than {figures.dollars(dollars)}", self.models
            )
        if totals.cost_partial or (totals.cost is None and self.models):
            free = [node for node in self.models if node.own_cost is None]
            raise self._failure("what it cost is unknown: a model's price or its tokens are", free)
        return self

    def took_at_most(self, seconds: float) -> Self:
        """Assert that every root run took at most so many seconds."""
        __tracebackhide__ = True
        slow = [root for root in self.roots if root.duration is not None and root.duration > seconds]
        if slow:
            took = figures.duration(slow[0].duration or 0.0)
            raise self._failure(f"{slow[0].name!r} took {took}, more than {figures.duration(seconds)}", slow)
        return self

    # How they ended.

    def had_no_errors(self) -> Self:
        """Assert that no run failed, those that were retried or handled included."""
        __tracebackhide__ = True
        failed = self.errors
        if failed:
            error = failed[0].error
            what = f": {error.type}: {error.message}" if error is not None else ""
            raise self._failure(f"{failed[0].name!r} failed{what}", failed)
        return self

    def had_no_retries(self) -> Self:
        """Assert that nothing was tried a second time."""
        __tracebackhide__ = True
        again = [node for node in self.runs if node.attempts > 1 or node.retry_events]
        if again:
            raise self._failure(f"{again[0].name!r} was tried {again[0].attempts} times", again)
        return self

    def left_nothing_open(self) -> Self:
        """Assert that every run has ended, and none was abandoned.

        A run that was cancelled may take half a second to end, as LangChain reports nothing.
        """
        __tracebackhide__ = True
        deadline = time.monotonic() + _STILL_ENDING
        while (left := self._open()) and time.monotonic() < deadline:
            seen = len(self._exporter.events)
            if not self._more_than(seen, max(0.0, deadline - time.monotonic())):
                break
        left = left or [node for node in self.runs if node.status is RunStatus.ABANDONED]
        if left:
            state = "was abandoned" if left[0].status is RunStatus.ABANDONED else "still runs"
            raise self._failure(f"{left[0].name!r} {state}", left)
        return self

    # The shape.

    def have_shape(self, expected: str | None = None) -> Self:
        """Assert that the runs have the shape *expected*, or that kept in `__shapes__` beside the test.

        `pytest --tracebus-update` writes the kept ones; a test's second comparison has a file of its own.
        """
        __tracebackhide__ = True
        found = self.shape
        if expected is not None:
            return self._same_shape(dedented(expected), found, "")
        self._shapes += 1
        file = self._shape_file
        if self._shapes > 1:
            file = file.with_name(f"{file.stem}-{self._shapes}.txt")
        if self._update:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(found, encoding="utf-8")
            return self
        if not file.exists():
            raise self._failure(
                f"no shape is kept in {file}; look at this one, "
                f"then write it with: pytest --tracebus-update\n{found}"
            )
        kept = file.read_text(encoding="utf-8")
        return self._same_shape(
            kept, found, f"\nwhere the new one is right: pytest --tracebus-update ({file})"
        )

    def _same_shape(self, expected: str, found: str, remedy: str) -> Self:
        __tracebackhide__ = True
        if expected != found:
            raise self._failure(
                "the runs have another shape\n"
                + difference(expected.splitlines(), found.splitlines())
                + remedy
            )
        return self


def _has(inputs: Any, arguments: dict[str, Any]) -> bool:
    if not arguments:
        return True
    return isinstance(inputs, dict) and all(
        key in inputs and inputs[key] == value for key, value in arguments.items()
    )
