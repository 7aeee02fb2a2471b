"""Where OTLP goes and how: arguments first, then the `OTEL_EXPORTER_OTLP_*` variables."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast, get_args
from urllib.parse import urlsplit, urlunsplit

from opentelemetry.util.re import parse_env_headers

Signal: TypeAlias = Literal["traces", "metrics", "logs"]
Protocol: TypeAlias = Literal["http/protobuf", "grpc"]

DEFAULT_TIMEOUT: Final = 3.0
"""Seconds for one request. The specification says 10, which a dead backend adds to a program's exit."""
_DEFAULT_ENDPOINTS: Final[dict[Protocol, str]] = {
    "http/protobuf": "http://localhost:4318",
    "grpc": "http://localhost:4317",
}
_COMPRESSIONS = ("none", "gzip", "deflate")
_logger = logging.getLogger("tracebus")


@dataclass(frozen=True, slots=True)
class Settings:
    """One signal's way to the backend."""

    signal: Signal
    protocol: Protocol
    endpoint: str
    """HTTP: the full URL. gRPC: `host:port`."""
    secure: bool
    headers: dict[str, str]
    timeout: float
    compression: str
    certificate: str | None
    client_key: str | None
    client_certificate: str | None

    @property
    def shown(self) -> str:
        """The endpoint as it may be logged: without user name, password and query."""
        if self.protocol == "grpc":
            return self.endpoint.rpartition("@")[2]
        parts = urlsplit(self.endpoint)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def settings_for(signal: Signal, endpoint: str | None, protocol: str | None) -> Settings:
    """Return how *signal* travels.

    Args:
        signal: which of the three.
        endpoint: the base URL for all signals, or `None` for the variables and their defaults.
        protocol: `http/protobuf` or `grpc`, or `None` likewise.

    Raises:
        ValueError: the protocol or the endpoint is none we can use.
    """
    chosen = _protocol(signal, protocol)
    url = _endpoint(signal, endpoint, chosen)
    parts = urlsplit(url if "//" in url else f"//{url}")
    if not parts.hostname:
        raise ValueError(f"the OTLP endpoint {url!r} names no host; write for example http://localhost:4318")
    if chosen == "http/protobuf" and parts.scheme not in {"http", "https"}:
        raise ValueError(f"the OTLP endpoint {url!r} must begin with http:// or https://")
    compression = (_variable(signal, "COMPRESSION") or "none").lower()
    if compression not in _COMPRESSIONS:
        _logger.warning("OTEL_EXPORTER_OTLP_COMPRESSION=%s is unknown and taken as none", compression)
        compression = "none"
    return Settings(
        signal=signal,
        protocol=chosen,
        endpoint=parts.netloc if chosen == "grpc" else url,
        secure=_secure(signal, parts.scheme),
        headers=dict(parse_env_headers(_variable(signal, "HEADERS") or "", liberal=True)),
        timeout=_seconds(_variable(signal, "TIMEOUT")),
        compression=compression,
        certificate=_variable(signal, "CERTIFICATE"),
        client_key=_variable(signal, "CLIENT_KEY"),
        client_certificate=_variable(signal, "CLIENT_CERTIFICATE"),
    )


def _protocol(signal: Signal, given: str | None) -> Protocol:
    found = given or _variable(signal, "PROTOCOL") or "http/protobuf"
    found = {"http": "http/protobuf"}.get(found, found)
    if found not in get_args(Protocol):
        raise ValueError(f"the OTLP protocol is {found!r}, but must be 'http/protobuf' or 'grpc'")
    return cast("Protocol", found)


def _endpoint(signal: Signal, given: str | None, protocol: Protocol) -> str:
    if given is None and (own := os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")):
        return own
    base = given or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or _DEFAULT_ENDPOINTS[protocol]
    if protocol == "grpc":
        return base
    for path in ("/v1/traces", "/v1/metrics", "/v1/logs"):
        base = base.removesuffix(path)
    return f"{base.rstrip('/')}/v1/{signal}"


def _secure(signal: Signal, scheme: str) -> bool:
    if scheme in {"http", "https"}:
        return scheme == "https"
    return (_variable(signal, "INSECURE") or "false").lower() != "true"


def _variable(signal: Signal, name: str) -> str | None:
    """Return the signal's own variable, or the common one."""
    own = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}")
    return own or os.environ.get(f"OTEL_EXPORTER_OTLP_{name}") or None


def _seconds(value: str | None) -> float:
    if value is None:
        return DEFAULT_TIMEOUT
    try:
        found = float(value)
    except ValueError:
        found = 0.0
    if found <= 0:
        _logger.warning(
            "OTEL_EXPORTER_OTLP_TIMEOUT=%s is no number of seconds; using %s", value, DEFAULT_TIMEOUT
        )
        return DEFAULT_TIMEOUT
    return found
