"""Exporters made from what a user writes after `to=`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, TypeAlias

from tracebus._destinations import canonical, once_each
from tracebus._opening import known_exporters, without_secrets
from tracebus.bus import BatchCallable, Exporter, as_exporter
from tracebus.keeping._url import opened, with_rules_joined

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "DEFAULT_EXPORTER",
    "Destination",
    "destinations_in",
    "environment_destinations",
    "known_exporters",
    "resolve",
    "without_secrets",
]

DEFAULT_EXPORTER = "sqlite:"
"""Where events go when neither `to=` nor `TRACEBUS_TO` says anything: the embedded log."""

Destination: TypeAlias = "Exporter | BatchCallable | str"
"""An exporter, a function of a batch, or a URL such as `structlog` or `otlp://localhost:4317`."""


def resolve(to: Destination | Iterable[Destination]) -> list[Exporter]:
    """Return the exporters that *to* names; one for URLs that name the same exit.

    Raises:
        UnknownExporterError: a URL that nobody answers for, or whose backend is not installed.
        InvalidLogError: a log that cannot be written there.
        TypeError: something that is neither a URL nor an exporter nor callable.
    """
    return [
        opened(destination) if isinstance(destination, str) else as_exporter(destination)
        for destination in destinations_in(to)
    ]


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
