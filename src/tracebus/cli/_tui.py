"""The door to the terminal UI: the core knows none, this finds the one that is installed."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["accompanied", "has_screen", "terminal_ui"]


def terminal_ui() -> Any:
    """Return the package `tracebus_tui`.

    Raises:
        click.ClickException: it, or Textual, is not installed.
    """
    try:
        return import_module("tracebus_tui")
    except ImportError as error:
        raise click.ClickException(
            f"the terminal UI needs {error.name or error}, which is not installed; "
            "install it with: pip install 'tracebus[tui]'"
        ) from error


def has_screen() -> bool:
    """Return whether a command that may draw or print should draw."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb") and not os.environ.get("CI")


def accompanied(command: str, to: Sequence[str], arguments: Sequence[str], *, title: str) -> int:
    """Run *command* in a process of its own with its runs on the screen; return its exit code.

    Its events go where they would go without the screen as well.
    """
    from tracebus.exporting import DEFAULT_EXPORTER, environment_destinations  # noqa: PLC0415  `--help` must not pay for it

    destinations = to or environment_destinations() or [DEFAULT_EXPORTER]
    given = [part for url in destinations for part in ("--to", url)]
    code: int = terminal_ui().accompany([command, *given, *arguments], title=title)
    return code
