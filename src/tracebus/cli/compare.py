"""`tracebus compare`: two runs, and where they took different ways."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from tracebus.cli._logs import find, log_argument, reading

if TYPE_CHECKING:
    from tracebus.tree import RunNode

__all__ = ["compare"]


@click.command(epilog="The run before the last one with the last: tracebus compare last~1 last")
@click.argument("left", metavar="RUN")
@click.argument("right", metavar="RUN")
@log_argument
@click.option(
    "--with", "other_url", metavar="LOG", help="The log of the second run, where it is another one."
)
@click.option("--json", "as_json", is_flag=True, help="All of it as one JSON document.")
@click.option("--full", is_flag=True, help="Every line that differs, however many.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 where they differ, as diff does.")
def compare(
    *,
    left: str,
    right: str,
    log_url: str | None,
    other_url: str | None,
    as_json: bool,
    full: bool,
    exit_code: bool,
) -> int:
    """Compare two runs: aligned step by step, what differs first.

    A RUN is an id, the beginning or the end of one, `last`, or `last~1` for the one before. LOG is as in
    `tracebus runs`. Prompts, arguments and answers differ by words; time, tokens and cost are shown beside,
    and are no difference by themselves.
    """
    from tracebus.cli._cells import echo  # noqa: PLC0415  `--help` must not pay for it
    from tracebus.comparison import compare as compared  # noqa: PLC0415  likewise
    from tracebus.comparison import plain, report  # noqa: PLC0415  likewise

    found = compared(_run(left, log_url), _run(right, other_url or log_url))
    if as_json:
        import msgspec  # noqa: PLC0415  likewise

        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        for line in report(found, full=full, paint=_painted if sys.stdout.isatty() else plain):
            echo(line)
    return int(exit_code and not found.same)


_LOOKS: dict[str, dict[str, Any]] = {
    "title": {"bold": True},
    "faint": {"dim": True},
    "differs": {"fg": "yellow"},
    "removed": {"fg": "red"},
    "added": {"fg": "green"},
    "removed word": {"fg": "red", "bold": True, "underline": True},
    "added word": {"fg": "green", "bold": True, "underline": True},
}


def _painted(text: str, role: str) -> str:
    return click.style(text, **_LOOKS.get(role, {}))


def _run(run: str, log_url: str | None) -> RunNode:
    from tracebus.logs import load_run  # noqa: PLC0415  `--help` must not pay for it

    with reading(log_url) as log:
        return load_run(log, find(log, run))
