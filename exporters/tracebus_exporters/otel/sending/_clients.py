"""One request to an OTLP backend, over HTTP or gRPC, and what became of it."""

from __future__ import annotations

import gzip
import json
import zlib
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from google.protobuf.message import DecodeError
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus_exporters.otel.sending._settings import Settings

_RETRYABLE_STATUS = frozenset(
    (
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    )
)
# opentelemetry.io/docs/specs/otlp/#failures; RESOURCE_EXHAUSTED only where the server says when.
_RETRYABLE_CODES = frozenset(
    ("CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS")
)
_SERVICES = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
_REJECTED = ("rejectedSpans", "rejectedDataPoints", "rejectedLogRecords")
_PAGES = frozenset(("text/html", "application/xhtml+xml"))
_OK = 200
_REDIRECT = 300
_MOST_SAID = 300


class Delivery(NamedTuple):
    """What became of one request."""

    delivered: bool
    rejected: int = 0
    """Items a backend that took the request refused (OTLP's partial success)."""
    retryable: bool = False
    retry_after: float | None = None
    """Seconds the backend asked to wait."""
    unsupported: bool = False
    """The backend does not know this signal at all."""
    message: str = ""


class Client(Protocol):
    """Sends encoded requests of one signal to one backend."""

    def send(self, body: bytes, timeout: float, /) -> Delivery:
        """Send *body* once. Raises nothing; may outlast *timeout* if the backend drips."""
        ...

    def close(self) -> None:
        """Release connections, interrupting what is under way where that can be done."""
        ...


def client_maker(settings: Settings) -> Callable[[], Client]:
    """Return a function that makes a client for *settings*, its library imported by now.

    The client itself is made late: a gRPC channel does not survive a fork.
    """
    if settings.protocol == "grpc":
        import grpc  # noqa: PLC0415  slow to import, and only one of the two protocols needs it

        return lambda: GrpcClient(settings, grpc)
    import requests  # noqa: PLC0415  likewise

    return lambda: HttpClient(settings, requests)


class HttpClient:
    """OTLP as protobuf over HTTP."""

    def __init__(self, settings: Settings, requests: Any) -> None:
        self._settings = settings
        self._errors = requests.RequestException
        self._refused = (requests.ConnectionError, requests.Timeout)
        self._session = requests.Session()
        self._session.headers.update(
            {"Content-Type": "application/x-protobuf", "User-Agent": "tracebus-otlp"}
        )
        self._session.headers.update(settings.headers)
        if settings.compression != "none":
            self._session.headers["Content-Encoding"] = settings.compression
        if settings.certificate:
            self._session.verify = settings.certificate
        if settings.client_certificate and settings.client_key:
            self._session.cert = (settings.client_certificate, settings.client_key)

    def send(self, body: bytes, timeout: float, /) -> Delivery:
        """Post *body* once."""
        # The application's own HTTP instrumentation must not trace us: that would never end.
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, value=True))
        try:
            response = self._session.post(
                self._settings.endpoint,
                data=_compressed(body, self._settings.compression),
                timeout=timeout,
                allow_redirects=False,
            )
        except self._errors as error:
            return Delivery(
                delivered=False, retryable=isinstance(error, self._refused), message=_brief(error)
            )
        finally:
            detach(token)
        return _http_delivery(response)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


class GrpcClient:
    """OTLP over gRPC."""

    def __init__(self, settings: Settings, grpc: Any) -> None:
        self._error = grpc.RpcError
        self._metadata = tuple((name.lower(), value) for name, value in settings.headers.items())
        compression = {"gzip": grpc.Compression.Gzip, "deflate": grpc.Compression.Deflate}.get(
            settings.compression, grpc.Compression.NoCompression
        )
        options = (("grpc.primary_user_agent", "tracebus-otlp"),)
        if settings.secure:
            credentials = grpc.ssl_channel_credentials(
                _read(settings.certificate), _read(settings.client_key), _read(settings.client_certificate)
            )
            self._channel = grpc.secure_channel(settings.endpoint, credentials, options, compression)
        else:
            self._channel = grpc.insecure_channel(settings.endpoint, options, compression)
        self._call = self._channel.unary_unary(_SERVICES[settings.signal], None, None)  # bytes in, bytes out

    def send(self, body: bytes, timeout: float, /) -> Delivery:
        """Call the backend's `Export` once."""
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, value=True))
        try:
            return _accepted(self._call(body, timeout=timeout, metadata=self._metadata))
        except self._error as error:
            return _grpc_delivery(error)
        except ValueError as error:  # the channel was closed under us
            return Delivery(delivered=False, message=_brief(error))
        finally:
            detach(token)

    def close(self) -> None:
        """Close the channel, which cancels a call under way."""
        self._channel.close()


