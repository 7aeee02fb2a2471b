"""`tracebus serve`: runs in the browser."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import click

from tracebus.installing import install_command

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["serve"]

_PAGE = ("tracebus_exporters.web", "web")
_TERMINAL_UI = ("tracebus_tui.served", "tui-web")


@click.command(epilog="Your own endpoints: from tracebus_exporters.web import stream_response")
@click.argument("log", required=False, default="sqlite:", metavar="[LOG]")
@click.option("--tui", is_flag=True, help="Serve the terminal UI instead, as `tracebus watch` draws it.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8765, show_default=True, help="Port to listen at; 0 takes a free one.")
@click.option(
    "--token", envvar="TRACEBUS_TOKEN", help="Ask for this token; made up where others can connect."
)
@click.option(
    "--no-content", is_flag=True, help="Show structure, times and tokens, but nothing that was said."
)
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
@click.pass_context
def serve(
    ctx: click.Context,
    *,
    log: str,
    tui: bool,
    host: str,
    port: int,
    token: str | None,
    no_content: bool,
    open_browser: bool,
) -> None:
    """Serve the runs in LOG as a web page and as streams, on this machine only.

    With --tui the page is the terminal UI itself, with all its keys: one viewer for every page opened.

    LOG is a log's URL, such as sqlite:PATH or redis://host:6379/0; without it, the embedded log.
    """
    from tracebus.logs import open_log  # noqa: PLC0415  `--help` must not pay for it

    if tui and no_content:
        raise click.UsageError("--no-content is for the page; the terminal UI shows everything")
    run = _server(*(_TERMINAL_UI if tui else _PAGE))
    opened = open_log(log)

    def ready(link: str) -> None:
        click.echo(f"Serving {opened.url} at {link}")
        click.echo("Ctrl-C ends it.")
        if open_browser:
            click.launch(link)

    try:
        if tui:
            opened.close()  # every viewer opens it by itself
            ctx.exit(run(log, host=host, port=port, token=token, ready=ready))
        run(opened, host=host, port=port, token=token, content=not no_content, ready=ready)
    except OSError as error:
        raise click.ClickException(f"cannot listen at {host}:{port}: {error}; try --port 0") from error
    finally:
        opened.close()


def _server(package: str, extra: str) -> Callable[..., Any]:
    """Return what serves. By name: the core is installed without a web server, too."""
    try:
        return cast("Callable[..., Any]", import_module(package).serve)
    except ImportError as error:
        raise click.ClickException(
            f"`tracebus serve` needs {error.name or error}; install it with: {install_command(f'[{extra}]')}"
        ) from error
