"""What a log knows about a run without reading its events again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from tracebus.events import RunKind

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MODEL_KINDS", "RunQuery", "RunStatus", "RunSummary", "thread_of"]

RunStatus: TypeAlias = Literal["running", "lost", "ok", "error", "cancelled", "abandoned", "interrupted"]
"""An outcome, or `running`, or `lost`: open, while the process that wrote it is gone."""

MODEL_KINDS = frozenset((RunKind.CHAT_MODEL, RunKind.LLM, RunKind.EMBEDDING))
"""The kinds of run that use tokens."""

_THREAD_KEYS = ("thread_id", "conversation_id", "session_id")


class RunSummary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run as `tracebus runs` lists it. A count nobody reported is `None`, which is not zero."""

    run_id: str
    parent_run_id: str | None = None
    root_run_id: str
    name: str = ""
    kind: RunKind = RunKind.UNKNOWN
    status: RunStatus = "running"
    started: int | None = None
    """Nanoseconds since the epoch; `None` where the log no longer has, or never got, the start."""
    ended: int | None = None
    """Nanoseconds since the epoch; `None` while the run is open."""
    tags: tuple[str, ...] = ()
    thread_id: str | None = None
    """The metadata's `thread_id`, `conversation_id` or `session_id`."""
    models: tuple[str, ...] = ()
    """Names of the models that answered in this run and below it."""
    input_tokens: int | None = None
    """Of this run and the runs below it, as are the next two."""
    output_tokens: int | None = None
    total_tokens: int | None = None
    error_type: str | None = None
    error_message: str | None = None
    events: int = 0
    """Of this run and, for a root, of the runs below it."""
    descendants: int = 0
    """Runs below this one; counted for root runs only."""
    first_seq: int = 0
    last_seq: int = 0
    """Positions of the run's own first and last event; for a root, of the runs below it too."""

    @property
    def duration(self) -> float | None:
        """Seconds from start to end; `None` while one of the two is unknown."""
        if self.started is None or self.ended is None:
            return None
        return (self.ended - self.started) / 1e9


class RunQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs to list. Every condition given must hold."""

    since: int | None = None
    """Started at or after this time, nanoseconds since the epoch."""
    until: int | None = None
    """Started before this time."""
    name: str | None = None
    """The name contains this, whatever the case."""
    status: RunStatus | None = None
    kind: RunKind | None = None
    tag: str | None = None
    model: str | None = None
    """A model whose name contains this, whatever the case, answered in the run or below it."""
    thread_id: str | None = None
    min_tokens: int | None = None
    """At least this many tokens in the run and below it."""
    max_tokens: int | None = None
    min_duration: float | None = None
    """Seconds; open runs have no duration and do not match."""
    max_duration: float | None = None
    roots_only: bool = True
    """List root runs; `False` lists the runs below them as well."""
    limit: int | None = 50

    def matches(self, run: RunSummary) -> bool:
        """Return whether *run* meets every condition."""
        return (
            (not self.roots_only or run.parent_run_id is None)
            and (self.since is None or (run.started or 0) >= self.since)
            and (self.until is None or (run.started or 0) < self.until)
            and (self.name is None or self.name.lower() in run.name.lower())
            and (self.status is None or run.status == self.status)
            and (self.kind is None or run.kind == self.kind)
            and (self.tag is None or self.tag in run.tags)
            and (self.model is None or any(self.model.lower() in model.lower() for model in run.models))
            and (self.thread_id is None or run.thread_id == self.thread_id)
            and _within(run.total_tokens, self.min_tokens, self.max_tokens)
            and _within(run.duration, self.min_duration, self.max_duration)
        )


def thread_of(metadata: Mapping[str, Any]) -> str | None:
    """Return the thread or conversation the run's *metadata* names, under the names in use for it."""
    for key in _THREAD_KEYS:
        value = metadata.get(key)
        if value is not None:
            return str(value)
    return None


def _within(value: float | None, low: float | None, high: float | None) -> bool:
    if low is None and high is None:
        return True
    return value is not None and (low is None or value >= low) and (high is None or value <= high)
