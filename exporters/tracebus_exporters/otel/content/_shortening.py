"""JSON of at most so many bytes: strings, lists and objects get shorter, and what is left is still valid.

Of a long conversation no more is encoded than fits, and no message twice for two spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from tracebus_exporters.otel.content._memory import Memory
from tracebus_exporters.otel.content._text import ELLIPSIS, clean_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Measure: TypeAlias = "tuple[int, int]"
"""Characters of the longest string, items of the longest list."""

_LONG_LIST = 8
_SMALLEST = 8
_WORD = 32
_MOST_ITEMS = 1_000
EMPTY: Final[Measure] = (0, -1)
"""The measure nothing is left by, but that it was a list or an object."""
# What the conventions' content models require of messages, parts and tools.
_NEEDED = frozenset(
    (
        "type", "role", "parts", "content", "name", "response", "modality", "file_id", "uri",
        "server_tool_call", "server_tool_call_response", "finish_reason",
    )
)  # fmt: skip


def to_json(value: Any, limit: int) -> str:
    """Return *value* as valid JSON of at most *limit* characters."""
    return fitted(value, limit)[0].decode()


def fitted(value: Any, limit: int) -> tuple[bytes, Measure | None]:
    """Return *value* as valid JSON of at most *limit* bytes, and the measure it was shortened by, if any.

    What is left of a message, a part, a tool or a document has all that the conventions require of one.
    No JSON has less than two bytes, whatever the *limit*.
    """
    encoded = _fitting(value, None, limit)
    if encoded is not None:
        return encoded, None
    for measure in measures(limit):
        encoded = _fitting(value, measure, limit)
        if encoded is not None:
            return encoded, measure
    encoded = _encode(shortened(value, EMPTY))
    return (encoded if len(encoded) <= limit else b'""'), EMPTY


def measures(limit: int) -> Iterator[Measure]:
    """Return the measures to be tried, one after another, until *limit* bytes hold what is left."""
    longest, most = max(_SMALLEST, limit // 2), _MOST_ITEMS
    yield longest, most
    while most > 0:
        # Strings first: a conversation of many short messages says more than two long ones.
        fewest = 0 if longest == _SMALLEST else 2
        longest, most = max(_SMALLEST, longest // 2), max(fewest, most // 2)
        yield longest, most


def _fitting(value: Any, measure: Measure | None, limit: int, levels: int = 2) -> bytes | None:
    """Return the JSON of *value*, shortened by *measure*; `None` where that is more than *limit* bytes.

    What a long list begins with tells soon that it does not fit.
    """
    if value.__class__ is list:
        if len(value) >= _LONG_LIST:
            return _list_fitting(value, measure, limit)
    elif levels and value.__class__ is dict and _has_long_list(value):
        return _dict_fitting(value, measure, limit, levels)
    encoded = _encode(value) if measure is None else _measured(value, measure)
    return encoded if len(encoded) <= limit else None


def _list_fitting(value: list[Any], measure: Measure | None, limit: int) -> bytes | None:
    parts: list[bytes] = []
    room = limit - 1
    made = _encoded.made
    for item in value if measure is None else kept(value, measure[1]):
        entry = made.get(id(item))
        if entry is None or entry[0] is not item or (found := entry[1].get(measure)) is None:
            found = _known(item, measure) if type(item) is dict else _measured(item, measure)
            made = _encoded.made
        room -= len(found) + 1
        if room < 0:
            return None
        parts.append(found)
    return b"[" + b",".join(parts) + b"]"


def _dict_fitting(value: dict[Any, Any], measure: Measure | None, limit: int, levels: int) -> bytes | None:
    parts: list[bytes] = []
    room = limit - 1
    for key, item in _members(value, measure):
        name = _encode(key) + b":"
        found = _fitting(item, measure, room - len(name) - 1, levels - 1)
        if found is None:
            return None
        parts.append(name + found)
        room -= len(name) + len(found) + 1
    return b"{" + b",".join(parts) + b"}"


def _has_long_list(value: dict[Any, Any]) -> bool:
    for item in value.values():  # noqa: SIM110  a generator costs more than what it looks at
        if item.__class__ is list and len(item) >= _LONG_LIST:
            return True
    return False


def _members(value: dict[Any, Any], measure: Measure | None) -> Iterator[tuple[str, Any]]:
    """Return the members of an object that *measure* leaves, and those it is nothing without."""
    if measure is None:
        for key, item in value.items():
            yield str(key), item
        return
    longest, most = max(measure[0], _WORD), measure[1] * 2
    for number, (key, item) in enumerate(value.items()):
        if number < most or (most >= 0 and key in _NEEDED):
            yield str(key)[:longest], item


def _known(value: Any, measure: Measure | None) -> bytes:
    """Return the JSON of *value*, shortened by *measure*: what was made of it before, if it is a message."""
    found = _encoded.get(value)
    encoded: bytes | None = found.get(measure)
    if encoded is None:
        encoded = found[measure] = _measured(value, measure)
        _encoded.add(len(encoded))
    return encoded


_encoded = Memory(8_000_000)


def _measured(value: Any, measure: Measure | None) -> bytes:
    try:
        return _encode(shortened(value, measure))
    except RecursionError:
        return _encode(shortened(clean_tree(value), measure))


def _encode(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError, TypeError, RecursionError, ValueError):
        return msgspec.json.encode(clean_tree(value))


def shortened(value: Any, measure: Measure | None) -> Any:
    """Return *value* with strings, lists and objects no longer than *measure* says."""
    if measure is None:
        return value
    if isinstance(value, str):
        # Words such as a role or a type are short, and nothing without them.
        longest = measure[0]
        return value if len(value) <= max(longest, _WORD) else value[:longest] + ELLIPSIS
    if isinstance(value, dict):
        if value.get("type") == "blob" and _is_long(value.get("content"), measure):
            value = _instead(value)
        return {key: shortened(item, measure) for key, item in _members(value, measure)}
    if isinstance(value, list | tuple):
        return [shortened(item, measure) for item in kept(value, measure[1])]
    return value


def _is_long(content: Any, measure: Measure) -> bool:
    return isinstance(content, str) and len(content) > max(measure[0], _WORD)


def _instead(blob: dict[str, Any]) -> dict[str, Any]:
    """Return a part that says a *blob* was left out: half a picture is none, and no base64."""
    what = blob.get("mime_type") or blob.get("modality") or "blob"
    return {"type": "text", "content": f"{what} {ELLIPSIS}"}


def kept(value: Sequence[Any], most: int) -> Sequence[Any]:
    """Return the beginning and the end of *value*, *most* items together."""
    if len(value) <= most:
        return value
    return [*value[: most // 2], *value[len(value) - (most - most // 2) :]] if most > 0 else []
