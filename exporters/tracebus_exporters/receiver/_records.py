"""Log records out of protobuf requests: messages, where they are written as events of the Logs API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from tracebus_exporters.receiver._encoded import LOGS, attributes_of, value_of
from tracebus_exporters.receiver._protobuf import service_of
from tracebus_exporters.receiver._span import BadRequestError, Record, moment

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EVENT_NAME", "records_of_bytes"]

EVENT_NAME = "event.name"
"""The attribute that named an event before records had a field for it."""


def records_of_bytes(body: bytes) -> Iterator[Record]:
    """Return the records of an encoded `ExportLogsServiceRequest`.

    Raises:
        BadRequestError: it is none; raised before the first record is given.
    """
    try:
        return iter(list(_records(LOGS.FromString(body))))
    except DecodeError as error:
        raise BadRequestError(f"the body is no ExportLogsServiceRequest: {error}") from error


def _records(request: Any) -> Iterator[Record]:
    for group in request.resource_logs:
        service = service_of(group.resource)
        for scope in group.scope_logs:
            for record in scope.log_records:
                attributes = attributes_of(record.attributes)
                yield Record(
                    record.trace_id.hex(),
                    record.span_id.hex(),
                    moment(record.time_unix_nano or record.observed_time_unix_nano),
                    record.event_name or str(attributes.get(EVENT_NAME) or ""),
                    attributes,
                    value_of(record.body),
                    service,
                )
