"""The `--to` option, one for every command that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tracebus.exceptions import UnknownExporterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracebus.bus import Exporter

__all__ = ["exporters_from", "to_option"]


def to_option(default: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Return the `--to` option; *default* says in the help where events go without it."""
    return click.option(
        "--to",
        "to",
        metavar="URL",
        multiple=True,
        help="Where events go: console, structlog, jsonl:PATH, sqlite:PATH, otlp://HOST:PORT … "
        f"May be given several times. Without it: {default}.",
    )


def exporters_from(to: Sequence[str]) -> list[Exporter]:
    """Return the exporters the user asked for.

    Raises:
        click.BadParameter: nobody answers for a URL; names the known ones and what to install.
    """
    from tracebus.exporting import resolve  # noqa: PLC0415  `--help` must not pay for it

    try:
        return resolve(to)
    except UnknownExporterError as error:
        raise click.BadParameter(str(error), param_hint="--to") from error
