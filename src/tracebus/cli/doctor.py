"""`tracebus doctor`: is this installation in order, and where would events go?"""

from __future__ import annotations

import sys

import click

from tracebus.cli._checks import Finding, State, sections

__all__ = ["doctor"]

_GLYPHS: dict[State, tuple[str, str | None]] = {
    State.OK: ("✓", "green"),
    State.NOTE: ("·", None),
    State.WARNING: ("!", "yellow"),
    State.BROKEN: ("✗", "red"),
}


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Check this installation, end to end.

    Prints versions, extras and settings, observes a small chain from start to end, and sends its run,
    called `tracebus doctor`, to every exit that TRACEBUS_TO names, or to the log on this machine; logs
    are read back. The exit code is 1 if something is broken.
    """
    broken = warnings = 0
    for title, findings in sections():
        click.secho(title, bold=True)
        for finding in findings:
            _print(finding)
            broken += finding.state is State.BROKEN
            warnings += finding.state is State.WARNING
        click.echo()
    said = [f"{broken} broken"] if broken else []
    said += [f"{warnings} warning{'' if warnings == 1 else 's'}"] if warnings else []
    click.echo(", ".join(said) or "all in order")
    ctx.exit(1 if broken else 0)


def _print(finding: Finding) -> None:
    glyph, colour = _GLYPHS[finding.state]
    click.echo(f"  {click.style(_printable(glyph), fg=colour)} {finding.name:<22} {_printable(finding.text)}")
    if finding.remedy:
        click.echo(f"{'':<27} remedy: {finding.remedy}")


def _printable(text: str) -> str:
    """Replace what the terminal's encoding does not have."""
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "replace").decode(encoding)
