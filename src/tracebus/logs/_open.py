"""Opens the log that a URL names."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, cast

from platformdirs import user_state_path

from tracebus._destinations import SAME_SCHEME
from tracebus.exceptions import InvalidLogError
from tracebus.installing import install_command
from tracebus.logs._url import parse_log_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tracebus.logs._log import Log

__all__ = ["default_log_path", "known_logs", "open_log"]

GROUP = "tracebus.logs"
"""The entry-point group: a scheme's name → a function from the whole URL to a `Log`."""

_EXTRAS = {"redis": "redis", "rediss": "redis"}


def open_log(url: str = "sqlite:") -> Log:
    """Return the log *url* names: `sqlite:`, `sqlite:PATH`, `jsonl:PATH`, `redis://host:6379/0`.

    The scheme is looked up in the entry-point group `tracebus.logs`, where a third party may add
    one. Nothing is created before the first event is appended.

    Raises:
        InvalidLogError: nobody answers for the scheme, what it needs is not installed, or the URL
            itself is wrong.
    """
    scheme = parse_log_url(url).scheme
    logs = known_logs()
    found = logs.get(scheme) or logs.get(SAME_SCHEME.get(scheme, scheme))
    if found is None:
        known = ", ".join(sorted(logs)) or "none: is tracebus installed, or only on the path?"
        raise InvalidLogError(f"{url!r}: no log answers for {scheme!r}; known are {known}")
    return _loaded(found, url)(url)


def known_logs() -> dict[str, EntryPoint]:
    """Return the schemes a log can be opened by."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def default_log_path() -> Path:
    """Return where the embedded log of this user lies: in the platform's directory for state."""
    return user_state_path("tracebus", appauthor=False) / "events.db"


def _loaded(found: EntryPoint, url: str) -> Callable[[str], Log]:
    try:
        return cast("Callable[[str], Log]", found.load())
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(found.name)
        remedy = f"; install it with: {install_command(f'[{extra}]')}" if extra else ""
        raise InvalidLogError(f"{url!r} needs a library that is not installed ({error}){remedy}") from error
