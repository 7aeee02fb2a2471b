"""A receiver beside the screen: in a process of its own, which the screen's threads and forks do not meet."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["receiving"]

_PATIENCE = 10.0


@contextlib.contextmanager
def receiving(log_url: str | None, *options: str) -> Iterator[None]:
    """Run `tracebus receive` into the log until the block ends. It ends with this process in any case.

    Args:
        log_url: the log; the embedded log where not given.
        options: further options of `tracebus receive`.

    Raises:
        click.ClickException: it cannot listen; the message says why.
    """
    log = [log_url] if log_url else []
    command = [sys.executable, "-m", "tracebus", "receive", "--until-eof", *options, *log]
    with subprocess.Popen(  # noqa: S603  our own command
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if not process.stdout.readline():
            _, said = process.communicate()
            raise click.ClickException(said.strip().removeprefix("Error: ") or "the receiver did not start")
        try:
            yield
        finally:
            try:
                process.communicate(timeout=_PATIENCE)  # closes its standard input, which ends it
            except subprocess.TimeoutExpired:
                process.kill()
