"""`tracebus run`: a chain or a script, observed."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracebus.cli._destinations import exporters_from, to_option
from tracebus.cli._target import ScriptTarget, load_runnable, parse_target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tracebus.bus import Exporter

__all__ = ["run"]


@click.command(epilog='Example: tracebus run app/chains.py:chain --input \'{"question": "Why?"}\'')
@click.argument("target")
@click.argument("args", nargs=-1)
@click.option(
    "--input",
    "given",
    metavar="JSON",
    help="The chain's input: JSON, or text that is no JSON, or @FILE, or - for standard input. "
    "Without it: an empty object.",
)
@click.option(
    "--config",
    metavar="JSON",
    help='The call\'s config, an object or @FILE, as {"configurable": {"thread_id": "1"}, '
    '"recursion_limit": 200}.',
)
@to_option("TRACEBUS_TO, or the log on this machine that `tracebus` watches")
@click.option("--traceback", is_flag=True, help="When the chain fails, show where.")
@click.option(
    "--tui", is_flag=True, help="Watch it live in this terminal, with what it prints on a screen of its own."
)
def run(
    *,
    target: str,
    args: tuple[str, ...],
    given: str | None,
    config: str | None,
    to: tuple[str, ...],
    traceback: bool,
    tui: bool,
) -> Callable[[], None]:
    """Run TARGET with its runs observed.

    TARGET is pkg.module:chain or path/to/file.py:chain, whose output is written to standard output
    as it comes; or a script, run as `python script.py` would, with ARGS after --.
    """
    parsed = parse_target(target)
    if tui:
        said = {"--input": given, "--config": config}
        return partial(_watched, target, args, said, to, traceback=traceback)
    exporters = exporters_from(to)
    if isinstance(parsed, ScriptTarget):
        if given is not None or config is not None:
            raise click.UsageError(
                "--input and --config are for chains; give a script its arguments after --"
            )
        return partial(_script, parsed.path, args, exporters)
    if args:
        raise click.UsageError(f"{args[0]!r}: arguments after TARGET are for scripts; use --input")
    value, settings = read_input(given), read_config(config)
    from tracebus.cli._chain import run_chain  # noqa: PLC0415  `--help` must not pay for it

    code = run_chain(partial(load_runnable, parsed), value, settings, exporters, traceback=traceback)
    if code == 1 and given is None:
        click.echo("(it was given {}, an empty object; --input gives it something else)", err=True)
    raise click.exceptions.Exit(code)


def read_input(given: str | None) -> Any:
    """Return the input the user wrote: JSON where it is JSON, the text itself where it is not.

    Raises:
        click.BadParameter: the file cannot be read.
    """
    if given is None:
        return {}
    text = _text(given, "--input")
    import json  # noqa: PLC0415  `--help` must not pay for it

    try:
        return json.loads(text)
    except ValueError:
        if text.lstrip()[:1] in ("{", "["):
            click.echo("note: the input looks like JSON but is not; passing it on as text", err=True)
        return text


def read_config(given: str | None) -> dict[str, Any] | None:
    """Return the config the user wrote.

    Raises:
        click.BadParameter: it is no JSON object, or the file cannot be read.
    """
    if given is None:
        return None
    import json  # noqa: PLC0415  `--help` must not pay for it

    try:
        config = json.loads(_text(given, "--config"))
    except ValueError as error:
        raise click.BadParameter(f"it is no JSON: {error}", param_hint="--config") from error
    if not isinstance(config, dict):
        raise click.BadParameter("it is no JSON object", param_hint="--config")
    return config


def _text(given: str, option: str) -> str:
    if given == "-":
        return sys.stdin.read()
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"cannot read {given[1:]}: {error}", param_hint=option) from error


def _watched(
    target: str, args: Sequence[str], said: Mapping[str, str | None], to: Sequence[str], *, traceback: bool
) -> None:
    """Run the same command without `--tui` in a process of its own, and show it."""
    from tracebus.cli._tui import accompanied  # noqa: PLC0415  the screen is asked for seldom

    options = ["--traceback"] if traceback else []
    for name, value in said.items():
        options += [] if value is None else [name, value]
    sys.exit(accompanied("run", to, [*options, target, *(["--", *args] if args else [])], title=target))


def _script(path: str, args: Sequence[str], exporters: Sequence[Exporter]) -> None:
    import tracebus  # noqa: PLC0415  `--help` must not pay for it
    from tracebus.cli._script import run_script  # noqa: PLC0415  likewise

    tracebus.install(to=exporters)
    run_script(path, args)
