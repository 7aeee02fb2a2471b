"""Write the pages of docs/ that are made from the source: scripts/docs calls this before it builds the site.

python scripts/make_pages.py             # events, conventions, variables, exits, commands
python scripts/make_pages.py examples [NAME …]    # the examples with what they print; which runs them
python scripts/make_pages.py check       # says which pages are not what the source says, and exits with 1
"""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
NOTE = "<!-- Made by scripts/make_pages.py; change the source it is made from. -->\n\n"


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them."""
    if arguments[:1] == ["examples"]:
        path = DOCS / "examples.md"
        path.write_text(NOTE + examples_page(arguments[1:], path), encoding="utf-8")
        return 0
    stale = []
    for name, make in PAGES.items():
        path, text = DOCS / "reference" / f"{name}.md", NOTE + make()
        if arguments == ["check"]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(str(path.relative_to(ROOT)))
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        print("not what the source says:", ", ".join(stale), "; run: scripts/docs", file=sys.stderr)
    return 1 if stale else 0


def events_page() -> str:
    """Return every event and every type in one, field by field."""
    from tracebus.events import _model  # noqa: PLC0415 - only for this page

    tree = ast.parse(inspect.getsource(_model))
    parts = [
        "# Events, field by field\n\nFrom `tracebus.events`; [what they mean](../events.md), "
        "[as JSON Schema](../event.schema.json).\n"
    ]
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            rows = list(_fields(node))
            parts.append(f"## {node.name}\n\n{ast.get_docstring(node) or ''}\n")
            if rows:
                parts.append(
                    "| field | type or value | what it says |\n|---|---|---|\n" + "\n".join(rows) + "\n"
                )
    return "\n".join(parts)


def _fields(node: ast.ClassDef) -> Iterator[str]:
    for number, statement in enumerate(node.body):
        after = node.body[number + 1] if number + 1 < len(node.body) else None
        told = ""
        if (
            isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            told = " ".join(after.value.value.split())
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            if not statement.target.id.startswith("_"):
                yield _row(f"`{statement.target.id}`", f"`{ast.unparse(statement.annotation)}`", told)
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            yield _row(f"`{statement.targets[0].id}`", f"`{ast.unparse(statement.value)}`", told)


def conventions_page() -> str:
    """Return every name of the semantic conventions that is written."""
    from tracebus_exporters.otel.conventions import _semconv  # noqa: PLC0415 - only for this page

    parts = [
        "# The names written to OpenTelemetry\n\nWhich generation of the conventions has which of them, and from "
        "what they are taken, is in [OpenTelemetry](../opentelemetry.md).\n"
    ]
    rows: list[str] = []
    for line in inspect.getsource(_semconv).splitlines():
        if section := re.match(r"# --- (.+?) -+$", line):
            parts += _table(rows, ("name", "constant"))
            rows = []
            parts.append(f"## {section[1].capitalize()}\n")
        elif constant := re.match(r'([A-Z][A-Z0-9_]*): Final = "([^"]+)"', line):
            rows.append(_row(f"`{constant[2]}`", f"`{constant[1]}`"))
    return "\n".join(parts + _table(rows, ("name", "constant")))


def variables_page() -> str:
    """Return the environment variables."""
    from tracebus.environment import VARIABLES  # noqa: PLC0415 - only for this page

    rows = [_row(f"`{variable.name}`", variable.meaning, variable.default) for variable in VARIABLES]
    return "\n".join(
        [
            "# Environment variables\n\n`tracebus doctor` lists those that nobody reads and values that cannot be.\n",
            *_table(rows, ("variable", "what it does", "without it")),
            "OpenTelemetry's own `OTEL_*` variables are read by the `otlp` exits; see "
            "[OpenTelemetry](../opentelemetry.md). `NO_COLOR`, `FORCE_COLOR`, `COLUMNS` and `TERM` are respected.\n",
        ]
    )


def exits_page() -> str:
    """Return what `to=` understands."""
    parts = [
        "# Exits\n\nWhat `to=`, `TRACEBUS_TO` and `--to` understand. Several may be given; a URL that nearly names "
        "one is answered with what was probably meant.\n"
    ]
    told: dict[str, list[str]] = {}
    for entry in sorted(entry_points(group="tracebus.exporters"), key=lambda entry: entry.name):
        if entry.value.startswith("tracebus_exporters."):
            told.setdefault(entry.module, []).append(entry.name)
    for module, names in told.items():
        loaded = importlib.import_module(module)
        parts.append(f"## {' · '.join(names)}\n")
        parts.append(_prose(inspect.getdoc(loaded) or ""))
        options = inspect.getdoc(loaded.from_url) or ""
        parts.append(_prose(options.partition("\n\n")[2].partition("Raises:")[0]))
    return "\n".join(parts)


def commands_page() -> str:
    """Return what every command says of itself."""
    from tracebus.cli._table import COMMANDS  # noqa: PLC0415 - only for this page

    parts = ["# Commands\n"]
    for line in COMMANDS:
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "tracebus", line.name, "--help"],
            env={**os.environ, "COLUMNS": "100", "TRACEBUS_TO": "", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        parts.append(f"## tracebus {line.name}\n\n```text\n{done.stdout.rstrip()}\n```\n")
    return "\n".join(parts)


def examples_page(anew: list[str], before: Path) -> str:
    """Return every example with what it prints here; only those of *anew* are run, where it names any."""
    from tracebus.cli.examples import all_examples  # noqa: PLC0415 - only for this page

    parts = [
        "# Examples\n\n`tracebus examples` lists them, `tracebus examples NAME` runs one: no network, no key. "
        "Below each is what it printed here, its trees included; times are those of a busy two-core machine.\n"
    ]
    kept = {}
    if anew and before.exists():
        sections = re.split(r"^(?=## \w+\n)", before.read_text(encoding="utf-8"), flags=re.MULTILINE)
        kept = {section.split("\n", 1)[0].removeprefix("## "): section for section in sections[1:]}
    for example in all_examples():
        if example.name in kept and example.name not in anew:
            parts.append(kept[example.name].rstrip() + "\n")
            continue
        code = example.path.read_text(encoding="utf-8").rstrip()
        parts.append(f"## {example.name}\n\n{example.title}\n\n```python\n{code}\n```\n")
        printed = _printed(example.path) if example.name not in NOT_RUN else ""
        if printed:
            parts.append(f"```text\n{printed}\n```\n")
    return "\n".join(parts)


NOT_RUN = {"streamlit_chat", "pytest_trees", "jaeger", "redis_two_processes"}
"""They want Streamlit, pytest or a server around them; the tests give them that."""


def _printed(path: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        destination = "" if path.stem == "process_pool" else "console?width=100&colour=never"
        done = subprocess.run(  # noqa: S603 - a file of ours
            [sys.executable, str(path)],
            cwd=folder,
            env={**os.environ, "TRACEBUS_TO": destination, "HOME": folder, "XDG_STATE_HOME": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
    lines = [line.rpartition("\r")[2] for line in done.stdout.split("\n") if "[IPKernelApp]" not in line]
    return "\n".join(lines).rstrip().replace(folder, "…")


def _prose(text: str) -> str:
    """Return a docstring as Markdown: `::` blocks become code."""
    return (
        re.sub(
            r"::\n\n((?:[ ]{4}.*\n?|\n)+)",
            lambda block: f"\n\n```python\n{inspect.cleandoc(block[1])}\n```\n\n",
            text + "\n",
        ).strip()
        + "\n"
    )


def _table(rows: list[str], heads: tuple[str, ...]) -> list[str]:
    if not rows:
        return []
    return [_row(*heads), _row(*("---" for _ in heads)), *rows, ""]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


PAGES: dict[str, Callable[[], str]] = {
    "commands": commands_page,
    "conventions": conventions_page,
    "events": events_page,
    "exits": exits_page,
    "variables": variables_page,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
