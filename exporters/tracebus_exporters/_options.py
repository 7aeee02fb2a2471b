"""Options in an exporter's URL: `console?width=100&colour=never`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tracebus.exceptions import UnknownExporterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_YES_OR_NO = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


def options_of(url: str, known: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """Return the options in the query of *url*, each turned into a value by its reader in *known*.

    Raises:
        UnknownExporterError: an option is unknown or has a value its reader refuses with `ValueError`;
            or the URL has a place, where only a name and options belong.
    """
    parts = urlsplit(url if ":" in url.partition("?")[0] else url.replace("?", ":?", 1))
    if parts.netloc or parts.path.strip("/") not in {"", url}:
        raise UnknownExporterError(f"{url!r}: {parts.scheme or url} takes options after a '?', nothing else")
    options: dict[str, Any] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        reader = known.get(name)
        if reader is None:
            raise UnknownExporterError(f"{url!r}: no option {name!r}; known are: {', '.join(sorted(known))}")
        try:
            options[name] = reader(value)
        except ValueError as error:
            raise UnknownExporterError(f"{url!r}: {name}={value!r} {error}") from error
    return options


def switch(value: str) -> bool:
    """Read a yes or no."""
    try:
        return _YES_OR_NO[value.lower()]
    except KeyError:
        raise ValueError("is neither 1 nor 0") from None


def tristate(value: str) -> bool | None:
    """Read always, never or auto."""
    match value.lower():
        case "auto":
            return None
        case "always":
            return True
        case "never":
            return False
        case _:
            raise ValueError("is none of auto, always, never")


def at_least(smallest: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from *smallest* on."""

    def read(value: str) -> int:
        if not value.isdecimal() or int(value) < smallest:
            raise ValueError(f"is no whole number from {smallest} on")
        return int(value)

    return read


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a reader of one of *choices*."""

    def read(value: str) -> str:
        if value not in choices:
            raise ValueError(f"is none of {', '.join(choices)}")
        return value

    return read
