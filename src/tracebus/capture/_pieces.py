"""Recognises messages, documents and lists of them that a program passes on again and again.

An agent's every step carries the whole conversation. A `Piece` is one message as it was at one moment:
its containers copied, its texts shared. A message met again is compared with what was kept of it, all in C,
so one changed in place is another piece, and one that was not costs a fraction of a microsecond. Nothing
here keeps a message alive: what is known of it goes when it goes.
"""

from __future__ import annotations

import weakref
from operator import attrgetter
from sys import getsizeof
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracebus.capture._policy import Capture
    from tracebus.capture._reuse import ListForm, PieceForm

__all__ = [
    "Chain",
    "Piece",
    "PieceList",
    "Share",
    "few_pieces",
    "hooks",
    "is_shared",
    "piece_list",
    "piece_of",
    "share_kind",
]

Share: TypeAlias = "tuple[object, int]"
"""Something an event holds that others may hold too, and about how many bytes it takes."""

_DEEPEST = 12
_MOST_PLACES = 2_000
"""Containers and leaves of one message: beyond, it is taken by reference as every other object."""
_MOST_KINDS = 1_024
_SHORTEST_LIST = 4
_CONTAINER = 64
_NUMBER = 32
_POINTER = 8

_state_of = attrgetter("__dict__")


class Piece(msgspec.Struct, eq=False, weakref=True):
    """An object of a shared kind as it was at one moment. Immutable but for what is derived from it."""

    kind: type
    former: Callable[[dict[str, Any]], Any]
    state: dict[str, Any]
    """The object's attributes, containers copied."""
    check: Any
    """Equal to the object's `__dict__` as long as that is as it was."""
    size: int
    """Bytes it keeps, about."""
    lasting: bool
    """Whether all of it is plain data; what else it holds may change unseen: it is converted anew."""
    forms: tuple[tuple[Capture, PieceForm], ...] = ()
    """What it looks like as JSON, by policy; a form says at which depths it holds."""
    chain: Chain | None = None
    """The newest list it is part of."""

    def plain(self) -> Any:
        """Return it as a dictionary, one level deep."""
        return self.former(self.state)


class Chain:
    """What lists that grew out of one another have in common."""

    __slots__ = ("__weakref__", "forms")

    def __init__(self) -> None:
        self.forms: tuple[tuple[Capture, ListForm], ...] = ()
        """The newest of the lists as JSON, by policy."""


class PieceList:
    """A list of pieces as it was at one moment: the first, and the others, most of which were met before.

    The first stands apart, because a prompt is often made anew for the same conversation.
    """

    __slots__ = ("chain", "head", "length", "new", "tail")

    def __init__(
        self, head: Piece, tail: list[Piece], chain: Chain, length: int, new: Sequence[Piece] = ()
    ) -> None:
        self.head = head
        self.tail = tail
        self.chain = chain
        self.length = length
        """How many items the program's list had; more than there are pieces where it was shortened."""
        self.new = (head, *new)
        """Pieces that may have been in no list of this chain before."""

    @property
    def pieces(self) -> list[Piece]:
        """Return all pieces."""
        return [self.head, *self.tail]


class _Last:
    """The newest list that was met of a conversation. It goes with the message it is known by."""

    __slots__ = ("chain", "checks", "kinds", "ref", "tail")

    def __init__(self, ref: _Ref, tail: list[Piece], checks: list[Any], kinds: list[type]) -> None:
        self.ref = ref
        self.tail = tail
        self.checks = checks
        self.kinds = kinds
        self.chain = Chain()


class _Ref(weakref.ref[Any]):
    """A weak reference that knows its entry in a table."""

    __slots__ = ("key", "table")

    key: int
    table: dict[int, Any]


def _gone(ref: Any) -> None:
    found = ref.table.get(ref.key)
    if found is not None and found[0] is ref:
        ref.table.pop(ref.key, None)


