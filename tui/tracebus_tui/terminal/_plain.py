"""Runs as lines, where there is no screen: for pipes, CI, dumb terminals and screen readers."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import aclosing
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, TextIO, assert_never

from tracebus.events import (
    CustomEmitted,
    Gap,
    RunEnded,
    RunRetried,
    RunStarted,
    RunStreamed,
    encode_json,
)
from tracebus.figures import count, dollars, duration
from tracebus.text import first_line, sanitise
from tracebus.tree import RunTree
from tracebus.watching import fact_of, sentence

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from tracebus.events import Event
    from tracebus.tree import RunNode
    from tracebus_tui.feed import Source

_NAME = 120
_DEEPEST = 12
_ERROR = 300
_INTERRUPTED = 130
_BROKEN_PIPE = 141
_PAUSE = 1.0


class Printer:
    """Turns events into lines: one for a start, an end, a retry, a custom event or a gap."""

    def __init__(self, *, max_roots: int = 1000) -> None:
        self._runs = RunTree(max_roots=max_roots)

    def line(self, event: Event) -> str | None:
        """Take *event* into account and return the line about it; `None` where there is nothing to say."""
        node = self._runs.apply(event)
        said = self._said(event, node)
        if said is None:
            return None
        at = datetime.fromtimestamp(event.time / 1e9).astimezone()
        return f"{at:%H:%M:%S}.{at.microsecond // 1000:03} {said}"

    def _said(self, event: Event, node: RunNode | None) -> str | None:
        match event:
            case Gap():
                return f"{event.missed} events were missed"
            case RunStreamed():
                return None
            case RunStarted():
                return f"{_who(node)} started"
            case RunEnded():
                return f"{_who(node)} {_end(node, event)}" if node is not None else None
            case RunRetried():
                return f"{_who(node)} is tried again: attempt {event.attempt}"
            case CustomEmitted():
                return _emitted(event, node)
            case _:
                assert_never(event)


def _emitted(event: CustomEmitted, node: RunNode | None) -> str:
    fact = fact_of(event)
    return sentence(fact) if fact is not None else f"{_who(node)} says {first_line(event.name, _NAME)}"


def _who(node: RunNode | None) -> str:
    if node is None:
        return "a run"
    depth = sum(1 for _ in islice(node.ancestors(), _DEEPEST))
    return f"{'  ' * depth}{node.kind.value} {first_line(node.name, _NAME)}"


def _end(node: RunNode, event: RunEnded) -> str:
    parts = [event.outcome.value]
    if (took := node.duration) is not None:
        parts.append(f"after {duration(took)}")
    usage = node.usage
    if usage is not None:
        parts.append(f"{_known(usage.input_tokens)} tokens in, {_known(usage.output_tokens)} out")
    if node.cost is not None:
        parts.append(dollars(node.cost))
    if event.error is not None:
        parts.append(first_line(f"{event.error.type}: {event.error.message}", _ERROR))
    return ", ".join(parts)


def _known(number: int | None) -> str:
    return "unknown" if number is None else count(number)


def print_lines(source: Source, *, as_json: bool = False, only_new: bool = True, notice: str = "") -> int:
    """Print what *source* gives until it ends or somebody stops it; return an exit code.

    *notice* goes to standard error first.
    """
    try:
        signal.signal(signal.SIGTERM, _interrupt)
        sys.stderr.write(notice)
        sys.stderr.flush()
        asyncio.run(_print(source, as_json=as_json, out=sys.stdout, only_new=only_new))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; the interpreter would complain when it flushes the pipe once more.
        sys.stdout = None
        return _BROKEN_PIPE
    return 0


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


async def _print(source: Source, *, as_json: bool, out: TextIO, only_new: bool) -> None:
    printer = Printer()
    waiting = only_new
    async for batch in _batches(source):
        if waiting:
            waiting = bool(batch)  # the empty batch says that what there was has been read
            for event in batch:
                printer.line(event)  # so that what is open now has a name when it ends
            continue
        for event in batch:
            line = encode_json(event).decode() if as_json else printer.line(event)
            if line is not None:
                out.write((line if as_json else sanitise(line, one_line=True)) + "\n")
        out.flush()


async def _batches(source: Source) -> AsyncGenerator[Sequence[Event], None]:
    """Yield the source's batches; go on after trouble, which is said on standard error."""
    position: int | None = None
    while True:
        try:
            async with aclosing(source.batches(position)) as batches:
                async for batch in batches:
                    yield batch
                    position = batch[-1].seq if batch else position
        except (KeyboardInterrupt, BrokenPipeError, GeneratorExit):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a source raises: said, and tried again
            sys.stderr.write(
                f"tracebus: {first_line(f'{type(error).__name__}: {error}', _ERROR)}; trying again\n"
            )
            await asyncio.sleep(_PAUSE)
        else:
            return
