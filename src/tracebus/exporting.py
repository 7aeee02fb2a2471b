"""From what a user writes after `to=` to exporters."""

from __future__ import annotations

import os
import re
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, TypeAlias

from tracebus.bus import BatchCallable, Exporter, as_exporter
from tracebus.exceptions import UnknownExporterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "DEFAULT_EXPORTER",
    "Destination",
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
    """Return the exporters that *to* names.

    Raises:
        UnknownExporterError: a URL that nobody answers for, or whose backend is not installed.
        TypeError: something that is neither a URL nor an exporter nor callable.
    """
    destinations = [to] if isinstance(to, str | Exporter) or callable(to) else list(to)
    return [_resolve_one(destination) for destination in destinations]


def environment_destinations() -> list[str]:
    """Return the URLs in `TRACEBUS_TO`, which are separated by commas or white space."""
    return [part for part in re.split(r"[,\s]+", os.environ.get("TRACEBUS_TO", "")) if part]


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
    entry = _entry_point(destination)
    try:
        factory = entry.load()
    except ImportError as error:
        if (error.name or "").startswith("tracebus"):
            raise  # a part of ours is missing, and no package would mend that
        raise UnknownExporterError(_missing_backend(destination, entry.name, error)) from error
    exporter: Exporter = factory(destination)
    return exporter


def _entry_point(url: str) -> EntryPoint:
    scheme = _SCHEME.match(url)
    name = scheme.group().lower() if scheme else url
    for entry in entry_points(group=ENTRY_POINT_GROUP, name=name):
        return entry
    raise UnknownExporterError(
        f"no exporter answers to {without_secrets(url)!r}; known are: {', '.join(known_exporters())}"
    )


def _missing_backend(url: str, name: str, error: ImportError) -> str:
    extra = _EXTRAS.get(name)
    remedy = f"install it with: pip install 'tracebus[{extra}]'" if extra else "install its package"
    return f"{without_secrets(url)!r} needs {error.name or error}, which is not installed; {remedy}"