_formers: dict[type, tuple[Callable[[dict[str, Any]], Any], frozenset[str]] | None] = {}
"""How objects of a class look as plain data, by class; `None` for classes that are not shared."""
_shared: list[tuple[type, Callable[[dict[str, Any]], Any], frozenset[str]]] = []
_known: dict[int, tuple[_Ref, Piece]] = {}
"""The newest piece of every object alive, by its id."""
_lists: dict[int, tuple[_Ref, _Last]] = {}
"""The newest list of every conversation, by the id of its second message."""


hooks: set[object] = set()
"""The hooks of `to_json` that show objects of shared kinds as their pieces are shown."""


def share_kind(
    base: type, former: Callable[[dict[str, Any]], Any], needs: frozenset[str], hook: object
) -> None:
    """Have objects of class *base* known again.

    Args:
        base: a class whose objects keep in `__dict__` all there is to show of them.
        former: returns, of such a `__dict__`, plain data one level deep.
        needs: attributes without which an object is taken by reference as any other.
        hook: the hook of `to_json` that gives the same for such an object.
    """
    hooks.add(hook)
    _shared.append((base, former, needs))
    _formers.clear()


def is_shared(kind: type) -> bool:
    """Tell whether objects of class *kind* are known again."""
    try:
        return _formers[kind] is not None
    except KeyError:
        return _former_of(kind) is not None


def _former_of(kind: type) -> tuple[Callable[[dict[str, Any]], Any], frozenset[str]] | None:
    if len(_formers) >= _MOST_KINDS:
        _formers.clear()
    found = next(((former, needs) for base, former, needs in _shared if issubclass(kind, base)), None)
    _formers[kind] = found
    return found


def piece_of(value: Any) -> Piece | None:
    """Return *value* as it is now; `None` where it is of no shared kind."""
    known = _known.get(id(value))
    try:
        state = value.__dict__
        if known is not None and known[1].kind is type(value) and known[1].check == state:
            return known[1]
        return _new_piece(value, state, known)
    except Exception:  # noqa: BLE001  # a comparison with something of the program's, or an odd class
        return None


def _new_piece(value: Any, state: Any, known: tuple[_Ref, Piece] | None) -> Piece | None:
    kind = type(value)
    found = _formers.get(kind) or _former_of(kind)
    if found is None or type(state) is not dict or not found[1] <= state.keys():
        return None
    copied, check, size, lasting = _copied(state)
    piece = Piece(kind, found[0], copied, check, size, lasting)
    if not lasting:
        return piece
    ref = known[0] if known is not None and known[0]() is value else _reference(value, _known)
    _known[id(value)] = (ref, piece)
    return piece


def _reference(value: Any, table: dict[int, Any]) -> _Ref:
    ref = _Ref(value, _gone)
    ref.key = id(value)
    ref.table = table
    return ref


def piece_list(items: Sequence[Any], length: int) -> PieceList | None:
    """Return *items* of a list as they are now; `None` where that is better done one by one.

    Args:
        items: the program's objects, in a list of ours.
        length: how many the program's list has.
    """
    if len(items) < _SHORTEST_LIST or not is_shared(type(items[0])):
        return None
    try:
        return _as_list(items, length)
    except Exception:  # noqa: BLE001  # as in `piece_of`
        return None


def _as_list(items: Sequence[Any], length: int) -> PieceList | None:
    head = piece_of(items[0])
    if head is None or not head.lasting:
        return None
    rest = items[1:]
    kinds = list(map(type, rest))
    checks = list(map(_state_of, rest))
    found = _lists.get(id(rest[0]))
    last = None if found is None else found[1]
    same = 0 if last is None else _same(last, checks, kinds)
    if last is not None and same == len(rest) == len(last.tail):
        return PieceList(head, last.tail, last.chain, length)
    pieces = [piece for item in rest[same:] if (piece := piece_of(item)) is not None and piece.lasting]
    if same + len(pieces) < len(rest):
        return None
    tail = [*(last.tail[:same] if last is not None else ()), *pieces]
    now = _Last(
        found[0] if found is not None and found[0]() is rest[0] else _reference(rest[0], _lists),
        tail,
        [*(last.checks[:same] if last is not None else ()), *(piece.check for piece in pieces)],
        kinds,
    )
    if last is not None and same:
        now.chain = last.chain
    for piece in pieces:
        piece.chain = now.chain
    _lists[id(rest[0])] = (now.ref, now)
    return PieceList(head, now.tail, now.chain, length, now.tail[same:])


