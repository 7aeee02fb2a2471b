"""Strings and numbers no encoder and no backend chokes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_Measure: TypeAlias = "tuple[int, int]"
"""Characters of the longest string, items of the longest list."""

_LONG_LIST = 8
ELLIPSIS = "… [truncated]"
_INT64 = 2**63
_DEEPEST = 32  # protobuf gives up at about 100 nested messages, of which a level of ours takes three
_SMALLEST = 8
_WORD = 32


def clean(text: str, limit: int | None = None) -> str:
    """Return *text* at most *limit* characters long and encodable as UTF-8.

    One lone surrogate in a span's name makes the SDK lose the whole batch.
    """
    if limit is not None and len(text) > limit:
        text = text[: max(0, limit - len(ELLIPSIS))] + ELLIPSIS[:limit]
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()


def clean_tree(value: Any, depth: int = _DEEPEST) -> Any:  # noqa: PLR0911  one for each type
    """Return JSON *value* with every string encodable, every integer in 64 bits, and not too deep."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else float(value) if abs(value) < 10**300 else str(value)
    if isinstance(value, dict):
        if depth <= 0:
            return ELLIPSIS
        return {clean(str(key)) or "_": clean_tree(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_tree(item, depth - 1) for item in value] if depth > 0 else ELLIPSIS
    return value if isinstance(value, float) else clean(str(value))


def to_json(value: Any, limit: int) -> str:
    """Return *value* as valid JSON of at most *limit* characters: strings and lists get shorter.

    Of a long conversation no more is encoded than fits, and no message twice for two spans.
    """
    encoded = _fitting(value, None, limit)
    longest, most = limit // 2, 1_000
    while encoded is None and longest >= _SMALLEST:
        encoded = _fitting(value, (longest, most), limit)
        longest, most = longest // 2, max(2, most // 2)
    if encoded is None:
        encoded = _encode(ELLIPSIS[:limit])
    return encoded.decode() if len(encoded) <= limit else '""'


def shortened(value: Any, limit: int) -> Any:
    """Return *value* with strings and lists so much shorter that its JSON fits into *limit* bytes."""
    if len(_encode(value)) <= limit:
        return value
    longest, most = limit // 2, 1_000
    while longest >= _SMALLEST:
        candidate = _shorten(value, longest, most)
        if len(_encode(candidate)) <= limit:
            return candidate
        longest, most = longest // 2, max(2, most // 2)
    return ELLIPSIS[:limit]


def _fitting(value: Any, measure: _Measure | None, limit: int, levels: int = 2) -> bytes | None:
    """Return the JSON of *value*, shortened by *measure*; `None` where that is more than *limit* bytes.

    What a long list begins with tells soon that it does not fit.
    """
    if isinstance(value, list) and len(value) >= _LONG_LIST:
        return _list_fitting(value, measure, limit)
    if levels and isinstance(value, dict) and _has_long_list(value):
        return _dict_fitting(value, measure, limit, levels)
    encoded = _measured(value, measure)
    return encoded if len(encoded) <= limit else None


def _list_fitting(value: list[Any], measure: _Measure | None, limit: int) -> bytes | None:
    parts: list[bytes] = []
    room = limit - 1
    made = _encoded.made
    for item in value if measure is None else _kept(value, measure[1]):
        entry = made.get(id(item))
        if entry is None or entry[0] is not item or (found := entry[1].get(measure)) is None:
            found = _known(item, measure) if type(item) is dict else _measured(item, measure)
            made = _encoded.made
        room -= len(found) + 1
        if room < 0:
            return None
        parts.append(found)
    return b"[" + b",".join(parts) + b"]"


def _dict_fitting(value: dict[Any, Any], measure: _Measure | None, limit: int, levels: int) -> bytes | None:
    parts: list[bytes] = []
    room = limit - 1
    for name, item in _members(value, measure):
        found = _fitting(item, measure, room - len(name) - 1, levels - 1)
        if found is None:
            return None
        parts.append(name + found)
        room -= len(name) + len(found) + 1
    return b"{" + b",".join(parts) + b"}"


def _has_long_list(value: dict[Any, Any]) -> bool:
    return any(isinstance(item, list) and len(item) >= _LONG_LIST for item in value.values())


def _members(value: dict[Any, Any], measure: _Measure | None) -> Iterator[tuple[bytes, Any]]:
    for number, (key, item) in enumerate(value.items()):
        if measure is not None and number >= measure[1] * 2:
            return
        name = str(key) if measure is None else str(key)[: max(measure[0], _WORD)]
        yield _encode(name) + b":", item


def _known(value: Any, measure: _Measure | None) -> bytes:
    """Return the JSON of *value*, shortened by *measure*: what was made of it before, if it is a message."""
    found = _encoded.get(value)
    encoded: bytes | None = found.get(measure)
    if encoded is None:
        encoded = found[measure] = _measured(value, measure)
        _encoded.add(len(encoded))
    return encoded


def _measured(value: Any, measure: _Measure | None) -> bytes:
    return _encode(value if measure is None else _shorten(value, *measure))


class Memory:
    """What was made of objects met lately, by their identity; forgotten all at once when it is too much.

    Args:
        most: how much may be added, in whatever unit.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self.made: dict[int, tuple[object, dict[Any, Any]]] = {}
        """What was made, by the id of what it was made of, which stands beside it."""

    def get(self, value: object) -> dict[Any, Any]:
        """Return what was made of *value*, to be added to. The object is kept: its id is its own."""
        found = self.made.get(id(value))
        if found is None or found[0] is not value:
            found = self.made[id(value)] = (value, {})
            self.add(_ENTRY)
        return found[1]

    def add(self, size: int) -> None:
        """Count *size* more."""
        self._size += size
        if self._size > self._most:
            self.made, self._size = {}, 0


_ENTRY = 200
_encoded = Memory(8_000_000)


def _encode(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError, TypeError, RecursionError, ValueError):
        return msgspec.json.encode(clean_tree(value))


def _shorten(value: Any, longest: int, most: int) -> Any:
    """Return *value* with strings of at most *longest* characters and containers of *most* items."""
    if isinstance(value, str):
        # Words such as a role or a type are short, and nothing without them.
        return value if len(value) <= max(longest, _WORD) else value[:longest] + ELLIPSIS
    if isinstance(value, dict):
        return {
            str(key)[: max(longest, _WORD)]: _shorten(item, longest, most)
            for key, item, _ in zip(value, value.values(), range(most * 2), strict=False)
        }
    if isinstance(value, list | tuple):
        return [_shorten(item, longest, most) for item in _kept(value, most)]
    return value


def _kept(value: Sequence[Any], most: int) -> Sequence[Any]:
    return value if len(value) <= most else [*value[: most // 2], *value[-(most - most // 2) :]]
