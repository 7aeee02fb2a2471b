"""What the commands that read a log have in common: which log, which run, what time."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from tracebus.exceptions import InvalidLogError, UnknownRunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tracebus.events import Event
    from tracebus.logs import Log, RunSummary

__all__ = ["Moment", "all_events", "find", "log_argument", "open_existing", "reading"]

log_argument: Callable[[Callable[..., object]], Callable[..., object]] = click.argument(
    "log_url", metavar="[LOG]", required=False
)
"""The `[LOG]` argument, one for every command that reads one."""


class Moment(click.ParamType[int]):
    """A point in time: how long ago (`90s`, `2h`, `7d`), or a date with or without a time of day."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return nanoseconds since the epoch; what has no zone is local time."""
        from tracebus.logs import parse_moment  # noqa: PLC0415  `--help` must not pay for it

        try:
            return parse_moment(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@contextlib.contextmanager
def reading(log_url: str | None) -> Iterator[Log]:
    """Open the log to read, and close it; a server or a disk that is away becomes a message.

    Raises:
        InvalidLogError: a file was named that is not there.
        click.ClickException: the log cannot be reached.
    """
    log = open_existing(log_url)
    try:
        yield log
    except BrokenPipeError:
        raise  # whoever reads what we print has enough, as `head` has
    except OSError as error:
        raise click.ClickException(str(error)) from error
    finally:
        log.close()


def open_existing(log_url: str | None) -> Log:
    """Open the log to read: the one named, or the one this user's programs write to by default.

    Raises:
        InvalidLogError: a file was named that is not there.
    """
    from tracebus.logs import open_log  # noqa: PLC0415  `--help` must not pay for it

    log = open_log(log_url or "sqlite:")
    path = getattr(log, "path", None)
    if log_url and path is not None and not path.exists():
        raise InvalidLogError(f"there is no log at {path}")
    return log


def find(log: Log, run: str) -> RunSummary:
    """Return the run called *run*: an id, its beginning or its end, `last`, or `last~2`, two before it.

    Raises:
        click.UsageError: there is none.
        InvalidLogError: there are several.
    """
    from tracebus.logs import named_run  # noqa: PLC0415  `--help` must not pay for it

    try:
        return named_run(log, run)
    except UnknownRunError as error:
        raise click.UsageError(str(error)) from error


def all_events(log: Log, after: int = 0) -> Iterator[Event]:
    """Yield the events of *log* up to the one that is the last now."""
    head = log.head()
    while after < head:
        page = log.read(after, 1000)
        if not page:
            return
        yield from page
        after = page[-1].seq
