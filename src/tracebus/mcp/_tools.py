"""The tools an MCP client can call, with their descriptions."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tracebus.comparison import compare, report
from tracebus.events import RunEnded, RunKind, RunStarted
from tracebus.exceptions import InvalidLogError
from tracebus.logs import RunQuery, load_run, named_run, open_log, parse_moment
from tracebus.mcp._answers import (
    cost_of_run,
    failure_of_run,
    found_in,
    list_of_runs,
    part_of_run,
    tree_of_run,
)
from tracebus.mcp._framing import LONGEST, framed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tracebus.logs import Log, RunSummary
    from tracebus.tree import RunNode

__all__ = ["Tools"]

Run = Annotated[str, Field(description="an id, its end or beginning, `last`, or `last~1` for the one before")]
Cursor = Annotated[int, Field(ge=0, description="0, or what the answer before said, to read on")]
Status = Literal["running", "lost", "ok", "error", "cancelled", "abandoned", "interrupted"]
Kind = Literal[
    "chain", "prompt", "parser", "chat_model", "llm", "tool", "retriever", "embedding", "agent", "graph",
    "node",
]  # fmt: skip

_MOST_SEARCHED = 200
"""Root runs one call of `search` looks through; the next goes on behind them."""
_SEARCH_SECONDS = 5.0
_MOST_FOUND = 50


class Tools:
    """The tools over one log. Each call opens it anew: what was written in between is there.

    Args:
        log_url: the log's URL; the embedded log where not given.
        content: whether what was said in runs is told.
        longest: characters of an answer.
    """

    def __init__(self, log_url: str | None, *, content: bool = True, longest: int | None = None) -> None:
        self._log_url = log_url
        self._content = content
        self._longest = longest or LONGEST

    @property
    def all(self) -> tuple[Callable[..., Awaitable[str]], ...]:
        """What a client can call, in the order it is listed."""
        return (
            self.list_runs,
            self.show_run,
            self.read_run,
            self.why_failed,
            self.what_cost,
            self.compare_runs,
            self.wait_for_run,
            self.search,
        )

    async def list_runs(
        self,
        *,
        status: Annotated[Status | None, Field(description="how it ended, or that it has not")] = None,
        name: Annotated[str | None, Field(description="the name contains this")] = None,
        kind: Annotated[Kind | None, Field(description="what sort of run")] = None,
        tag: Annotated[str | None, Field(description="has this tag")] = None,
        model: Annotated[
            str | None, Field(description="a model with this in its name answered in it")
        ] = None,
        thread: Annotated[str | None, Field(description="belongs to this thread or conversation")] = None,
        since: Annotated[
            str | None, Field(description="started since: 90s, 2h, 7d ago, or an ISO date and time")
        ] = None,
        min_seconds: Annotated[float | None, Field(ge=0, description="took at least so long")] = None,
        min_tokens: Annotated[int | None, Field(ge=0, description="used at least so many")] = None,
        below_roots: Annotated[bool, Field(description="list the steps inside the root runs, too")] = False,
        limit: Annotated[int, Field(ge=1, le=200)] = 20,
        cursor: Cursor = 0,
    ) -> str:
        """List the user's runs, the latest first, one a line.

        Each with id, status, name, kind, start, duration, tokens, models and error, as far as known.
        """
        query = RunQuery(
            status=status, name=name, kind=RunKind(kind) if kind else None, tag=tag, model=model,
            thread_id=thread, since=None if since is None else parse_moment(since),
            min_duration=min_seconds, min_tokens=min_tokens,
            roots_only=not below_roots, limit=limit,
        )  # fmt: skip
        return await self._answer(lambda log: list_of_runs(log.runs(query)), cursor)

    async def show_run(self, run: Run = "last", cursor: Cursor = 0) -> str:
        """Show one run as a tree of its steps.

        A line each: status, name, kind, time, tokens in and out, cost, error, and in brackets its id's end.
        """
        return await self._answer(lambda log: tree_of_run(_load(log, run)), cursor)

    async def read_run(
        self,
        run: Run,
        *,
        part: Annotated[Literal["input", "output", "error", "all"], Field(description="what of it")] = "all",
        whole: Annotated[
            bool, Field(description="a model's prompt from its beginning, not only what is new in it")
        ] = False,
        cursor: Cursor = 0,
    ) -> str:
        """Read what one run or step was given, what it put out, and its error with the traceback's end.

        Of an agent's model call the part of the conversation that an earlier call had is left out, and named.
        """
        return await self._answer(
            lambda log: part_of_run(_load(log, run), part, whole=whole, content=self._content), cursor
        )

    async def why_failed(self, run: Run = "last", cursor: Cursor = 0) -> str:
        """Tell what failed and why: the innermost error, attempts, its input, what came before it."""
        return await self._answer(lambda log: failure_of_run(_load(log, run), content=self._content), cursor)

    async def what_cost(self, run: Run = "last", cursor: Cursor = 0) -> str:
        """Tell what was slow or dear in a run: own time of steps, waits, tokens, cost, retries."""
        return await self._answer(lambda log: cost_of_run(_load(log, run)), cursor)

    async def compare_runs(self, left: Run = "last~1", right: Run = "last", cursor: Cursor = 0) -> str:
        """Compare two runs step by step: where they took different ways first, then what differs by words."""
        return await self._answer(lambda log: self._compared(log, left, right), cursor)

    async def wait_for_run(
        self,
        run: Annotated[
            str | None, Field(description="a run to follow to its end; without it the next one")
        ] = None,
        after: Annotated[
            str | None, Field(description="the last run you know: one that began after it is taken at once")
        ] = None,
        name: Annotated[str | None, Field(description="only a run whose name contains this")] = None,
        seconds: Annotated[float, Field(gt=0, le=600, description="how long to wait at most")] = 60.0,
    ) -> str:
        """Wait for the next root run to begin and end, and show it.

        Call it before the user, or you, start something; `after` misses nothing that began in between.
        """
        found = await self._waited(run, after, name, seconds)
        if found is None:
            return f"no run began within {seconds:g} seconds; call again to go on waiting"
        text, over = found
        more = "" if over else f"\nit still runs after {seconds:g} seconds; go on with wait_for_run(run=…)"
        return framed(text, longest=self._longest) + more

    async def search(
        self,
        text: Annotated[str, Field(min_length=2, description="text to look for, whatever the case")],
        cursor: Annotated[int, Field(ge=0, description="0, or the number of runs to pass over")] = 0,
    ) -> str:
        """Search names, inputs, outputs and errors of all runs, the latest first."""
        return await asyncio.to_thread(self._searched, text, cursor)

    # Resources.

    async def latest(self) -> str:
        """List the latest runs."""
        return await self.list_runs()

    async def tree(self, run: str) -> str:
        """Show a run as a tree."""
        return await self.show_run(run)

    # Within.

    async def _answer(self, ask: Callable[[Log], str], cursor: int) -> str:
        return framed(await asyncio.to_thread(self._ask, ask), cursor, longest=self._longest)

    def _ask(self, ask: Callable[[Log], str]) -> str:
        with self._opened() as log:
            return ask(log)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Log]:
        log = open_log(self._log_url or "sqlite:")
        path = getattr(log, "path", None)
        if self._log_url and path is not None and not path.exists():
            raise InvalidLogError(f"there is no log at {path}: nothing was observed into it yet")
        try:
            yield log
        finally:
            log.close()

    def _compared(self, log: Log, left: str, right: str) -> str:
        found = compare(_load(log, left), _load(log, right))
        return "\n".join(report(found, texts=self._content))

    def _searched(self, text: str, cursor: int) -> str:
        if not self._content:
            raise InvalidLogError("there is nothing to search: this server shows no content")
        deadline = time.monotonic() + _SEARCH_SECONDS
        with self._opened() as log:
            roots = log.runs(RunQuery(limit=cursor + _MOST_SEARCHED + 1))[cursor:]
            lines: list[str] = []
            passed = having = 0
            for root in roots[:_MOST_SEARCHED]:
                if len(lines) >= _MOST_FOUND or time.monotonic() > deadline:
                    break
                hits = list(found_in(load_run(log, root), text))
                lines += hits
                passed += 1
                having += bool(hits)
        lines[_MOST_FOUND:] = (
            [f"… {len(lines) - _MOST_FOUND} places more"] if len(lines) > _MOST_FOUND else []
        )
        head = f"in {having} of {passed} root runs:\n" if having else ""
        found = head + "\n".join(lines) or "nothing found"
        more = len(roots) > passed
        note = (
            f"\n{passed} runs searched; ask again with cursor={cursor + passed} for earlier ones"
            if more
            else ""
        )
        return framed(found, longest=self._longest) + note

    async def _waited(
        self, run: str | None, after: str | None, name: str | None, seconds: float
    ) -> tuple[str, bool] | None:
        """Return the awaited run's tree and whether it is over; `None` where none began."""
        with self._opened() as log:
            wanted = await asyncio.to_thread(_already, log, run, after, name)
            position = wanted.first_seq - 1 if wanted is not None else await asyncio.to_thread(log.head)
            root = wanted.root_run_id if wanted is not None else None
            over = wanted is not None and wanted.status != "running"
            if not over:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds), contextlib.aclosing(log.follow(position)) as events:
                        async for event in events:
                            if root is None and _begins(event, name):
                                root = event.run_id  # type: ignore[union-attr]  # a start, as `_begins` says
                            if isinstance(event, RunEnded) and event.run_id == root:
                                over = True
                                break
            if root is None:
                return None
            return await asyncio.to_thread(lambda: tree_of_run(_load(log, root))), over


def _already(log: Log, run: str | None, after: str | None, name: str | None) -> RunSummary | None:
    """Return the run to wait for, where it has begun."""
    if run is not None:
        found = named_run(log, run)
        return found if found.parent_run_id is None else named_run(log, found.root_run_id)
    if after is None:
        return None
    known = named_run(log, after)
    later = [
        each
        for each in log.runs(RunQuery(since=known.started, name=name, limit=None))
        if each.root_run_id != known.root_run_id and (each.first_seq > known.first_seq)
    ]
    return min(later, key=lambda each: each.first_seq, default=None)


def _begins(event: object, name: str | None) -> bool:
    return (
        isinstance(event, RunStarted)
        and event.parent_run_id is None
        and (name is None or name.lower() in event.name.lower())
    )


def _load(log: Log, run: str) -> RunNode:
    return load_run(log, named_run(log, run))
