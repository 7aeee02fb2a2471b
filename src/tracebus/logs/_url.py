"""URLs of logs: a scheme, a place, options."""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

import msgspec

from tracebus._destinations import LOG_SUFFIXES
from tracebus.durations import parse_duration
from tracebus.exceptions import InvalidLogError
from tracebus.sizes import parse_size

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    _T = TypeVar("_T")

__all__ = ["LogUrl", "Options", "parse_duration", "parse_log_url", "parse_moment", "parse_size"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


class Options:
    """The options of a URL, taken one by one, so that what is left over can be named."""

    def __init__(self, url: str, given: dict[str, str]) -> None:
        self._url = url
        self._left = dict(given)
        self._known: list[str] = []

    def take(self, name: str, parse: Callable[[str], _T], default: _T) -> _T:
        """Return the option *name* as *parse* reads it, or *default* where it was not given.

        Raises:
            InvalidLogError: *parse* refused the value with a `ValueError`.
        """
        self._known.append(name)
        text = self._left.pop(name, None)
        if text is None:
            return default
        try:
            return parse(text)
        except ValueError as error:
            raise InvalidLogError(f"{self._url}: option {name}={text!r}: {error}") from error

    def nothing_left(self) -> None:
        """Refuse options nobody took.

        Raises:
            InvalidLogError: there are some.
        """
        if self._left:
            unknown = ", ".join(sorted(self._left))
            raise InvalidLogError(
                f"{self._url}: unknown option {unknown}; known here: {', '.join(self._known) or 'none'}"
            )


class LogUrl(msgspec.Struct, frozen=True):
    """A log's URL taken apart."""

    scheme: str
    place: str
    """What stands between the scheme's colon and the options."""
    options: dict[str, str]

    def path(self) -> Path | None:
        """Return the place as a file's path, `None` where it is empty.

        Every way such a URL is written names the file it is meant to: `sqlite:PATH` (`~` is the home
        directory, `%20` a space), `sqlite:////absolute/path` and `sqlite:///relative.db` as SQLAlchemy
        has them, `sqlite:///absolute/path` as other URLs have it, `sqlite:///C:/path` on Windows. After
        three slashes a path is absolute where its first directory exists, and relative otherwise.

        Raises:
            InvalidLogError: the URL names a host, or no file but memory.
        """
        place = self.place
        if "%" in place and not _exists(place):
            place = unquote(place)
        if place.strip("/") == ":memory:":
            raise InvalidLogError(f"{self.scheme}:{self.place} is no file, so nobody could follow it")
        if place.startswith("//"):
            place = self._after_slashes(place[2:])
        return Path(place).expanduser() if place else None

    def _after_slashes(self, rest: str) -> str:
        """Return what `//` and *rest* name."""
        if rest.startswith("//"):
            return "/" + rest.lstrip("/")
        if rest.startswith("/"):
            return rest[1:] if _is_relative(rest[1:]) else rest
        if rest and not rest.startswith(("~", ".")) and not _DRIVE.match(rest):
            raise InvalidLogError(
                f"{self.scheme}:{self.place} names a host; write {self.scheme}:{rest} for a file here"
            )
        return rest


_DRIVE = re.compile(r"[A-Za-z]:[/\\]")


def _is_relative(path: str) -> bool:
    """Tell whether *path* after `///` is not meant as below the root directory."""
    first, _, rest = path.partition("/")
    return path.startswith(("~", ".")) or bool(_DRIVE.match(path)) or not (rest and Path("/", first).is_dir())


def _exists(place: str) -> bool:
    try:
        return Path(place).exists()
    except (OSError, ValueError):
        return False


def parse_log_url(url: str) -> LogUrl:
    """Take *url* apart. A bare file name is understood by its suffix: `.db`, `.sqlite`, `.jsonl`.

    Raises:
        InvalidLogError: it is neither a URL nor a file name with such a suffix.
    """
    place, _, query = url.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if scheme := _SCHEME.match(place):
        return LogUrl(scheme[1].lower(), place[scheme.end() :], options)
    if place == "sqlite":
        return LogUrl(place, "", options)
    if by_suffix := LOG_SUFFIXES.get(Path(place).suffix.lower()):
        return LogUrl(by_suffix, place, options)
    raise InvalidLogError(
        f"{url!r} is no log: give a URL such as sqlite:PATH, jsonl:PATH or redis://host:6379/0, "
        "or a file ending in .db or .jsonl"
    )


def parse_moment(text: str) -> int:
    """Return the nanoseconds since the epoch of a time ago (`90s`, `2h`, `7d`) or of a date.

    What has no zone is local time.

    Raises:
        ValueError: it is neither.
    """
    try:
        return time.time_ns() - int(parse_duration(text) * 1e9)
    except ValueError:
        pass  # not a duration: it may be a date
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp() * 1e9)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is neither a duration such as 2h nor a date such as 2026-11-21T10:30"
        ) from error
