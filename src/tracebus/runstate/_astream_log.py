"""`astream_log` as LangChain had it: deprecated there since langchain-core 1.3.3, alive here."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections import deque
from typing import TYPE_CHECKING, Any

from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import ensure_config
from langchain_core.tracers.log_stream import LogStreamCallbackHandler, RunLogPatch

from tracebus.runstate import escape
from tracebus.runstate._run_log_value import LinearRunLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from langchain_core.runnables import Runnable, RunnableConfig
    from langchain_core.tracers.log_stream import RunLog

__all__ = ["astream_log"]


async def astream_log(
    runnable: Runnable[Any, Any],
    input: Any,  # noqa: A002  LangChain's name
    config: RunnableConfig | None = None,
    *,
    diff: bool = True,
    with_streamed_output_list: bool = True,
    include_names: Sequence[str] | None = None,
    include_types: Sequence[str] | None = None,
    include_tags: Sequence[str] | None = None,
    exclude_names: Sequence[str] | None = None,
    exclude_types: Sequence[str] | None = None,
    exclude_tags: Sequence[str] | None = None,
    **kwargs: Any,
) -> AsyncIterator[RunLogPatch | RunLog]:
    """Run *runnable* and yield its run log, as LangChain's own `astream_log` does.

    The same arguments, objects and accumulated states; but names are escaped in paths, runs never share
    a key, leaving early cancels the run, and time and memory grow with the run, not with its square:
    accumulate with `log += patch`, starting from the first patch.

    Args:
        runnable: what to run; it is run by its `astream`.
        input: its input.
        config: its config.
        diff: yield patches; if false, the whole log so far each time.
        with_streamed_output_list: keep the root run's chunks in `streamed_output`.
        include_names: only runs of these names, or of the types or tags below, are logged.
        include_types: by LangChain's run type: chain, llm, prompt, parser, tool, retriever.
        include_tags: by tag.
        exclude_names: runs of these names are not logged, and so forth.
        exclude_types: see `include_types`.
        exclude_tags: by tag.
        **kwargs: given to `astream`.

    Yields:
        `RunLogPatch`es, the first of which is the `RunLog` of itself; or `RunLog`s.

    Raises:
        Exception: what the run raises, after all of its log.
    """
    outbox = _Outbox(asyncio.get_running_loop())
    handler = _Handler(
        outbox,
        auto_close=False,
        include_names=include_names,
        include_types=include_types,
        include_tags=include_tags,
        exclude_names=exclude_names,
        exclude_types=exclude_types,
        exclude_tags=exclude_tags,
        _schema_format="original",
    )
    chunks = runnable.astream(input, _with_handler(config, handler), **kwargs)
    task = asyncio.create_task(_consume(chunks, outbox, with_streamed_output_list))
    try:
        async for item in _items(outbox, diff=diff):
            yield item
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _items(outbox: _Outbox, *, diff: bool) -> AsyncIterator[RunLogPatch | RunLog]:
    """Yield the first patch as the log it is, then patches or the log as it grows."""
    log: RunLog | None = None
    async for patch in outbox:
        if log is None:
            log = LinearRunLog(*patch.ops)
            yield log
        elif diff:
            yield patch
        else:
            log = log + patch
            yield log


async def _consume(chunks: AsyncIterator[Any], outbox: _Outbox, with_list: bool) -> None:  # noqa: FBT001  one caller
    """Run the chain to its end and log what it puts out."""
    before: Any = None
    output: Any = None
    try:
        async for chunk in chunks:
            before, output = output, chunk
            if before is not None:
                try:
                    output = before + chunk
                except TypeError:
                    before = None
            operations = [{"op": "add", "path": "/streamed_output/-", "value": chunk}] if with_list else []
            operations += _output_operations(before, output)
            outbox.put(RunLogPatch(*operations))
    finally:
        outbox.close()


def _output_operations(before: Any, output: Any) -> list[dict[str, Any]]:
    """Return the operations from the accumulated output *before* to the one now.

    LangChain compares the two by their serialised form, which is what makes it quadratic. An
    accumulated dictionary differs in members only, anything else is replaced.
    """
    if not isinstance(before, dict) or not isinstance(output, dict):
        if before is not None and _same(before, output):
            return []
        # A container of its own: a patch in place must not reach into the run's own output.
        return [{"op": "replace", "path": "/final_output", "value": _apart(output)}]
    operations = [_member("remove", name) for name in before if name not in output]
    for name, value in output.items():
        if name not in before:
            operations.append(_member("add", name, value))
        elif before[name] is not value and not _same(before[name], value):
            operations.append(_member("replace", name, value))
    return operations


def _member(op: str, name: Any, *value: Any) -> dict[str, Any]:
    operation = {"op": op, "path": f"/final_output/{escape(str(name))}"}
    return {**operation, "value": _apart(value[0])} if value else operation


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001  a user's type that cannot be compared (an array, say) has changed
        return False


def _apart(value: Any) -> Any:
    return copy.copy(value) if isinstance(value, dict | list) else value


def _with_handler(config: RunnableConfig | None, handler: _Handler) -> RunnableConfig:
    """Return *config* with *handler* among its callbacks, a list or a callback manager."""
    config = ensure_config(config)
    callbacks: Any = config.get("callbacks")
    if callbacks is None:
        config["callbacks"] = [handler]
    elif isinstance(callbacks, list):
        config["callbacks"] = [*callbacks, handler]
    else:
        manager = callbacks.copy()
        manager.add_handler(handler, inherit=True)
        config["callbacks"] = manager
    return config


class _Handler(LogStreamCallbackHandler):
    """LangChain's own log handler, for its filters and its entries, with the costly parts replaced."""

    # In the event loop rather than a thread per event, which costs six times as much.
    run_inline = True

    def __init__(self, outbox: _Outbox, **options: Any) -> None:
        super().__init__(**options)
        self._outbox = outbox
        self._key_map_by_run_id = _Keys()

    def send(self, *ops: dict[str, Any]) -> bool:
        self._outbox.put(RunLogPatch(*ops))
        return True

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, run_id: Any, **_: Any) -> Any:
        """Log a token, past the tracer, which would keep an event for each."""
        key = self._key_map_by_run_id.get(run_id)
        if key is not None:
            value = chunk.message if isinstance(chunk, ChatGenerationChunk) else token
            self.send(
                {"op": "add", "path": f"/logs/{key}/streamed_output_str/-", "value": token},
                {"op": "add", "path": f"/logs/{key}/streamed_output/-", "value": value},
            )
        return self.run_map.get(str(run_id))


