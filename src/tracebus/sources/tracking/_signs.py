"""The first signs that a root run may run in circles: who watches for circles need not come before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tracebus.events import RunKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.sources.tracking._open_run import OpenRun

__all__ = ["COUNTED", "FirstSigns", "Signs"]

_NEVER = 1 << 62
COUNTED = (RunKind.TOOL, RunKind.CHAT_MODEL, RunKind.LLM)
"""Kinds of which a root run's are counted; of all others each parent's children are."""


class FirstSigns(NamedTuple):
    """How many of what are a sign; a run with fewer cannot go in circles."""

    calls: int = _NEVER
    """Tool runs below one root."""
    answers: int = _NEVER
    """Model runs below one root."""
    turns: int = _NEVER
    """Runs below one parent."""
    failures: int = _NEVER
    """Attempts that follow a failed one in one run."""

    def or_earlier(self, other: FirstSigns) -> FirstSigns:
        """Return what is a sign to either of two."""
        return FirstSigns(*map(min, zip(self, other, strict=True)))


class Signs:
    """Looks for first signs in what begins, until there is one."""

    __slots__ = ("_first", "_tell", "seen", "turns")

    def __init__(self) -> None:
        self.watch(FirstSigns(), lambda: None)

    def watch_also(self, first: FirstSigns, tell: Callable[[], object]) -> None:
        """Have *tell* called, once, when there is one of *first* or of those looked for already."""
        self.watch(self._first.or_earlier(first), tell)

    def watch(self, first: FirstSigns, tell: Callable[[], object]) -> None:
        """Have *tell* called, once, when there is one of *first*."""
        self._first = first
        self._tell = tell
        self.turns = first.turns
        """So many runs below one parent are one."""
        self.seen = False
        """There is one, and nobody was told yet."""

    def count(self, run: OpenRun, turns: int) -> None:
        """Count *run*, which begins as its parent's child number *turns*."""
        root, first = run.root, self._first
        if run.kind is RunKind.TOOL:
            root.calls += 1
        elif run.kind in COUNTED:
            root.answers += 1
        self.seen |= turns >= first.turns or root.calls >= first.calls or root.answers >= first.answers

    def count_retry(self, run: OpenRun) -> None:
        """Count that an attempt follows in *run*."""
        run.retries += 1
        self.seen |= run.retries >= self._first.failures

    def of_elsewhere(self) -> None:
        """Take the beginning of a run whose root is in another process, or over, for one."""
        self.seen = True

    def tell(self) -> None:
        """Tell of the one that was seen, and look for no more."""
        tell = self._tell
        self.watch(FirstSigns(), lambda: None)
        tell()
