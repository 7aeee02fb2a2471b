"""`tracebus mcp`: a coding agent asks what its user's chains did."""

from __future__ import annotations

import click

from tracebus.cli._logs import log_argument

__all__ = ["mcp"]


@click.command(epilog="Tell your agent of it: claude mcp add tracebus -- tracebus mcp")
@log_argument
@click.option(
    "--http", is_flag=True, help="Serve streamable HTTP on loopback instead of standard input and output."
)
@click.option("--port", default=8766, show_default=True, help="The port of --http.")
@click.option(
    "--no-content", is_flag=True, help="Tell structure, times, tokens and errors, but nothing that was said."
)
def mcp(log_url: str | None, *, http: bool, port: int, no_content: bool) -> None:
    """Answer a coding agent's questions about the runs in LOG by the Model Context Protocol.

    Read-only. LOG is as in `tracebus runs`. What runs held is told as it is in the log, redacted as that is.
    """
    from tracebus.logs import open_log  # noqa: PLC0415  `--help` must not pay for it

    open_log(log_url or "sqlite:").close()  # a wrong URL is said here, where somebody reads it
    try:
        from tracebus.mcp import serve_http, serve_stdio  # noqa: PLC0415  an extra

        if http:
            click.echo(f"Answering at http://127.0.0.1:{port}/mcp; Ctrl-C ends it.", err=True)
            serve_http(log_url, port=port, content=not no_content)
        else:
            serve_stdio(log_url, content=not no_content)
    except ImportError as error:
        raise click.ClickException(
            f"`tracebus mcp` needs {error.name or error}; install it with: pip install 'tracebus[mcp]'"
        ) from error
    except OSError as error:
        raise click.ClickException(f"cannot listen at 127.0.0.1:{port}: {error}; try --port") from error
