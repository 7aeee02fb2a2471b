"""`tracebus show`: everything about one run."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from tracebus.cli._logs import find, log_argument, reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracebus.events import Event
    from tracebus.logs import RunSummary
    from tracebus.tree import RunNode

__all__ = ["show"]

_LONGEST = 2_000
"""Characters of an input or an output shown without `--full`."""


@click.command()
@click.argument("run")
@log_argument
@click.option("--json", "as_json", is_flag=True, help="The state of the whole root run as one JSON document.")
@click.option("--events", "as_events", is_flag=True, help="Its events, one JSON object a line.")
@click.option("--full", is_flag=True, help="Inputs and outputs whole, however long.")
def show(run: str, log_url: str | None, *, as_json: bool, as_events: bool, full: bool) -> None:
    """Show one run: its tree, its input, its output, what went wrong.

    RUN is an id, the beginning or the end of one, or `last`. LOG is as in `tracebus runs`.
    """
    from tracebus.cli._cells import echo  # noqa: PLC0415  `--help` must not pay for it
    from tracebus.logs import load_run  # noqa: PLC0415  likewise

    with reading(log_url) as log:
        summary = find(log, run)
        if as_events:
            _print_events(log.read_run(summary.root_run_id))
        elif as_json:
            _print_document(log.read_run(summary.root_run_id))
        else:
            for line in _lines(load_run(log, summary), summary, None if full else _LONGEST):
                echo(line)


def _print_events(events: Sequence[Event]) -> None:
    from tracebus.events import encode_json  # noqa: PLC0415  `--help` must not pay for it

    for event in events:
        click.echo(encode_json(event))


def _print_document(events: Sequence[Event]) -> None:
    from tracebus.runstate import RunState  # noqa: PLC0415  `--help` must not pay for it

    state = RunState()
    for event in events:
        state.apply(event)
    click.echo(json.dumps(state.document, indent=2))


def _lines(node: RunNode, summary: RunSummary, longest: int | None) -> Iterator[str]:
    from tracebus.cli._cells import moment  # noqa: PLC0415  `--help` must not pay for it
    from tracebus.text import sanitise  # noqa: PLC0415  likewise

    yield sanitise(
        "  ".join(part for part in (node.run_id, moment(node.started_at), *node.tags) if part), one_line=True
    )
    if summary.thread_id:
        yield f"thread {sanitise(summary.thread_id, one_line=True)}"
    yield ""
    yield from _tree_lines(node)
    yield from _details(node, longest)


def _tree_lines(node: RunNode) -> Iterator[str]:
    from tracebus.outline import rows  # noqa: PLC0415  `--help` must not pay for it

    for row in rows(node):
        yield _fitting(click.style(row.lead, dim=True) + _tree_line(row.node))


def _fitting(line: str) -> str:
    """Return *line* cut to the terminal; whole where it goes to a file or a pipe."""
    from tracebus.cli._cells import cut  # noqa: PLC0415  `--help` must not pay for it

    return cut(line, shutil.get_terminal_size().columns) if sys.stdout.isatty() else line


def _tree_line(node: RunNode) -> str:
    from tracebus import figures  # noqa: PLC0415  `--help` must not pay for it
    from tracebus.cli._cells import clip, glyph  # noqa: PLC0415  likewise

    parts = [glyph(node.status.value), click.style(clip(node.name or "?", 60), bold=True)]
    if node.kind.value not in {"chain", "unknown"}:
        parts.append(click.style(node.kind.value, dim=True))
    if node.duration is not None:
        parts.append(figures.duration(node.duration))
    if node.time_to_first_token is not None:
        parts.append(click.style(f"first token {figures.duration(node.time_to_first_token)}", dim=True))
    if node.usage is not None:
        given, taken = node.usage.input_tokens, node.usage.output_tokens
        counts = ["?" if amount is None else figures.count(amount) for amount in (given, taken)]
        parts.append(click.style(f"{counts[0]}>{counts[1]} tokens", dim=True))
    if node.cost is not None:
        parts.append(click.style(figures.dollars(node.cost), dim=True))
    if node.error is not None:
        parts.append(click.style(clip(f"{node.error.type}: {node.error.message}", 200), fg="red"))
    return " ".join(parts)


def _details(node: RunNode, longest: int | None) -> Iterator[str]:
    for title, value in (("input", node.inputs), ("output", node.outputs)):
        if value is not None:
            yield ""
            yield click.style(title, bold=True)
            yield _shown(value, longest)
    if node.outputs is None and node.text:
        yield ""
        yield click.style("streamed so far" if node.ended_at is None else "streamed", bold=True)
        yield _shown(node.text, longest)
    if node.error is not None:
        yield ""
        yield click.style("error", bold=True)
        yield _shown_end(node.error.traceback or f"{node.error.type}: {node.error.message}", longest)


def _shown(value: Any, longest: int | None) -> str:
    from tracebus.text import sanitise  # noqa: PLC0415  `--help` must not pay for it

    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    if longest is not None and len(text) > longest:
        text = f"{text[:longest]}\n… {len(text) - longest} characters more; all of it with --full"
    return sanitise(text)


def _shown_end(traceback: str, longest: int | None) -> str:
    """Return a traceback from its end, where the cause is."""
    from tracebus.text import sanitise  # noqa: PLC0415  `--help` must not pay for it

    if longest is None or len(traceback) <= longest:
        return sanitise(traceback.rstrip())
    shown = traceback[-longest:].partition("\n")[2].rstrip()
    return f"… {len(traceback) - len(shown)} characters before; all of it with --full\n{sanitise(shown)}"