def _same(last: _Last, checks: list[Any], kinds: list[type]) -> int:
    """Return how many messages at the beginning are those of *last*, unchanged."""
    most = min(len(last.checks), len(checks))
    if last.checks[:most] == checks[:most] and last.kinds[:most] == kinds[:most]:
        return most
    pairs = zip(last.checks, checks, last.kinds, kinds, strict=False)
    return next(
        (
            place
            for place, (was, now, kind, kind_now) in enumerate(pairs)
            if kind is not kind_now or was != now
        ),
        most,
    )


# -- copies, and what tells that the original is no longer like them --------------------------------


class _Truth:
    """Stands for `True` or `False`, which `==` would take for numbers."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return other is self.value

    __hash__ = None  # type: ignore[assignment]  # compared only


class _Number:
    """Stands for 0 or 1, which `==` would take for truth values. JSON has one sort of number."""

    __slots__ = ("value",)

    def __init__(self, value: float) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return (type(other) is int or type(other) is float) and other == self.value

    __hash__ = None  # type: ignore[assignment]  # compared only


class _Inner:
    """Stands for an object of a shared kind inside another."""

    __slots__ = ("piece",)

    def __init__(self, piece: Piece) -> None:
        self.piece = piece

    def __eq__(self, other: object) -> bool:
        return type(other) is self.piece.kind and bool(self.piece.check == other.__dict__)

    __hash__ = None  # type: ignore[assignment]  # compared only


def _copied(state: dict[str, Any]) -> tuple[dict[str, Any], Any, int, bool]:
    """Return what `_Freezer` makes of a message's data, with its size and whether all of it is plain.

    This is the program's path, and most of a message is short texts, and containers with nothing in them.
    """
    copied = state.copy()
    size = _CONTAINER + _POINTER * len(copied)
    odd: _Odd | None = None
    for key, item in copied.items():
        kind = type(item)
        if kind is str:
            size += len(item) if len(item) < _SHORT else getsizeof(item)
        elif item is None:
            continue
        elif type(key) is not str:  # to hash another's key would be the program's code
            return state, state, size, False
        elif kind is dict and not item:
            copied[key] = _NO_DICT
        elif kind is list and not item:
            copied[key] = _NO_LIST
        elif kind is dict and (simple := _simple(item)) is not None:
            copied[key], inside = simple
            size += inside
        else:
            odd = odd or _Odd()
            copied[key] = odd.copied(key, item, kind)
    if odd is None:
        return copied, copied, size, True
    check = {**copied, **odd.marks} if odd.marks else copied
    return copied, check, size + odd.size, odd.lasting


class _Odd:
    """Copies those attributes of one object that are not of the simplest kinds."""

    __slots__ = ("_freezer", "lasting", "marks", "size")

    def __init__(self) -> None:
        self._freezer = _Freezer()
        self.marks: dict[str, Any] = {}
        """What is equal to the originals as long as they stay as they are, where the copies are not."""
        self.size = 0
        self.lasting = True

    def copied(self, key: str, item: Any, kind: type) -> Any:
        """Return a copy of *item*, the attribute *key*."""
        if kind is list and (pieces := few_pieces(item)) is not None:
            self.size += _CONTAINER + sum([piece.size + _POINTER for piece in pieces])
            self.lasting = False  # they are known again; what is only round them hardly comes again
            return pieces
        freezer = self._freezer
        before = freezer.size
        kept, mark = freezer.copied(item, 1)
        if mark is not kept:
            self.marks[key] = mark
        self.size += freezer.size - before
        self.lasting = self.lasting and freezer.lasting
        return kept


def _simple(value: dict[Any, Any]) -> tuple[dict[str, Any], int] | None:
    """Return a copy of a short dictionary of texts and numbers, as usage is, and its size.

    `None` for anything else, and for what `==` would not tell from something else.
    """
    if len(value) > _MOST_SIMPLE:
        return None
    size = _CONTAINER + _NUMBER * len(value)
    for key, item in value.items():
        kind = type(item)
        if kind is str:
            size += len(item)
        elif kind is int or kind is float:
            if item == 0 or item == 1:  # noqa: PLR1714  # twice as fast
                return None
        elif item is not None:
            return None
        if type(key) is not str:
            return None
    return value.copy(), size


def few_pieces(items: list[Any]) -> list[Piece] | None:
    """Return *items* of a short list as they are now; `None` where not all are of shared kinds."""
    if len(items) >= _SHORTEST_LIST:
        return None
    pieces = []
    for item in items.copy():
        piece = piece_of(item) if is_shared(type(item)) else None
        if piece is None:
            return None
        pieces.append(piece)
    return pieces


_TRUE, _FALSE = _Truth(True), _Truth(False)
_NO_DICT: dict[str, Any] = {}
_NO_LIST: list[Any] = []
_EMPTY: dict[type, Any] = {dict: _NO_DICT, list: _NO_LIST, tuple: ()}
"""One of each for all pieces: it is read, never written, and stays in the processor's cache."""
_exact: dict[float, _Number] = {0: _Number(0), 1: _Number(1)}
_MOST_SIMPLE = 16
_SHORT = 256
"""Characters of a text whose exact size is not worth a look."""
_SIMPLE = frozenset((str, bytes, type(None)))
_NUMBERS = frozenset((int, float, bool))


