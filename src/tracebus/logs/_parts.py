"""Events taken apart for a log, so that what comes again is stored once, and put together again.

A *part* is a long text, a message, or a run of messages of a long list. It is known by its content's
digest. What is left of the event says where its parts belong::

    [[["inputs", "messages"], ["id", "id", …]], [["outputs"], "id"]]

An id alone stands for the part itself, a list of ids for a list of the parts, in which a part that is a run
of messages stands for each of them. How ids look is the log's business.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeGuard

import msgspec
from msgspec.structs import force_setattr, replace

from tracebus.capture import ChunkForm, ListUse, PieceForm, form_of
from tracebus.events import CustomEmitted, Cut, Gap, RunEnded, RunRetried, RunStarted, RunStreamed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tracebus.events import Event

__all__ = ["Part", "Place", "Places", "Taken", "ids_in", "put_together", "take_apart"]

_LONG_FIELDS: dict[type, tuple[str, ...]] = {
    RunStarted: ("inputs",),
    RunStreamed: (),
    RunEnded: ("outputs", "inputs"),
    RunRetried: (),
    CustomEmitted: ("data",),
    Gap: (),
}
_LEVELS = 4
_SHORTEST_TEXT = 512
_SMALLEST_PIECE = 256
"""Characters from which on a message that stands alone is a part: a reference takes some, too."""
_SHORTEST_LIST = 8
_CHUNK = 32
_MOST_DIGESTS = 32
_LONGEST_KNOWN = 131_072

_encode = msgspec.json.Encoder().encode
_digests: dict[str, bytes] = {}

Path: TypeAlias = "list[str | int]"
Places: TypeAlias = "list[tuple[Path, Any]]"
"""Where parts belong: a path, and an id or a list of ids."""


class Part:
    """Something stored once, known by its *digest*. Encoded when a log has it not yet."""

    __slots__ = ("_members", "_plain", "digest")

    def __init__(
        self, digest: bytes, plain: Any, members: tuple[Part, ...] | ChunkForm | None = None
    ) -> None:
        self.digest = digest
        self._plain = plain
        self._members = members

    @property
    def is_run(self) -> bool:
        """Whether it is a run of messages."""
        return self._members is not None

    @property
    def members(self) -> tuple[Part, ...]:
        """Return the messages of a run of them."""
        if isinstance(self._members, ChunkForm):
            self._members = tuple([_part(member) for member in self._members.forms])
        return self._members or ()

    def encoded(self) -> bytes:
        """Return the JSON of a message or a text."""
        return _encode(self._plain)


class Place(NamedTuple):
    """Where in an event which parts belong."""

    path: Path
    parts: tuple[Part, ...]
    is_list: bool


class Taken(NamedTuple):
    """An event taken apart."""

    event: Event
    places: Sequence[Place]


def take_apart(event: Event) -> Taken:
    """Return *event* without its parts, and these. The event must be settled; it stays as it is."""
    for field in _LONG_FIELDS[type(event)]:
        if getattr(event, field) is not None:
            return _taken_apart(event)
    return Taken(event, ())


def _taken_apart(event: Event) -> Taken:
    places: list[Place] = []
    changes: dict[str, Any] = {}
    for field in _LONG_FIELDS[type(event)]:
        value = getattr(event, field)
        if value is not None:
            left = _without_parts(value, [field], _LEVELS, places)
            if left is not value:
                changes[field] = left
    return Taken(replace(event, **changes) if changes else event, places)


def put_together(event: Event, places: Iterable[tuple[Path, Any]], part: Callable[[Any], Any]) -> None:
    """Put the parts into *event*, which was decoded just now and belongs to nobody else.

    Args:
        event: what `take_apart` left.
        places: where parts belong.
        part: returns the part of an id: its JSON data, or the list of a run of messages as a tuple. Raises
            `KeyError` where there is none, which is noted as a cut: the log is damaged.
    """
    for path, ids in places:
        try:
            value = _joined(ids, part) if isinstance(ids, list) else part(ids)
        except KeyError:
            pointer = "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in path)
            force_setattr(event, "cuts", (*getattr(event, "cuts", ()), Cut(pointer, "unserialisable")))
            continue
        if len(path) == 1:
            force_setattr(event, str(path[0]), value)
            continue
        inside = getattr(event, str(path[0]))
        for key in path[1:-1]:
            inside = inside[key]
        inside[path[-1]] = value


def ids_in(places: Iterable[tuple[Path, Any]]) -> Iterator[Any]:
    """Yield the ids of all parts of an event."""
    for _, ids in places:
        if isinstance(ids, list):
            yield from ids
        else:
            yield ids


def _joined(ids: list[Any], part: Callable[[Any], Any]) -> list[Any]:
    found: list[Any] = []
    for item in ids:
        value = part(item)
        if type(value) is tuple:
            found += value
        else:
            found.append(value)
    return found


def _without_parts(value: Any, path: Path, levels: int, places: list[Place]) -> Any:
    """Return *value* without its parts, which are added to *places*; itself where it has none."""
    match value:
        case str() if len(value) >= _SHORTEST_TEXT:
            places.append(Place(path, (Part(_digest_of_text(value), value),), is_list=False))
            return None
        case dict() if (form := form_of(value)) is not None and _is_worth_it(form):
            places.append(Place(path, (_part(form),), is_list=False))
            return None
        case list() if (parts := _parts_of_list(value)) is not None:
            places.append(Place(path, parts, is_list=True))
            return []
        case dict() if levels:
            return _dict_without_parts(value, path, levels, places)
        case list() if levels:
            return _list_without_parts(value, path, levels, places)
        case _:
            return value


def _is_worth_it(form: PieceForm | ListUse) -> TypeGuard[PieceForm]:
    return isinstance(form, PieceForm) and form.size >= _SMALLEST_PIECE


def _dict_without_parts(value: dict[str, Any], path: Path, levels: int, places: list[Place]) -> Any:
    left = value
    for key, item in value.items():
        if type(item) in _DIVISIBLE:
            rest = _without_parts(item, [*path, key], levels - 1, places)
            if rest is not item:
                left = value.copy() if left is value else left
                left[key] = rest
    return left


def _list_without_parts(value: list[Any], path: Path, levels: int, places: list[Place]) -> Any:
    left = value
    for index, item in enumerate(value):
        if type(item) in _DIVISIBLE:
            rest = _without_parts(item, [*path, index], levels - 1, places)
            if rest is not item:
                left = value.copy() if left is value else left
                left[index] = rest
    return left


_DIVISIBLE = frozenset((str, dict, list))


def _parts_of_list(value: list[Any]) -> tuple[Part, ...] | None:
    """Return the parts of a list of messages; `None` where it is no long one."""
    form = form_of(value)
    if isinstance(form, ListUse):
        return tuple([_part(segment) for segment in form.segments])
    if len(value) < _SHORTEST_LIST or not all(type(item) is dict for item in value):
        return None
    # From elsewhere, as from another log: known by its content alone. Divided as `ListUse` is.
    head, *tail = [_part_of(item) for item in value]
    whole = len(tail) - len(tail) % _CHUNK
    chunks = [_chunk(tuple(tail[start : start + _CHUNK])) for start in range(0, whole, _CHUNK)]
    return (head, *chunks, *tail[whole:])


def _part_of(item: dict[str, Any]) -> Part:
    form = form_of(item)
    return _part(form) if isinstance(form, PieceForm) else Part(_digest(_encode(item)), item)


def _part(form: PieceForm | ChunkForm) -> Part:
    if isinstance(form, PieceForm):
        if form.digest is None:
            form.digest = _digest(_encode(form.plain))
        return Part(form.digest, form.plain)
    if form.digest is None:
        form.digest = _chunk(tuple([_part(member) for member in form.forms])).digest
    return Part(form.digest, None, form)


def _chunk(members: tuple[Part, ...]) -> Part:
    digest = _digest(b"".join([b"run of messages", *(member.digest for member in members)]))
    return Part(digest, None, members)


def _digest_of_text(text: str) -> bytes:
    """Return a text's digest. Texts come again and again, and know their hash."""
    known = _digests.get(text)
    if known is None:
        known = _digest(_encode(text))
        if len(text) <= _LONGEST_KNOWN:
            if len(_digests) >= _MOST_DIGESTS:
                _digests.clear()
            _digests[text] = known
    return known


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
