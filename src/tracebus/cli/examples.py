"""`tracebus examples`: small programmes to read and to run."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import click

__all__ = ["Example", "all_examples", "examples"]

_NEEDS = re.compile(r"^Needs: (.*?)(?:\.\s|\n|$)", re.MULTILINE)
_PACKAGES = {"opentelemetry.exporter.otlp": "[otel]", "redis": "[redis]"}


class Example(NamedTuple):
    """One of them."""

    path: Path
    title: str
    needs: tuple[str, ...]
    """Modules it imports that tracebus does not install."""

    @property
    def name(self) -> str:
        """Its name for the command line."""
        return self.path.stem

    @property
    def missing(self) -> list[str]:
        """Return the modules that are not here."""
        return [module for module in self.needs if not _is_here(module)]


def all_examples() -> list[Example]:
    """Return every example, by name."""
    return [_read(path) for path in sorted(_folder().glob("*.py"))]


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", required=False)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.option("--code", is_flag=True, help="Print it instead of running it.")
@click.pass_context
def examples(ctx: click.Context, name: str | None, args: tuple[str, ...], *, code: bool) -> None:
    """List the examples, or run the one called NAME with ARGS.

    Its runs go to TRACEBUS_TO, or to the console and the log that `tracebus` watches.
    """
    if name is None:
        _list()
        return
    found = {example.name: example for example in all_examples()}.get(name.removesuffix(".py"))
    if found is None:
        raise click.UsageError(f"there is no example {name!r}; list them with: tracebus examples")
    if code:
        click.echo(found.path.read_text(encoding="utf-8"), nl=False)
        return
    if found.missing:
        raise click.ClickException(_what_is_missing(found))
    environment = {"TRACEBUS_TO": "console sqlite:", **os.environ}
    ctx.exit(subprocess.call([sys.executable, str(found.path), *args], env=environment))  # noqa: S603 - a file of ours


def _list() -> None:
    found = all_examples()
    width = max(len(example.name) for example in found)
    for example in found:
        needs = f"  (needs {', '.join(example.missing)})" if example.missing else ""
        click.echo(f"{click.style(example.name.ljust(width), bold=True)}  {example.title}{needs}")
    click.echo("\nRun one: tracebus examples NAME     read it: tracebus examples NAME --code")


def _what_is_missing(example: Example) -> str:
    from tracebus.installing import install_command  # noqa: PLC0415  `--help` must not pay for it

    packages = [_PACKAGES.get(module, module.replace("_", "-")) for module in example.missing]
    return f"{example.name} needs {', '.join(example.missing)}; install it with: {install_command(*packages)}"


def _read(path: Path) -> Example:
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or path.stem
    needs = _NEEDS.search(told)
    modules = re.findall(r"[a-z_][a-z_.]*(?= \(|,| and|$)", needs[1].split(", and")[0]) if needs else []
    return Example(path, told.splitlines()[0], tuple(modules))


def _folder() -> Path:
    """Return where they are: beside the source in a clone, else where they were installed."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package.parents[1] / "examples", package.parent / "tracebus_examples"):
        if (folder / "quickstart.py").is_file():
            return folder
    raise click.ClickException("the examples are not installed here; they are in the repository's examples/")


def _is_here(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False
