"""`tracebus receive`: spans of any program, by OTLP, into a log."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from tracebus.cli._logs import log_argument

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["receive"]


@click.command(epilog="Watch them arrive: tracebus in a second terminal, or tracebus --receive in one.")
@log_argument
@click.option("--http-port", default=4318, show_default=True, help="Port of OTLP/HTTP; 0 takes a free one.")
@click.option("--grpc-port", default=4317, show_default=True, help="Port of OTLP/gRPC; 0 takes a free one.")
@click.option(
    "--no-content", is_flag=True, help="Keep structure, times and tokens, but nothing that was said."
)
@click.option(
    "--hold",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Seconds a trace waits for its root span before it is shown without; twice as long for what its "
    "models said, where that comes as log records.",
)
@click.option("--until-eof", is_flag=True, hidden=True, help="End when the standard input does.")
def receive(
    *, log_url: str | None, http_port: int, grpc_port: int, no_content: bool, hold: float, until_eof: bool
) -> None:
    """Take OTLP from any program on this machine, and write its spans as runs to LOG.

    Both OTLP/HTTP (protobuf and JSON) and OTLP/gRPC, on loopback only. LOG is as in `tracebus runs`; without
    it, the embedded log, which a bare `tracebus` shows live.
    """
    from tracebus.capture import Capture  # noqa: PLC0415  `--help` must not pay for it
    from tracebus.logs import open_log  # noqa: PLC0415  likewise

    serve = _serve()
    gc.set_threshold(100_000)  # spans hold no cycles: looking for them took a tenth of the time
    log = open_log(log_url or "sqlite:")
    if (check := getattr(log, "check", None)) is not None:
        check()  # before a sender is told that its spans are taken
    done = threading.Event()
    _ends_with(done, until_eof=until_eof)
    try:
        with serve(
            log, http_port=http_port, grpc_port=grpc_port, capture=Capture(content=not no_content), hold=hold
        ) as served:
            click.echo(
                f"Receiving OTLP into {log.url}: "
                f"http://127.0.0.1:{served.http} (HTTP), 127.0.0.1:{served.grpc} (gRPC)"
            )
            click.echo("Ctrl-C ends it.")
            sys.stdout.flush()
            done.wait()
        counts = served.receiver.statistics()
        click.echo(f"{counts['spans']} spans received, {counts['events']} events written", err=True)
        if counts["late"]:
            click.echo(
                f"{counts['late']} log records came after their span was shown: each is an event of its run "
                "(a larger --hold waits longer)",
                err=True,
            )
    except OSError as error:
        raise click.ClickException(
            f"cannot receive: {error}; another collector may have the port: "
            "--http-port 0 --grpc-port 0 take free ones"
        ) from error
    finally:
        log.close()


def _ends_with(done: threading.Event, *, until_eof: bool) -> None:
    """Have Ctrl-C, a request to end, or the end of the standard input set *done*."""

    def end(_number: int, _frame: FrameType | None) -> None:
        done.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    if until_eof:

        def wait() -> None:
            sys.stdin.buffer.read()
            done.set()

        threading.Thread(target=wait, daemon=True).start()


def _serve() -> Any:
    """Return what serves. By name: the core is installed without gRPC, too."""
    try:
        return import_module("tracebus_exporters.receiver").serve
    except ImportError as error:
        raise click.ClickException(
            f"`tracebus receive` needs {error.name or error}; install it with: pip install 'tracebus[otel]'"
        ) from error
