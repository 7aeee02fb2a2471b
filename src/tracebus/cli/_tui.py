"""Finds the installed terminal UI for the commands; the core package imports none."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from tracebus.installing import install_command

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["accompanied", "has_screen", "terminal_ui", "why_no_screen"]


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
            f"install it with: {install_command('[tui]')}"
        ) from error


def has_screen() -> bool:
    """Return whether a command that may draw or print should draw."""
    return why_no_screen() is None


def why_no_screen() -> str | None:
    """Say why a command that may draw or print should print, or return `None` where it should draw."""
    if not sys.stdout.isatty():
        return "the output goes to no terminal"
    if os.environ.get("TERM", "") in ("", "dumb"):
        return f"TERM={os.environ.get('TERM', '')!r} names no terminal that can be drawn on"
    if os.environ.get("CI"):
        return "CI is set"
    return None


def accompanied(command: str, to: Sequence[str], arguments: Sequence[str], *, title: str) -> int:
    """Run *command* in a process of its own with its runs on the screen; return its exit code.

    Its events go where they would go without the screen as well.
    """
    from tracebus.exporting import DEFAULT_EXPORTER, environment_destinations  # noqa: PLC0415  `--help` must not pay for it

    destinations = to or environment_destinations() or [DEFAULT_EXPORTER]
    given = [part for url in destinations for part in ("--to", url)]
    code: int = terminal_ui().accompany([command, *given, *arguments], title=title)
    return code
