"""`tracebus runs`: the list of what ran."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import click

from tracebus.cli._logs import Moment, log_argument, reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.logs import RunSummary

__all__ = ["runs"]

_KINDS = (
    "chain", "prompt", "parser", "chat_model", "llm", "tool", "retriever", "embedding", "agent", "graph",
    "node", "unknown",
)  # fmt: skip
_STATUSES = ("running", "lost", "ok", "error", "cancelled", "abandoned", "interrupted")


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from tracebus.logs import parse_duration  # noqa: PLC0415  `--help` must not pay for it

        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(epilog="More about one of them: tracebus show RUN, with the end of its id, or `last`.")
@log_argument
@click.option("--since", type=Moment(), help="Started since: 2h (ago), or 2026-11-21T10:30.")
@click.option("--until", type=Moment(), help="Started before.")
@click.option("--name", metavar="TEXT", help="The name contains this.")
@click.option("--status", type=click.Choice(_STATUSES), help="How it ended, or that it has not.")
@click.option("--kind", type=click.Choice(_KINDS), help="What sort of run.", metavar="KIND")
@click.option("--tag", metavar="TEXT", help="Has this tag.")
@click.option("--model", metavar="TEXT", help="A model with this in its name answered in it.")
@click.option("--thread", "thread_id", metavar="ID", help="Belongs to this thread or conversation.")
@click.option("--min-tokens", type=int, metavar="N", help="Used at least so many tokens.")
@click.option("--max-tokens", type=int, metavar="N", help="Used at most so many tokens.")
@click.option("--min-duration", type=_Duration(), metavar="TIME", help="Took at least so long: 500ms, 30s.")
@click.option("--max-duration", type=_Duration(), metavar="TIME", help="Took at most so long.")
@click.option("--all", "every", is_flag=True, help="List the runs below the root runs, too.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with everything known.")
def runs(log_url: str | None, *, every: bool, as_json: bool, **conditions: Any) -> None:
    """List the runs in a log, the latest first.

    LOG is a URL such as sqlite:PATH, jsonl:PATH or redis://HOST/0, or a file; without it, the log
    that observed programs of this user write to.
    """
    from tracebus.logs import RunQuery  # noqa: PLC0415  `--help` must not pay for it

    with reading(log_url) as log:
        found = log.runs(RunQuery(roots_only=not every, **conditions))
    if as_json:
        _print_json(found)
    elif found:
        _print_table(found)
    else:
        narrowed = every or any(value is not None for name, value in conditions.items() if name != "limit")
        click.echo("No such runs." if narrowed else f"No runs yet in {log.url}.", err=True)


def _print_json(found: Sequence[RunSummary]) -> None:
    import msgspec  # noqa: PLC0415  `--help` must not pay for it

    for run in found:
        click.echo(msgspec.json.encode(run))


def _print_table(found: Sequence[RunSummary]) -> None:
    from tracebus.cli._cells import cut, echo, table  # noqa: PLC0415  `--help` must not pay for it

    width = shutil.get_terminal_size().columns
    header = [
        click.style(word, dim=True) for word in ("", "STARTED", "RUN", "NAME", "KIND", "TIME", "TOKENS", "")
    ]
    lines = table([header, *(_row(run, width) for run in found)], right=(5, 6))
    for line in lines:
        echo(cut(line, width))


def _row(run: RunSummary, width: int) -> list[str]:
    from tracebus import figures  # noqa: PLC0415  `--help` must not pay for it
    from tracebus.cli._cells import clip, glyph, moment, short_id, tokens  # noqa: PLC0415  likewise

    told = clip(", ".join(run.models), 40)
    if run.error_type:
        told = click.style(clip(f"{run.error_type}: {run.error_message or ''}", 200), fg="red")
    return [
        glyph(run.status),
        moment(run.started),
        short_id(run.run_id),
        click.style(clip(run.name, max(12, width // 4)), bold=run.parent_run_id is None),
        run.kind.value,
        "" if run.duration is None else figures.duration(run.duration),
        tokens(run),
        told,
    ]
