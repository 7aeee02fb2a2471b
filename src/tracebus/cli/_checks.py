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

from tracebus.installing import install_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packaging.requirements import Requirement

    from tracebus.events import Event

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
        ("Settings", _settings),
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
    yield _known()


def _known() -> Finding:
    """Tell whether the installed LangChain and LangGraph can say anything that tracebus does not know."""
    from tracebus.sources.inventory import offerings, unknown  # noqa: PLC0415  a broken part is a finding, not an end

    if new := unknown():
        listed = ", ".join(f"{offer.kind} {offer.name}" for offer in new)
        text = f"new and not known: {listed}; recorded as far as it goes, and counted"
        return Finding(State.WARNING, "what LangChain says", text, "see whether a newer tracebus knows it")
    counts = ", ".join(f"{len(one.names)} {one.kind}s" for one in offerings() if one.names)
    return Finding(State.OK, "what LangChain says", f"all of it is known ({counts})")


def _in_range(name: str, version: str, wanted: Requirement | None) -> Finding:
    if wanted is None or wanted.specifier.contains(version, prereleases=True):
        return Finding(State.OK, name, version)
    remedy = install_command(f"{name}{wanted.specifier}")
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
            yield Finding(State.NOTE, extra, f"without {', '.join(names)}", install_command(f"[{extra}]"))
        else:
            yield Finding(State.OK, extra, "installed")


def _settings() -> Iterator[Finding]:
    from tracebus.environment import VARIABLES, problems  # noqa: PLC0415  a broken part is a finding, not an end
    from tracebus.exporting import without_secrets  # noqa: PLC0415  likewise

    wrong = dict(problems(os.environ))
    for name, problem in wrong.items():
        known = any(variable.name == name for variable in VARIABLES)
        yield Finding(State.BROKEN if known else State.WARNING, name, problem, f"unset {name}")
    for variable in VARIABLES:
        if variable.name in wrong:
            continue
        value = os.environ.get(variable.name)
        shown = "***" if "TOKEN" in variable.name else without_secrets(value or "")
        if value:
            yield Finding(State.OK, variable.name, shown)
        else:
            yield Finding(State.NOTE, variable.name, f"not set: {variable.default}")


def _destinations() -> Iterator[Finding]:
    from tracebus.cli._self_test import observed  # noqa: PLC0415  a broken part is a finding, not an end
    from tracebus.exporting import DEFAULT_EXPORTER, environment_destinations, known_exporters  # noqa: PLC0415  likewise

    yield Finding(State.OK, "known", ", ".join(known_exporters()))
    events, _ = observed()
    set_up = environment_destinations()
    logs = []
    for url in set_up or [DEFAULT_EXPORTER]:
        finding, is_log = _tried(url, events)
        yield finding
        if is_log:
            logs.append(url)
    yield from _viewers(logs, set_up)


def _tried(url: str, events: Sequence[Event]) -> tuple[Finding, bool]:
    """Send a small run there, as a chain would."""
    from tracebus.cli._trials import try_exit  # noqa: PLC0415  a broken part is a finding, not an end
    from tracebus.exporting import without_secrets  # noqa: PLC0415  likewise

    shown = without_secrets(url)
    try:
        trial = try_exit(url, events)
    except Exception as error:  # noqa: BLE001  whatever an exporter finds wrong
        return Finding(State.BROKEN, shown, without_secrets(f"{type(error).__name__}: {error}")), False
    state = State.OK if trial.works else State.BROKEN
    return Finding(state, shown, without_secrets(trial.text)), trial.reads_back


def _viewers(logs: Sequence[str], set_up: Sequence[str]) -> Iterator[Finding]:
    """Say how many runs the *logs* hold, and how a viewer finds them; of all that was *set_up*."""
    from tracebus._destinations import canonical  # noqa: PLC0415  a broken part is a finding, not an end
    from tracebus.cli._trials import default_log_url, stored_runs  # noqa: PLC0415  likewise
    from tracebus.exporting import without_secrets  # noqa: PLC0415  likewise

    default = canonical(default_log_url())
    for url in logs:
        is_default = canonical(url) in ("sqlite:", default)
        command = "tracebus" if is_default else f"tracebus watch '{without_secrets(url)}'"
        yield Finding(State.OK, "viewer", f"{stored_runs(url)}, which `{command}` shows")
    if not logs:
        yield Finding(
            State.NOTE,
            "viewer",
            "no log is written: `tracebus` in a second terminal shows nothing of these programs",
            'name a log, too: TRACEBUS_TO="sqlite: $TRACEBUS_TO"'
            if set_up
            else "name a place that can be written: TRACEBUS_TO=sqlite:PATH",
        )


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
