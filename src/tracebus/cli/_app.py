"""The `tracebus` command: finds the command in the table, and turns errors into messages."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracebus._destinations import LOG_SUFFIXES
from tracebus.cli._table import DEFAULT, available
from tracebus.exceptions import InvalidTargetError, TracebusError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["cli", "main"]

_LOG_SCHEMES = frozenset(("sqlite", "redis", "rediss", "unix", "jsonl"))

_NO_ROOM = (errno.ENOSPC, errno.EIO, errno.EFBIG)
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class _BadTarget(click.ClickException):
    """What the user wanted to run is not there: a mistake in the command, so its code is 2."""

    exit_code = 2


class _LazyGroup(click.Group):
    """A group that imports a command when it is asked for, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(available())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  likewise
        line = available().get(cmd_name)
        if line is None:
            return None
        command: click.Command = getattr(import_module(line.module), line.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  likewise
        with formatter.section("Commands"):
            formatter.write_dl([(line.name, line.summary) for line in available().values()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take an option that is not ours, as in `tracebus --ascii`, as one of `tracebus watch`."""
        ours = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        if args and args[0].startswith("-") and args[0] not in ours and DEFAULT in available():
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take `tracebus LOG` as `tracebus watch LOG`, and explain what is neither."""
        name = args[0]
        commands = available()
        if name not in commands and DEFAULT in commands and _looks_like_a_log(name):
            args = [DEFAULT, *args]
        elif name not in commands and not name.startswith("-"):
            raise click.UsageError(_unknown(name, list(commands)), ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Show our own errors as messages; a traceback helps nobody who mistyped a URL."""
        try:
            return super().invoke(ctx)
        except InvalidTargetError as error:
            raise _BadTarget(str(error)) from error
        except TracebusError as error:
            raise click.ClickException(str(error)) from error


@click.group(
    cls=_LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: tracebus demo",
)
@click.version_option(package_name="tracebus", message="tracebus %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """See what your LangChain code does: live, on your own machine."""
    if ctx.invoked_subcommand is not None:
        return
    line = available().get(DEFAULT)
    if line is None:
        click.echo(ctx.get_help())
        return
    command: click.Command = getattr(import_module(line.module), line.attribute)
    with command.make_context(DEFAULT, [], parent=ctx) as sub:
        command.invoke(sub)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code.

    A command may return a function: it is called once click is done, for what must not run inside
    click (a user's script, whose exceptions and exit code are its own).
    """
    result = _invoke(args)
    if callable(result):
        result = result()
    sys.exit(result)


def _invoke(args: Sequence[str] | None) -> Any:
    """Return what the command returned, or an exit code."""
    with _printable():
        try:
            return cli.main(args, prog_name="tracebus", standalone_mode=False)
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except click.exceptions.Abort:
            return INTERRUPTED
        except OSError as error:
            if error.errno not in _NO_ROOM or error.filename is not None:
                raise
            click.echo(f"Error: standard output cannot be written: {error.strerror}", err=True)
            return 1


@contextlib.contextmanager
def _printable() -> Iterator[None]:
    """Escape what a stream's encoding lacks, and have a stream that is closed take what is said for nothing.

    A model says what it likes, and a pipe on Windows takes what its code page has. What runs after the
    command (a user's script) finds the streams as they were.
    """
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123  no path of anybody's
        closed = [name for name in ("stdout", "stderr") if getattr(sys, name) is None]
        for name in closed:
            setattr(sys, name, nowhere)
        strict = [one for one in (sys.stdout, sys.stderr) if getattr(one, "errors", None) == "strict"]
        try:
            for stream in strict:
                _set_errors(stream, "backslashreplace")
            yield
        finally:
            for stream in strict:
                _set_errors(stream, "strict")
            for name in closed:
                setattr(sys, name, None)


def _set_errors(stream: Any, errors: str) -> None:
    with contextlib.suppress(AttributeError, OSError, ValueError):  # no text file, or one that is gone
        stream.reconfigure(errors=errors)


def _unknown(name: str, commands: list[str]) -> str:
    close = difflib.get_close_matches(name, commands, n=1)
    if close:
        return f"there is no command {name!r}. Did you mean {close[0]!r}?"
    if ":" in name or name.endswith(".py"):
        return f"there is no command {name!r}. To run it, observed: tracebus run {name}"
    return f"there is no command {name!r}. Commands: {', '.join(commands)}"


def _looks_like_a_log(name: str) -> bool:
    """Tell a log's URL or file from a mistyped command."""
    scheme = name.partition(":")[0]
    return (scheme in _LOG_SCHEMES and ":" in name) or Path(name).suffix.lower() in LOG_SUFFIXES