def _http_delivery(response: Any) -> Delivery:
    status = response.status_code
    if _OK <= status < _REDIRECT:
        return _not_otlp(response) or _accepted(response.content)
    said = response.content[:_MOST_SAID].decode("utf-8", "replace").strip()
    return Delivery(
        delivered=False,
        retryable=status in _RETRYABLE_STATUS,
        retry_after=_retry_after(response.headers.get("Retry-After")),
        unsupported=status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED},
        message=f"HTTP {status} {said!r}" if said else f"HTTP {status}",
    )


def _not_otlp(response: Any) -> Delivery | None:
    """Recognise the page that something before a collector answers with, and with status 200."""
    kind = str(response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()
    if kind not in _PAGES and not response.content[:64].lstrip().startswith((b"<!", b"<html", b"<HTML")):
        return None
    return Delivery(
        delivered=False,
        message=f"HTTP {response.status_code} with a page ({kind or 'HTML'}) instead of OTLP's answer: is "
        "something before the collector that wants a login, or is the endpoint a user interface? "
        "Check it and OTEL_EXPORTER_OTLP_HEADERS",
    )


def _grpc_delivery(error: Any) -> Delivery:
    code = error.code().name
    retry_after = _retry_info(error)
    return Delivery(
        delivered=False,
        retryable=code in _RETRYABLE_CODES or (code == "RESOURCE_EXHAUSTED" and retry_after is not None),
        retry_after=retry_after,
        unsupported=code == "UNIMPLEMENTED",
        message=f"{code} {(error.details() or '')[:_MOST_SAID]!r}",
    )


def _accepted(body: bytes) -> Delivery:
    """Read the answer to a request that was taken, perhaps not all of it."""
    if body.lstrip().startswith(b"{"):
        return _accepted_json(body)
    try:
        # The answers for metrics and logs have the same fields.
        partial = ExportTraceServiceResponse.FromString(body).partial_success
    except DecodeError:  # some backends answer a word
        return Delivery(delivered=True)
    return Delivery(
        delivered=True, rejected=max(0, partial.rejected_spans), message=partial.error_message[:_MOST_SAID]
    )


def _accepted_json(body: bytes) -> Delivery:
    """Read the same in OTLP's JSON, which some backends answer to protobuf, too."""
    try:
        partial = json.loads(body).get("partialSuccess") or {}
        rejected = sum(int(partial.get(name) or 0) for name in _REJECTED)
        message = str(partial.get("errorMessage") or "")
    except (ValueError, TypeError, AttributeError):
        return Delivery(delivered=True)
    return Delivery(delivered=True, rejected=max(0, rejected), message=message[:_MOST_SAID])


def _retry_after(header: str | None) -> float | None:
    """Return the seconds a `Retry-After` header names, as a number or as a date."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time())
    except (ValueError, TypeError):
        return None


def _retry_info(error: Any) -> float | None:
    from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # has no stubs; # noqa: PLC0415  gRPC only
    from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # likewise; # noqa: PLC0415  likewise

    metadata = dict(error.trailing_metadata() or ())
    info = RetryInfo()
    try:
        if "google.rpc.retryinfo-bin" in metadata:
            info.ParseFromString(metadata["google.rpc.retryinfo-bin"])
        elif "grpc-status-details-bin" in metadata:
            status = Status.FromString(metadata["grpc-status-details-bin"])
            if not any(detail.Unpack(info) for detail in status.details):
                return None
        else:
            return None
    except DecodeError:
        return None
    return float(info.retry_delay.seconds) + float(info.retry_delay.nanos) / 1e9


def _compressed(body: bytes, compression: str) -> bytes:
    match compression:
        case "gzip":
            return gzip.compress(body, 6)
        case "deflate":
            return zlib.compress(body)
        case _:
            return body


def _brief(error: BaseException) -> str:
    """Return what went wrong at the bottom: libraries wrap `Connection refused` in three more errors."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return f"{type(error).__name__}: {error}"[:_MOST_SAID]


def _read(path: str | None) -> bytes | None:
    return Path(path).read_bytes() if path else None