class _Keys(dict[Any, str]):
    """Run id to key in `logs`, as a token of a JSON Pointer: escaped, and never one key for two runs.

    LangChain counts runs per name, so the second `step` and a run called `step:2` would share a key.
    It sets a key once a run, under its lock.
    """

    def __init__(self) -> None:
        super().__init__()
        self._taken: set[str] = set()

    def __setitem__(self, run_id: Any, wanted: str) -> None:
        key, number = wanted, 1
        while key in self._taken:
            number += 1
            key = f"{wanted}:{number}"
        self._taken.add(key)
        super().__setitem__(run_id, escape(key))


class _Outbox:
    """Patches from any thread to one reader, which is woken once for all that is there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._patches: deque[RunLogPatch] = deque()
        self._filled = asyncio.Event()
        self._waiting = False
        self._closed = False

    def put(self, patch: RunLogPatch) -> None:
        self._patches.append(patch)
        self._wake()

    def close(self) -> None:
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._waiting:
            self._waiting = False
            if asyncio._get_running_loop() is self._loop:  # noqa: SLF001  its public twin raises where there is none
                self._filled.set()
            else:
                # A run left behind may log after its loop is gone: nobody reads that any more.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._filled.set)

    async def __aiter__(self) -> AsyncIterator[RunLogPatch]:
        while True:
            while self._patches:
                yield self._patches.popleft()
            self._filled.clear()
            self._waiting = True
            if self._patches or self._closed:
                self._waiting = False
                if not self._patches:
                    return
                continue
            await self._filled.wait()
