"""The exporter that a URL names, found among the entry points."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from tracebus._destinations import SAME_SCHEME, has_two_schemes, likely_meaning
from tracebus.exceptions import UnknownExporterError
from tracebus.installing import install_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.bus import Exporter

__all__ = ["ENTRY_POINT_GROUP", "known_exporters", "open_exit", "without_secrets"]

ENTRY_POINT_GROUP = "tracebus.exporters"
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


def without_secrets(url: str) -> str:
    """Return *url* fit for a message or a log: without a password or a secret option in it."""
    url = re.sub(r"(://[^:/@\s]*):[^@/\s]*@", r"\1:***@", url)
    return re.sub(r"(?i)([?&][^=&]*(?:password|token|key|secret)[^=&]*=)[^&]*", r"\1***", url)


def known_exporters() -> Sequence[str]:
    """Return the names `to=` understands, sorted."""
    return sorted({entry.name for entry in entry_points(group=ENTRY_POINT_GROUP)})


def open_exit(destination: str) -> Exporter:
    """Return the exporter that a URL names, which has no option `keep`.

    Raises:
        UnknownExporterError: nobody answers for it, or its backend is not installed.
        InvalidLogError: a log that cannot be written there.
    """
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
        for known in (name, SAME_SCHEME.get(name, name)):
            for entry in entry_points(group=ENTRY_POINT_GROUP, name=known):
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
