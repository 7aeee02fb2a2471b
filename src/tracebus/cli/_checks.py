"""What `tracebus doctor` looks at. Each check returns findings and raises nothing."""

from __future__ import annotations

import enum
import os
import platform
import re
import shutil
import sys
from importlib import metadata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packaging.requirements import Requirement

__all__ = ["Finding", "State", "sections"]

_SHOWN = (
    "langchain-core",
    "langchain",
    "langgraph",
    "msgspec",
    "structlog",
    "opentelemetry-sdk",
    "textual",
    "redis",
    "starlette",
)


class State(enum.Enum):
    """How bad it is."""

    OK = enum.auto()
    NOTE = enum.auto()
    WARNING = enum.auto()
    BROKEN = enum.auto()


class Finding(NamedTuple):
    """One line of the report."""

    state: State
    name: str
    text: str
    remedy: str = ""


def sections() -> Iterator[tuple[str, list[Finding]]]:
    """Give each section's title and findings, checking as it goes."""
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("Versions", _versions),
        ("Extras", _extras),
        ("Where events go", _destinations),
        ("This terminal", _terminal),
        ("Surroundings", _surroundings),
        ("A chain, observed", _self_test),
    )
    for title, check in checks:
        yield title, _findings(check)


def _findings(check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(check())
    except Exception as error:  # noqa: BLE001  a broken installation can raise anything
        found.append(Finding(State.BROKEN, check.__name__.strip("_"), f"{type(error).__name__}: {error}"))
    return found


def _versions() -> Iterator[Finding]:
    yield Finding(State.OK, "python", f"{platform.python_version()} on {platform.system()} ({sys.prefix})")
    yield Finding(State.OK, "tracebus", _version("tracebus") or "not installed as a distribution")
    wanted = {requirement.name: requirement for requirement, _ in _requirements()}
    for name in _SHOWN:
        version = _version(name)
        if version is None:
            yield Finding(State.NOTE, name, "not installed")
        else:
            yield _in_range(name, version, wanted.get(name))


def _in_range(name: str, version: str, wanted: Requirement | None) -> Finding:
    if wanted is None or wanted.specifier.contains(version, prereleases=True):
        return Finding(State.OK, name, version)
    remedy = f"pip install '{name}{wanted.specifier}'"
    return Finding(State.BROKEN, name, f"{version} does not work with this tracebus", remedy)


def _extras() -> Iterator[Finding]:
    missing: dict[str, list[str]] = {}
    for requirement, extra in _requirements():
        if extra is not None:
            missing.setdefault(extra, [])
            if _version(requirement.name) is None:
                missing[extra].append(requirement.name)
    missing.pop("all", None)
    for extra, names in missing.items():
        if names:
            remedy = f"pip install 'tracebus[{extra}]'"
            yield Finding(State.NOTE, extra, f"without {', '.join(names)}", remedy)
        else:
            yield Finding(State.OK, extra, "installed")


def _destinations() -> Iterator[Finding]:
    from tracebus.exporting import (  # noqa: PLC0415  a broken part is a finding, not an end
        DEFAULT_EXPORTER,
        environment_destinations,
        known_exporters,
    )

    yield Finding(State.OK, "known", ", ".join(known_exporters()))
    set_up = environment_destinations()
    if not set_up:
        yield Finding(State.NOTE, "TRACEBUS_TO", f"not set: observe(chain) writes to {DEFAULT_EXPORTER}")
    for url in set_up or [DEFAULT_EXPORTER]:
        yield _resolved(url)


def _resolved(url: str) -> Finding:
    """Open the exporter as a chain would, and close it again."""
    from tracebus.exporting import resolve, without_secrets  # noqa: PLC0415  a broken part is a finding, not an end

    try:
        for exporter in resolve([url]):
            exporter.close()
    except Exception as error:  # noqa: BLE001  whatever an exporter finds wrong
        problem = without_secrets(f"{type(error).__name__}: {error}")
        return Finding(State.BROKEN, without_secrets(url), problem)
    return Finding(State.OK, without_secrets(url), "resolves")


def _terminal() -> Iterator[Finding]:
    if not sys.stdout.isatty():
        yield Finding(State.NOTE, "output", "no terminal: plain text, no colours")
        return
    width, height = shutil.get_terminal_size()
    narrow = State.WARNING if width < 60 else State.OK  # noqa: PLR2004  where trees get unreadable
    yield Finding(narrow, "size", f"{width} columns, {height} rows")
    yield Finding(State.OK, "TERM", os.environ.get("TERM") or "not set")
    encoding = sys.stdout.encoding or "unknown"
    is_utf8 = encoding.lower().replace("-", "") == "utf8"
    yield Finding(
        State.OK if is_utf8 else State.WARNING, "encoding", encoding, "" if is_utf8 else "export LANG=C.UTF-8"
    )
    from rich.console import Console  # noqa: PLC0415  a broken part is a finding, not an end

    console = Console()
    off = " (NO_COLOR is set)" if console.no_color else ""
    yield Finding(State.OK, "colours", f"{console.color_system or 'none'}{off}")


def _surroundings() -> Iterator[Finding]:
    for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
        if os.environ.get(name, "").lower() in ("1", "true"):
            yield Finding(
                State.WARNING,
                name,
                "LangChain itself sends your prompts to LangSmith",
                f"unset {name}, if you do not want that",
            )
    if sys.flags.optimize:
        yield Finding(State.NOTE, "python -O", "assertions are off")
    free = shutil.disk_usage(os.path.expanduser("~")).free >> 20  # noqa: PTH111  Path.home() raises without one
    state = State.OK if free > 200 else State.WARNING  # noqa: PLR2004  MB; a day's log is smaller
    yield Finding(state, "disk", f"{free:,} MB free in the home directory")


def _self_test() -> Iterator[Finding]:
    from tracebus.cli._self_test import self_test  # noqa: PLC0415  a broken part is a finding, not an end

    for name, problem, text in self_test():
        yield Finding(State.BROKEN if problem else State.OK, name, text)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _requirements() -> Iterator[tuple[Requirement, str | None]]:
    """Give what our metadata asks for, with the extra that asks for it."""
    from packaging.requirements import Requirement  # noqa: PLC0415  langchain-core brings it

    for line in metadata.requires("tracebus") or []:
        extra = re.search(r"extra == ['\"]([^'\"]+)['\"]", line)
        yield Requirement(line), extra.group(1) if extra else None
