"""OTLP messages whose attributes stay encoded until read: equal ones are decoded once.

What a message is made of is the library's to say; only the type of the attributes is another one here, bytes
in place of `KeyValue`, which are written the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LOGS", "TRACES", "attributes_of", "value_of"]

_FILES = (common_pb2, resource_pb2, trace_pb2, logs_pb2, trace_service_pb2, logs_service_pb2)
_PAIR = ".opentelemetry.proto.common.v1.KeyValue"
_DEEPEST = 32
_MOST = 8_192
_LONGEST = 256
"""Bytes of an attribute that is remembered."""
_ONE_BYTE = 127
"""The most that a length takes one byte for."""
_known: dict[bytes, tuple[str, Any]] = {}


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for module in _FILES:
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        if module is not common_pb2:  # whose lists of pairs are values, not attributes
            for message in file.message_type:
                _left_encoded(message)
        pool.Add(file)
    return pool


def _left_encoded(message: Any) -> None:
    for field in message.field:
        if field.type_name == _PAIR:
            field.type = FieldDescriptorProto.TYPE_BYTES
            field.ClearField("type_name")
    for inner in message.nested_type:
        _left_encoded(inner)


def _request(pool: DescriptorPool, name: str) -> Any:
    return GetMessageClass(pool.FindMessageTypeByName(f"opentelemetry.proto.collector.{name}"))


_POOL = _pool()
TRACES = _request(_POOL, "trace.v1.ExportTraceServiceRequest")
"""`ExportTraceServiceRequest`, its attributes encoded."""
LOGS = _request(_POOL, "logs.v1.ExportLogsServiceRequest")
"""`ExportLogsServiceRequest`, likewise."""


def attributes_of(pairs: Iterable[bytes]) -> dict[str, Any]:
    """Return encoded attributes by name. What is mutable in them is shared: nobody may change it.

    Raises:
        DecodeError: one is no `KeyValue`.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, value = _known.get(pair) or _decoded(pair)
        found[name] = value
    return found


def _decoded(pair: bytes) -> tuple[str, Any]:
    found = _short_text(pair) or _by_library(pair)
    if len(pair) <= _LONGEST:
        if len(_known) >= _MOST:
            _known.clear()
        _known[pair] = found
    return found


def _by_library(pair: bytes) -> tuple[str, Any]:
    decoded = common_pb2.KeyValue.FromString(pair)
    return decoded.key, value_of(decoded.value)


def _short_text(pair: bytes) -> tuple[str, str] | None:
    """Return a pair whose value is a text, where all lengths are one byte; `None` where it is another.

    Ids are such, and every span has its own: the library takes four times as long.
    """
    size = len(pair)
    if size > _ONE_BYTE or pair[:1] != b"\n":
        return None
    key = pair[1] + 2
    if key + 4 > size or pair[key : key + 4] != bytes((18, size - key - 2, 10, size - key - 4)):
        return None
    try:
        return pair[2:key].decode(), pair[key + 4 :].decode()
    except UnicodeDecodeError:
        return None  # the library says what is wrong


def value_of(value: Any, depth: int = _DEEPEST) -> Any:
    """Return an `AnyValue` as plain data; of bytes, how many there are."""
    if depth == 0:
        return None
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [value_of(item, depth - 1) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key: value_of(pair.value, depth - 1) for pair in value.kvlist_value.values}
        case which:
            found = getattr(value, which)
            return f"<{len(found)} bytes>" if isinstance(found, bytes) else found
