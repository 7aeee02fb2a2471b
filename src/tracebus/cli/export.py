"""`tracebus export`: finished runs out of a log, to another exit, each once."""

from __future__ import annotations

import contextlib
import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracebus.cli._destinations import exporters_from
from tracebus.cli._logs import reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracebus.bus import Exporter
    from tracebus.events import Event
    from tracebus.logs import FinishedRuns, Log, Progress

__all__ = ["export"]

_BATCH = 512
_SAVE_EVERY = 5_000
"""Events between two notes of how far the export is."""
_ATTEMPTS = 5
_PATIENCE = 30.0


@click.command()
@click.argument("log_url", metavar="LOG")
@click.option(
    "--to", required=True, metavar="URL", help="Where to: otlp://HOST:4317, sqlite:PATH, jsonl:PATH …"
)
@click.option(
    "--open", "with_open", is_flag=True, help="Also hand on the runs that have not ended, as they are."
)
@click.option("--again", is_flag=True, help="Begin at the beginning, though runs were handed on before.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file that remembers what was handed on. Without it: one per LOG and URL, kept for you.",
)
def export(log_url: str, to: str, *, with_open: bool, again: bool, state: Path | None) -> int:
    """Send the finished runs of a log to another exit, with their true times.

    Run it again, and only what has finished since is sent. Stopped in the middle, it goes on where
    it was; the runs sent since the last note (at most 5000 events) are then sent twice.
    """
    (exporter,) = exporters_from([to])
    with reading(log_url) as log, contextlib.closing(exporter):
        click.echo(_exported(log, exporter, to, with_open=with_open, again=again, state=state), err=True)
    return 0


def _exported(
    log: Log, exporter: Exporter, to: str, *, with_open: bool, again: bool, state: Path | None
) -> str:
    """Hand on what is to be handed on, and return what to say of it."""
    from tracebus.logs import FinishedRuns, Progress  # noqa: PLC0415  `--help` must not pay for it

    file = state or _state_file(log.url, getattr(exporter, "url", to))
    progress = Progress() if again or _is_new(exporter) else _load(file)
    if log.head() < progress.position:  # another log in the place of the one that was handed on
        progress = Progress()
    export_ = _Export(log, exporter, file, FinishedRuns(progress))
    export_.run(with_open=with_open)
    return export_.report()


class _Export:
    """One export: what is read, handed on, and remembered."""

    def __init__(self, log: Log, exporter: Exporter, state: Path, runs: FinishedRuns) -> None:
        self._log = log
        self._exporter = exporter
        self._state = state
        self._runs = runs
        self._goes_on = runs.progress.position > 0
        self._sent = 0
        self._missed = 0
        self._unsaved = 0
        self._forgets: OSError | None = None

    def run(self, *, with_open: bool) -> None:
        for batch in self._batches():
            self._send(batch)
            self._unsaved += len(batch)
            if self._unsaved >= _SAVE_EVERY:
                self._save()
        for events in list(self._runs.ended()):
            self._send(events)
        self._save()
        if with_open:  # not remembered: they are sent whole once they have ended
            self._send(self._runs.unfinished())
            self._flush()

    def report(self) -> str:
        waiting = len(self._runs.progress.open)
        return (
            self._handed_on()
            + (f", {waiting} runs not finished yet" if waiting else "")
            + (f", {self._missed} events missing from the log" if self._missed else "")
            + (f"\nThis is not remembered ({self._forgets}): --state FILE" if self._forgets else "")
        )

    def _handed_on(self) -> str:
        from tracebus.keeping import KeepingExporter  # noqa: PLC0415  `--help` must not pay for it

        if not isinstance(self._exporter, KeepingExporter):
            before = (
                "" if self._sent or not self._goes_on else ", the others were before (--again sends them)"
            )
            return f"{self._sent} events sent{before}"
        counts = self._exporter.statistics()
        kept, left_out = counts["runs_kept"], counts["runs_left_out"]
        return f"{self._sent} events looked at, {kept} root runs sent and {left_out} left out by `keep`"

    def _batches(self) -> Iterator[list[Event]]:
        """Yield what can be handed on, page by page of the log."""
        from tracebus.events import Gap  # noqa: PLC0415  `--help` must not pay for it

        after, head = self._runs.progress.resume_after, self._log.head()
        while after < head and (page := self._log.read(after, 1000)):
            ready: list[Event] = []
            for event in page:
                self._missed += event.missed if isinstance(event, Gap) else 0
                ready += self._runs.add(event)
            after = page[-1].seq
            yield ready

    def _send(self, events: Sequence[Event]) -> None:
        for start in range(0, len(events), _BATCH):
            self._deliver(events[start : start + _BATCH])
        self._sent += len(events)

    def _deliver(self, batch: Sequence[Event]) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self._exporter.export(batch)
            except Exception as error:
                if attempt + 1 == _ATTEMPTS:
                    raise _interrupted(error) from error
                time.sleep(0.2 * 2**attempt)
            else:
                return

    def _flush(self) -> None:
        try:
            self._exporter.flush(_PATIENCE)
        except Exception as error:
            raise _interrupted(error) from error

    def _save(self) -> None:
        """Remember how far the export is, after everything sent has arrived."""
        self._flush()
        try:
            _store(self._state, self._runs.progress)
        except OSError as error:  # what was sent has arrived all the same
            self._forgets = error
        self._unsaved = 0


def _interrupted(error: Exception) -> click.ClickException:
    return click.ClickException(f"{error}\nRun the same command again to go on.")


def _is_new(exporter: Exporter) -> bool:
    """Return whether the exit is a log that holds nothing: what was handed on before went elsewhere."""
    from tracebus.logs import Log  # noqa: PLC0415  `--help` must not pay for it

    exporter = getattr(exporter, "inner", exporter)  # behind `keep`
    return isinstance(exporter, Log) and exporter.head() == 0


def _state_file(log_url: str, to: str) -> Path:
    from tracebus.logs import default_log_path  # noqa: PLC0415  `--help` must not pay for it

    digest = hashlib.sha256(f"{log_url}\n{to}".encode()).hexdigest()[:16]
    return default_log_path().parent / "exports" / f"{digest}.json"


def _load(file: Path) -> Progress:
    import msgspec  # noqa: PLC0415  `--help` must not pay for it

    from tracebus.logs import Progress  # noqa: PLC0415  likewise

    try:
        return msgspec.json.decode(file.read_bytes(), type=Progress)
    except (FileNotFoundError, NotADirectoryError):
        return Progress()
    except msgspec.DecodeError as error:
        raise click.ClickException(
            f"{file} is no note of an export ({error}); remove it, or use --again"
        ) from error


def _store(file: Path, progress: Progress) -> None:
    import msgspec  # noqa: PLC0415  `--help` must not pay for it

    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = file.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_bytes(msgspec.json.encode(progress))
    temporary.replace(file)
