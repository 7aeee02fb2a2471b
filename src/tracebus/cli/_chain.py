"""Run one Runnable from the command line: output as it comes, Ctrl-C, errors."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback as tracebacks
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click

import tracebus
from tracebus.cli._output import Output
from tracebus.exceptions import TracebusError
from tracebus.text import sanitise

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from langchain_core.runnables import Runnable

    from tracebus.bus import Exporter

__all__ = ["run_chain"]

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_GRACE = 2.0  # seconds a step that runs in a thread has to end after Ctrl-C


def run_chain(
    load: Callable[[], Runnable[Any, Any]],
    value: Any,
    config: Any,
    exporters: Sequence[Exporter],
    *,
    traceback: bool,
) -> int:
    """Load a Runnable and run it on *value* with *config*, observed; return the exit code.

    0: it ended. 1: it raised, which is said on standard error. 130: Ctrl-C, its runs are cancelled.
    """
    if exporters:
        tracebus.uninstall()  # TRACEBUS_TO has installed itself; where to is said here
    output = Output()
    workers = ThreadPoolExecutor(thread_name_prefix="tracebus-run")
    with tracebus.observing(to=exporters):
        try:
            chain = load()
            _drive(_stream(chain, value, config, output), workers)
        except (click.ClickException, TracebusError):
            raise
        except KeyboardInterrupt:
            code = INTERRUPTED
        except Exception as error:  # noqa: BLE001  the user's own, shown to the user
            output.end_line()
            _show(error, traceback=traceback)
            code = 1
        else:
            code = 0
    if code == INTERRUPTED:
        output.end_line()
        click.echo("interrupted", err=True)
        _leave_threads_behind(workers)
    return code


def _drive(call: Coroutine[Any, Any, None], workers: ThreadPoolExecutor) -> None:
    """Run *call* on a loop of its own, which Ctrl-C cancels."""
    runner = asyncio.Runner()
    try:
        runner.get_loop().set_default_executor(workers)
        runner.run(call)
    except KeyboardInterrupt:
        # Not `runner.close()`: it would wait for steps that run in threads, for minutes.
        runner.get_loop().run_until_complete(runner.get_loop().shutdown_asyncgens())
        raise
    except BaseException:
        runner.close()
        raise
    else:
        runner.close()


async def _stream(chain: Runnable[Any, Any], value: Any, config: Any, output: Output) -> None:
    if _is_graph(chain):  # a graph streams its nodes' updates, which are not its output
        output.finish(await chain.ainvoke(value, config))
        return
    async for chunk in chain.astream(value, config):
        output.add(chunk)
    output.finish()


def _is_graph(chain: Runnable[Any, Any]) -> bool:
    wrapped = getattr(chain, "bound", chain)
    return hasattr(wrapped, "stream_mode")


def _show(error: Exception, *, traceback: bool) -> None:
    if traceback:
        click.echo(sanitise("".join(tracebacks.format_exception(error))), err=True, nl=False)
        return
    text = "".join(tracebacks.format_exception_only(error)).strip()
    click.echo(f"Error: {sanitise(text)}", err=True)  # may quote what a model said
    click.echo("(--traceback shows where)", err=True)


def _leave_threads_behind(workers: ThreadPoolExecutor) -> None:
    """End the process even where a step sits in a thread that nobody can stop."""
    workers.shutdown(wait=False, cancel_futures=True)
    deadline = time.monotonic() + _GRACE
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                sys.stdout.flush()
                os._exit(INTERRUPTED)