class _Freezer:
    """Copies one object's data, and weighs it. What is no plain data, or too much, stays as it is."""

    __slots__ = ("lasting", "room", "size")

    def __init__(self) -> None:
        self.size = 0
        self.room = _MOST_PLACES
        self.lasting = True
        """Whether it was all plain data."""

    def copied(self, value: Any, depth: int) -> tuple[Any, Any]:
        """Return a copy of *value*, and what is equal to *value* while it stays as it is."""
        kind = type(value)
        if kind in _SIMPLE:
            self.size += 0 if value is None else getsizeof(value)
            return value, value
        if kind in _NUMBERS:
            self.size += _NUMBER
            return value, _exact.get(value, value) if kind is not bool else (_TRUE if value else _FALSE)
        if depth < _DEEPEST and self.room > 0 and (found := self._container(value, kind, depth)):
            return found
        self.lasting = False
        return value, value

    def _container(self, value: Any, kind: type, depth: int) -> tuple[Any, Any] | None:
        if not value and kind in _EMPTY:  # as most containers of a message are
            return _EMPTY[kind], _EMPTY[kind]
        if kind is dict and all(type(key) is str for key in value):
            return self._dict(value, depth + 1)
        if kind is list or kind is tuple:
            return self._sequence(value, kind, depth + 1)
        if is_shared(kind) and (piece := piece_of(value)) is not None:
            self.size += piece.size
            self.lasting = self.lasting and piece.lasting
            return piece, _Inner(piece)
        return None

    def _dict(self, value: dict[Any, Any], depth: int) -> tuple[Any, Any]:
        self._enter(len(value))
        copied, check, alike = {}, {}, True
        for key, item in value.items():
            kind = type(item)
            if kind is str or item is None:  # as most are
                self.size += getsizeof(item) if item else 0
                copied[key] = check[key] = item
                continue
            copied[key], check[key] = self.copied(item, depth)
            alike = alike and check[key] is copied[key]
        return copied, (copied if alike else check)

    def _sequence(self, value: Any, kind: type, depth: int) -> tuple[Any, Any]:
        self._enter(len(value))
        pairs = [self.copied(item, depth) for item in value]
        copied = kind([pair[0] for pair in pairs])
        alike = all(pair[0] is pair[1] for pair in pairs)
        return copied, (copied if alike else kind([pair[1] for pair in pairs]))

    def _enter(self, places: int) -> None:
        self.room -= places + 1
        self.size += _CONTAINER + _POINTER * places
