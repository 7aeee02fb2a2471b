"""From what a user writes after `to=` to exporters."""

from __future__ import annotations

import os
import re
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, TypeAlias

from tracebus._destinations import canonical, has_two_schemes, likely_meaning, once_each
from tracebus.bus import BatchCallable, Exporter, as_exporter
from tracebus.exceptions import UnknownExporterError
from tracebus.installing import install_command
from tracebus.keeping._url import kept_from_url, with_rules_joined, without_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "DEFAULT_EXPORTER",
    "Destination",
    "destinations_in",
    "environment_destinations",
    "known_exporters",
    "resolve",
    "without_secrets",
]

ENTRY_POINT_GROUP = "tracebus.exporters"
DEFAULT_EXPORTER = "sqlite:"
"""Where events go when neither `to=` nor `TRACEBUS_TO` says anything: the embedded log."""

_EXTRAS = {
    "otlp": "otel",
    "otlp+grpc": "otel",
    "otlp+grpcs": "otel",
    "otlp+http": "otel",
    "otlp+https": "otel",
    "redis": "redis",
    "rediss": "redis",
}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")

Destination: TypeAlias = "Exporter | BatchCallable | str"
"""An exporter, a function of a batch, or a URL such as `structlog` or `otlp://localhost:4317`."""


def resolve(to: Destination | Iterable[Destination]) -> list[Exporter]:
    """Return the exporters that *to* names; one for URLs that name the same exit.

    Raises:
        UnknownExporterError: a URL that nobody answers for, or whose backend is not installed.
        InvalidLogError: a log that cannot be written there.
        TypeError: something that is neither a URL nor an exporter nor callable.
    """
    return [_resolve_one(destination) for destination in destinations_in(to)]


def destinations_in(to: Destination | Iterable[Destination]) -> list[Destination]:
    """Return what *to* names as a list, each exit once."""
    if isinstance(to, str | Exporter) or callable(to):
        return [to]
    named: dict[object, Destination] = {}
    for destination in to:
        key = canonical(destination) if isinstance(destination, str) else id(destination)
        named.setdefault(key, destination)
    return list(named.values())


def environment_destinations() -> list[str]:
    """Return the URLs in `TRACEBUS_TO`, which are separated by commas or white space, each exit once.

    The commas inside a `?keep=errors,slower:5s` separate its rules.
    """
    parts = re.split(r"[,\s]+", os.environ.get("TRACEBUS_TO", ""))
    return once_each(with_rules_joined(part for part in parts if part))


def without_secrets(url: str) -> str:
    """Return *url* fit for a message or a log: without a password or a secret option in it."""
    url = re.sub(r"(://[^:/@\s]*):[^@/\s]*@", r"\1:***@", url)
    return re.sub(r"(?i)([?&][^=&]*(?:password|token|key|secret)[^=&]*=)[^&]*", r"\1***", url)


def known_exporters() -> Sequence[str]:
    """Return the names `to=` understands, sorted."""
    return sorted({entry.name for entry in entry_points(group=ENTRY_POINT_GROUP)})


def _resolve_one(destination: Destination) -> Exporter:
    if not isinstance(destination, str):
        return as_exporter(destination)
    destination, rules = without_rules(destination)
    exporter = _opened(destination)
    if rules is None:
        return exporter
    try:
        return kept_from_url(exporter, rules)
    except ValueError as error:
        raise UnknownExporterError(f"{without_secrets(destination)!r} with {error}") from error


def _opened(destination: str) -> Exporter:
    """Return the exporter that a URL without `keep` names."""
    entry = _entry_point(destination)
    try:
        factory = entry.load()
    except ImportError as error:
        if (error.name or "").startswith("tracebus"):
            raise  # a part of ours is missing, and no package would mend that
        raise UnknownExporterError(_missing_backend(destination, entry.name, error)) from error
    exporter: Exporter = factory(destination)
    if (check := getattr(exporter, "check", None)) is not None:
        check()  # where it is named, and not after the first events
    return exporter


def _entry_point(url: str) -> EntryPoint:
    scheme = _SCHEME.match(url)
    name = scheme.group().lower() if scheme else url
    meant = likely_meaning(url, known_exporters())
    if not has_two_schemes(url):
        for entry in entry_points(group=ENTRY_POINT_GROUP, name=name):
            return entry
    if not url.strip():
        raise UnknownExporterError(
            "an empty URL names no exit; leave `to` out for the log on this machine, or name one of: "
            f"{', '.join(known_exporters())}"
        )
    hint = f"did you mean {without_secrets(meant)!r}? " if meant else ""
    raise UnknownExporterError(
        f"no exporter answers to {without_secrets(url)!r}; {hint}known are: {', '.join(known_exporters())}"
    )


def _missing_backend(url: str, name: str, error: ImportError) -> str:
    extra = _EXTRAS.get(name)
    remedy = f"install it with: {install_command(f'[{extra}]')}" if extra else "install its package"
    return f"{without_secrets(url)!r} needs {error.name or error}, which is not installed; {remedy}"
