"""`tracebus demo`: the bundled programme, observed."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from tracebus.cli._destinations import exporters_from, to_option
from tracebus.cli._tui import accompanied, why_no_screen
from tracebus.cli._wrapping import WrappedLines
from tracebus.installing import install_command

if TYPE_CHECKING:
    from tracebus.bus import EventBus, Exporter

__all__ = ["demo"]


@click.command(epilog="Then, in your own program: from tracebus import observe; observe(chain)")
@click.option("--headless", is_flag=True, help="Print to this terminal; keep nothing.")
@click.option("--fast", is_flag=True, help="Don't wait like a real model would.")
@to_option("the console and the log that `tracebus` watches; with --headless the console only")
@click.pass_context
def demo(ctx: click.Context, *, headless: bool, fast: bool, to: tuple[str, ...]) -> None:
    """Play a small help desk for a city's buses on a scripted model.

    Retrieval in parallel, tools with a retry and a failure, fallbacks, a batch, an error, a
    cancelled run: everything a chain can do to you, in ten seconds, with no network and no key. In a
    terminal you watch it live; with --headless, and where there is no screen, it is printed.
    """
    if not headless:
        why_not = why_no_screen() or _why_no_textual()
        if why_not is None:
            ctx.exit(accompanied("demo", to, ["--headless", *(["--fast"] if fast else [])], title="demo"))
        click.echo(f"(no terminal UI here: {why_not}; printing instead)", err=True)
    import tracebus  # noqa: PLC0415  `--help` must not pay for it
    from tracebus.demo import play  # noqa: PLC0415  likewise

    if to:
        tracebus.uninstall()  # TRACEBUS_TO has installed itself; where to is said here
    bus = tracebus.EventBus()
    for exporter in _destinations(to, headless=headless):
        bus.attach(exporter)
    try:
        play(_Stage(bus), bus, fast=fast)
    finally:
        bus.close()
    ctx.exit(_report(bus))


def _why_no_textual() -> str | None:
    if find_spec("textual") is not None:
        return None
    return f"it needs Textual; install it with: {install_command('[tui]')}"


class _Stage:
    """Shows the programme on the terminal, and each scene's runs before the next one begins."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._lines = WrappedLines(shutil.get_terminal_size().columns, indent="   ")

    def scene(self, number: int, title: str) -> None:
        """Announce a scene."""
        self._settle()
        click.echo(("" if number == 1 else "\n") + click.style(f"{number}. {title}", bold=True))

    def say(self, text: str) -> None:
        """Write what the programme itself says, as it says it."""
        click.echo(self._lines.wrap(text), nl=False)

    def done(self) -> None:
        """Let the last scene's runs be shown."""
        self._settle()

    def _settle(self) -> None:
        self._bus.flush(5.0)


def _destinations(to: tuple[str, ...], *, headless: bool) -> list[Exporter]:
    from tracebus.exporting import DEFAULT_EXPORTER, environment_destinations  # noqa: PLC0415  `--help` must not pay for it

    if to:
        return exporters_from(to)
    # TRACEBUS_TO, where it is set, has installed itself.
    return exporters_from(
        ["console"] if headless or environment_destinations() else ["console", DEFAULT_EXPORTER]
    )


def _report(bus: EventBus) -> int:
    """Say what came of it; 1 if a run was left open or an event lost."""
    statistics = bus.statistics()
    lost = sum(row.lost + row.missed for row in statistics.exporters)
    click.echo(f"\n{statistics.published} events, {statistics.open_runs} runs left open, {lost} events lost.")
    if any(row.name.lower().startswith("sqlite") for row in statistics.exporters):
        click.echo("Kept in the log on this machine; look again with:  tracebus runs")
    click.echo("Your own chain: observe(chain), or  tracebus run your_module:chain --input '…'")
    return 1 if statistics.open_runs or lost else 0
