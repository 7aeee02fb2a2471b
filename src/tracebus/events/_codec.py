"""Events as JSON and as MessagePack."""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from tracebus.events._deferred import settle, settle_all
from tracebus.events._model import Event
from tracebus.exceptions import InvalidEventError, UnknownEventTypeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_T = TypeVar("_T")

_json_encoder = msgspec.json.Encoder()
_msgpack_encoder = msgspec.msgpack.Encoder()
_json_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(cast("type[Event]", Event))
_msgpack_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(cast("type[Event]", Event))
_batch_decoder: msgspec.msgpack.Decoder[list[Event]] = msgspec.msgpack.Decoder(list[Event])

_TYPES = frozenset(
    ("run_started", "run_streamed", "run_ended", "run_retried", "custom_emitted", "gap"),
)


def encode_json(event: Event) -> bytes:
    """Encode *event* as one JSON object without a line break, ready for a JSON Lines file."""
    return _json_encoder.encode(settle(event))


def decode_json(data: bytes | str) -> Event:
    """Decode one event from JSON.

    Fields a newer writer added are ignored.

    Raises:
        UnknownEventTypeError: the event's type is not in this version's union.
        InvalidEventError: *data* is no event at all.
    """
    return _decoded(_json_decoder.decode, data, msgspec.json.decode)


def encode_msgpack(event: Event) -> bytes:
    """Encode *event* as one MessagePack map."""
    return _msgpack_encoder.encode(settle(event))


def decode_msgpack(data: bytes) -> Event:
    """Decode one event from MessagePack; raises what `decode_json` raises."""
    return _decoded(_msgpack_decoder.decode, data, msgspec.msgpack.decode)


def encode_batch(events: Sequence[Event]) -> bytes:
    """Encode *events* as one MessagePack array, in order."""
    settle_all(events)
    return _msgpack_encoder.encode(events)


def decode_batch(data: bytes) -> list[Event]:
    """Decode what `encode_batch` encoded; raises what `decode_json` raises."""
    return _decoded(_batch_decoder.decode, data, msgspec.msgpack.decode)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an event."""
    schema = msgspec.json.schema(Event)
    for definition in schema["$defs"].values():  # Python 3.13 takes the indentation off docstrings itself
        if "description" in definition:
            definition["description"] = cleandoc(definition["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tracebus event",
        **schema,
    }


def _decoded(decode: Callable[[Any], _T], data: Any, decode_any: Callable[[Any], Any]) -> _T:
    try:
        return decode(data)
    except msgspec.DecodeError as error:
        raise _explained(error, data, decode_any) from error
    except UnicodeDecodeError as error:
        raise InvalidEventError(f"not an event: {error}") from error


def _explained(error: msgspec.DecodeError, data: Any, decode_any: Callable[[Any], Any]) -> InvalidEventError:
    """Say what is wrong with *data*, which *error* refused."""
    try:
        found = decode_any(data)
    except msgspec.DecodeError as malformed:
        return InvalidEventError(f"not an event: {malformed}")
    for record in found if isinstance(found, list) else [found]:
        event_type = record.get("type") if isinstance(record, dict) else None
        if isinstance(event_type, str) and event_type not in _TYPES:
            return UnknownEventTypeError(event_type)
    return InvalidEventError(f"not an event: {error}")
