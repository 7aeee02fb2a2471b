"""`tracebus replay`: a log played again at the pace it was written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from tracebus.cli._destinations import exporters_from, to_option
from tracebus.cli._logs import all_events, open_existing, reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracebus.bus import EventBus
    from tracebus.events import Event
    from tracebus.logs import Log

__all__ = ["replay"]

_SHORTEST_PAUSE = 0.001


@click.command()
@click.argument("log_url", metavar="LOG")
@click.option(
    "--run", "run", metavar="RUN", help="Only this root run: an id, its beginning or end, or `last`."
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="How many times as fast as it was; 0 is as fast as possible.",
)
@click.option(
    "--max-pause",
    type=click.FloatRange(min=0),
    default=2.0,
    show_default=True,
    help="Seconds of silence to keep at most.",
)
@to_option("console")
@click.option("--tui", is_flag=True, help="Watch it in this terminal.")
def replay(
    *, log_url: str, run: str | None, speed: float, max_pause: float, to: tuple[str, ...], tui: bool
) -> int:
    """Play the events of a log again, at their own pace, to another exit.

    The events keep their ids and times. With `--to sqlite:` a running `tracebus` shows them live.
    """
    from tracebus.bus import EventBus  # noqa: PLC0415  `--help` must not pay for it
    from tracebus.cli._logs import find  # noqa: PLC0415  likewise

    exporters = exporters_from(to or (() if tui else ("console",)))
    if tui:
        return _watched(open_existing(log_url), run, speed, max_pause)
    bus = EventBus()
    try:
        with reading(log_url) as log:
            for exporter in exporters:
                bus.attach(exporter)
            events = all_events(log) if run is None else iter(log.read_run(find(log, run).root_run_id))
            _play(bus, events, speed, max_pause)
    finally:
        delivered = bus.close(timeout=30.0)
    return _report(bus, delivered=delivered)


def _watched(log: Log, run: str | None, speed: float, max_pause: float) -> int:
    """Show the events on the screen at their own pace."""
    from tracebus.cli._logs import find  # noqa: PLC0415  `--help` must not pay for it
    from tracebus.cli._tui import terminal_ui  # noqa: PLC0415  likewise

    root = find(log, run).root_run_id if run is not None else None
    log.close()  # its thread must not be lost with the process the screen is drawn in
    code: int = terminal_ui().replay(_Recording(log.url, root), speed=speed, max_pause=max_pause)
    return code


class _Recording:
    """The events of a log, or of one root run in it, to be read any number of times."""

    def __init__(self, log_url: str, root_run_id: str | None) -> None:
        self._log_url = log_url
        self._root_run_id = root_run_id

    def __iter__(self) -> Iterator[Event]:
        """Open the log, yield its events, and close it."""
        with reading(self._log_url) as log:
            root = self._root_run_id
            yield from all_events(log) if root is None else log.read_run(root)


def _play(bus: EventBus, events: Iterable[Event], speed: float, max_pause: float) -> None:
    """Publish *events*, waiting between them as long as they were apart."""
    due = time.monotonic()
    before: int | None = None
    for number, event in enumerate(events):
        if speed and before is not None:
            due += min(max(0, event.time - before) / 1e9, max_pause) / speed
            if (pause := due - time.monotonic()) > _SHORTEST_PAUSE:
                time.sleep(pause)
        before = event.time
        bus.publish(event)
        if not speed and number % 10_000 == 0:
            bus.flush(60.0)  # as fast as possible is as fast as the slowest exit takes them


def _report(bus: EventBus, *, delivered: bool) -> int:
    statistics = bus.statistics()
    lost = sum(row.lost + row.missed for row in statistics.exporters)
    click.echo(f"{statistics.published} events replayed, {lost} lost", err=True)
    return 0 if delivered and not lost else 1
