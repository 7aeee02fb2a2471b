"""A run that has started and not ended, as the tracker and the modules around it share it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Hashable
    from weakref import ref

    from tracebus.capture import Capture
    from tracebus.events import Outcome, RunKind
    from tracebus.sources.tracking._streaming import StreamedOutput

__all__ = ["Caller", "Executor", "ExpectsEnds", "Life", "OpenRun"]


class Life(enum.Enum):
    """What is known of who executes a run."""

    LIVES = enum.auto()
    """It goes on, and reports the end itself."""
    GONE = enum.auto()
    UNKNOWN = enum.auto()


class Executor(Protocol):
    """Who executes a run: a task, or a thread outside any. `_runner.Runner` is the one there is."""

    last: OpenRun | None
    """The last run begun there, where LangChain would not tell that it was cancelled."""

    @property
    def task(self) -> ref[asyncio.Task[Any]] | None:
        """The task, if it is one."""
        ...

    @property
    def thread(self) -> int:
        """The thread's identifier."""
        ...

    @property
    def loop(self) -> ref[asyncio.AbstractEventLoop] | None:
        """The task's loop."""
        ...

    def is_same(self, other: Executor | None) -> bool:
        """Tell whether *other* stands for the same task or thread."""
        ...

    def life(self) -> Life:
        """Tell whether the task or thread still executes anything."""
        ...

    def was_cancelled(self) -> bool:
        """Tell whether the task was cancelled, or is about to be."""
        ...

    def after_turns(self, done: Callable[[], None]) -> bool:
        """Call *done* after a few turns of the task's loop; return whether there is one to wait for."""
        ...


class ExpectsEnds(Protocol):
    """Who has a root run closed once the call it began in is over: its tracker."""

    def expect_end(
        self, run: OpenRun, outcome: Outcome, error: Any = None, *, runner: Executor | None = None
    ) -> None:
        """Close *run* after the grace unless its source does, or another than *runner* executes it."""


class Caller(Protocol):
    """The observed call a run began in."""

    @property
    def name(self) -> str | None:
        """What the user wants the root run called."""
        ...

    @property
    def begins(self) -> Callable[[str], None] | None:
        """Called with the id of every root run that is about to begin in it."""
        ...

    @property
    def inputs(self) -> Any:
        """What a stream was called with."""
        ...

    @property
    def roots(self) -> list[tuple[ExpectsEnds, OpenRun]]:
        """The root runs begun in it, in every bus that watches."""
        ...

    @property
    def left(self) -> bool:
        """Whether the caller closed the stream before its end."""
        ...


class OpenRun(msgspec.Struct, eq=False):
    """A run that has begun. A `Struct`, as events are: it is made without Python code."""

    key: Hashable
    """What it is known by here: hashing a UUID costs more than hashing its integer."""
    id: str
    kind: RunKind
    name: str
    owner: object
    """Who reports this run: the others that hear of it too are ignored."""
    capture: Capture
    told_as: Hashable
    """What its source calls it; not its key where an open run was called so already."""
    root_id: str
    call: Caller | None = None
    runner: Executor | None = None
    """Who executes it, where its source knows."""
    parent: OpenRun | None = None
    parent_id: str | None = None
    root: OpenRun = None  # type: ignore[assignment]  # from its beginning on: itself, or its parent's
    children: dict[Hashable, OpenRun] | None = None
    started: int = 0
    last_seen: int = 0
    """Kept on roots: when anything last happened in the tree."""
    outcome: Outcome | None = None
    output: StreamedOutput | None = None
    """What it has streamed so far."""
    stream: bool = False
    """It is read step by step, by whoever likes to."""
    watch: object = None
    """What keeps an eye on its task."""
    streamed: bool = False
    speaks_by: str | None = None
    """Which of LangChain's ways of telling a model's output this run uses."""
    interrupted: bool = False
    """A child paused the graph this run is."""
    attempts: int = 0
    turns: int = 0
    """How many runs have begun directly below it."""
    calls: int = 0
    answers: int = 0
    """Kept on roots: how many tools and models have begun below it."""
    retries: int = 0
    """How often it said that an attempt follows."""
    timed: float = False
    """It is a node whose time LangGraph watches; of a graph, the seconds it gives each step."""
    step: tuple[object, int] | None = None
    """Of a graph whose steps have a time, and of its nodes: the step, and when its first node began."""
    held: bool | dict[str, Any] = False
    """It was cancelled, or ended late, and its graph is about to say why."""
    timeout: tuple[Any, Any] | None = None
    """The node whose time-out ended this graph, `None` for all of a step, and the error."""
    tried_as: Hashable = None
    """What the attempts of one thing under one root have in common."""
    tried: dict[Hashable, tuple[int, Any]] | None = None
    """Kept on roots: how many attempts failed, and the last one's error, by `tried_as`."""
    last_error: Any = None
    thread_id: Any = None
    resumes: bool = True
    """It may go on where its thread paused."""
    alone: bool = True
    """It is the only one of its call."""
    source_inputs: Any = None
    """The inputs as the program passed them, for telling which item of a list a child got."""
