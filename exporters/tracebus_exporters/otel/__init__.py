"""OpenTelemetry: runs as spans, metrics and events that any backend understands.

::

    observe(chain, to=["otlp"])                            # the OTEL_* variables, or localhost:4318
    observe(chain, to=["otlp://collector:4317"])           # gRPC
    observe(chain, to=["otlp+http://collector:4318?content=span&openinference=true"])
    observe(chain, to=[OTelExporter(tracer_provider=my_provider)])
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from tracebus.exceptions import UnknownExporterError
from tracebus_exporters.otel._exporter import OTelExporter
from tracebus_exporters.otel._options import query_options

__all__ = ["OTelExporter", "from_url"]

_SCHEMES = {
    "otlp": ("http", "grpc"),
    "otlp+grpc": ("http", "grpc"),
    "otlp+grpcs": ("https", "grpc"),
    "otlp+http": ("http", "http/protobuf"),
    "otlp+https": ("https", "http/protobuf"),
}


def from_url(url: str) -> OTelExporter:
    """Return the exporter for `otlp`, `otlp://host:4317` (gRPC) or `otlp+http://host:4318`.

    `otlp+https://` and `otlp+grpcs://` use TLS. The options `spans`, `semconv`, `openinference`,
    `prompts`, `vendor`, `content` and `parent` may follow as a query.

    Raises:
        UnknownExporterError: the URL cannot be understood.
    """
    parts = urlsplit(url if ":" in url else url.replace("otlp", "otlp:", 1))
    if parts.scheme not in _SCHEMES:
        raise UnknownExporterError(f"{url!r} must begin with one of: {', '.join(_SCHEMES)}")
    try:
        options = query_options(dict(parse_qsl(parts.query, keep_blank_values=True)))
        if not parts.netloc:
            protocol = None if parts.scheme == "otlp" else _SCHEMES[parts.scheme][1]
            return OTelExporter(protocol=protocol, **options)
        secure, protocol = _SCHEMES[parts.scheme]
        return OTelExporter(endpoint=f"{secure}://{parts.netloc}{parts.path}", protocol=protocol, **options)
    except ValueError as error:
        raise UnknownExporterError(f"{url!r}: {error}") from error
