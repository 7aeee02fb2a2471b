"""Suggestions for URLs that name no exit, and whether two URLs name the same one."""

from __future__ import annotations

import difflib
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["LOG_SUFFIXES", "SAME_SCHEME", "canonical", "has_two_schemes", "likely_meaning", "once_each"]

LOG_SUFFIXES = {
    ".db": "sqlite",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
"""Which log a file is, by its name."""
_FILES = frozenset(("sqlite", "jsonl"))
SAME_SCHEME = {"unix": "redis"}
"""Other spellings of a scheme: redis-py's own for a server behind a socket's file."""
_PORTS = {"4318": "otlp+http", "6379": "redis"}
_OTHER_NAMES = {
    "otel": "otlp",
    "opentelemetry": "otlp",
    "grpc": "otlp+grpc",
    "http": "otlp+http",
    "https": "otlp+https",
    "file": "jsonl",
    "json": "jsonl",
    "stdout": "console?stream=stdout",
    "stderr": "console",
    "print": "console",
    "terminal": "console",
    "log": "structlog",
    "logging": "structlog",
    "db": "sqlite",
}


def likely_meaning(url: str, known: Sequence[str]) -> str | None:
    """Return the URL somebody who wrote *url* probably wanted, or `None`."""
    scheme, colon, rest = url.partition(":")
    if has_two_schemes(url):  # otlp://http://host: where one is written otlp+http
        inner, _, place = rest.removeprefix("//").partition(":")
        return f"otlp+{inner.lower()}:{place}"
    if scheme.lower() in ("http", "https"):
        return f"otlp+{scheme.lower()}:{rest}"
    if port := re.fullmatch(r"[\w.-]+:(\d+)(/.*)?", url):  # a server without a scheme
        return f"{_PORTS.get(port[1], 'otlp')}://{url}"
    place = url.partition("?")[0]
    for suffix, kind in LOG_SUFFIXES.items():
        if place.lower().endswith(suffix):
            return f"{kind}:{url.rpartition('://')[2] if colon else url}"
    word = re.split(r"[:?]", url, maxsplit=1)[0]
    meant = _OTHER_NAMES.get(word.lower()) or _closest(word, known)
    return None if meant is None else meant + url[len(word) :]


def has_two_schemes(url: str) -> bool:
    """Tell a URL that was put behind `otlp:` whole: `otlp://http://host:4318`."""
    return re.match(r"otlp[^:]*:(?://)?https?:", url, re.IGNORECASE) is not None


def _closest(word: str, known: Sequence[str]) -> str | None:
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.7)
    return close[0] if close else None


def canonical(url: str) -> str:
    """Return *url* in the spelling it shares with others for the same exit."""
    scheme, _, rest = url.partition(":")
    if re.match(r"console\b(?!.*stream=stdout)", url, re.IGNORECASE):
        return "console:"  # however it prints, it would print the same tree to the same place
    scheme, question, options = scheme.partition("?")
    if question:
        return f"{scheme.lower()}:?{options}{':' if rest else ''}{rest}"
    place, question, options = rest.partition("?")
    if place == "//":
        place = ""
    if scheme.lower() in _FILES and place:
        place = os.path.realpath(os.path.expanduser(re.sub("^//(?=/)", "", place)))  # noqa: PTH111 - raises for nothing
    return f"{scheme.lower()}:{place}{question}{options}"


def once_each(urls: Iterable[str]) -> list[str]:
    """Return *urls* without those that name an exit already named, in their order."""
    named: dict[str, str] = {}
    for url in urls:
        named.setdefault(canonical(url), url)
    return list(named.values())
