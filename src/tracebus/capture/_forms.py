"""An object that is not plain data as plain data, one level deep."""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import pathlib
import types
import uuid
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

from tracebus.capture._patience import SlowError, is_trusted, within_patience
from tracebus.capture._snapshot import Shortened
from tracebus.capture._text import INTERRUPTIONS, REDACTED, clean_text, safe_repr, safe_str, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tracebus.events import CutReason


class NotHandled:
    """Returned by a `convert` hook for an object it does not know (the class itself is the value)."""


class Unreadable:
    """Stands where reading a field raised (the class itself is the value)."""


class Mapped(NamedTuple):
    """An object: some of its pairs, how many it has, whether reading it failed half-way."""

    pairs: list[tuple[Any, Any]]
    size: int
    broken: bool = False


class Listed(NamedTuple):
    """An array: some of its items, how many it has, whether reading it failed half-way."""

    items: list[Any]
    size: int
    broken: bool = False


class Instead(NamedTuple):
    """Another value to look at in the object's place."""

    value: Any


class Stub(NamedTuple):
    """A short text of our own in the object's place, and why."""

    text: str
    reason: CutReason
    size: int | None = None


Form: TypeAlias = Mapped | Listed | Instead | Stub
_Former: TypeAlias = "Callable[[Any, int], Form]"


def form_of(value: Any, limit: int) -> Form:
    """Return the form of *value*, at most *limit* of its items; never raise.

    What decides is the type alone: attributes of the object, `__class__` included, are code.
    """
    kind = type(value)
    try:
        former = _former_for(kind) or _shown
        if former in _OWN_CODE and not is_trusted(kind):
            return _in_time(former, value, limit)
        return former(value, limit)
    except INTERRUPTIONS:
        raise
    except BaseException:  # noqa: BLE001  # the object's own code failed: its repr may do better
        return _shown(value, limit) if is_trusted(kind) else _in_time(_shown, value, limit)


def _in_time(former: _Former, value: Any, limit: int) -> Form:
    """Return the form of a value whose own code makes it, unless that takes too long."""
    kind = type(value)
    if former is _shown and type.__getattribute__(kind, "__repr__") is _NO_REPR:
        return _shown(value, limit)
    if former in _BY_FIELDS and not _computes(kind):
        return former(value, limit)
    try:
        form: Form = within_patience(kind, lambda: former(value, limit))
    except SlowError:
        return Stub(f"<{type_name(kind)}>", "unserialisable")
    return form


_NO_REPR: Any = object.__repr__


def _computes(kind: type) -> bool:
    """Tell whether reading a field of *kind* may run code: one that a descriptor of the class gives."""
    names = getattr(kind, "__dataclass_fields__", None) or [
        field.name for field in getattr(kind, "__attrs_attrs__", ())
    ]
    for base in type.__getattribute__(kind, "__mro__"):
        for name in names:
            found = base.__dict__.get(name)
            if hasattr(type(found), "__get__") and not isinstance(
                found, types.FunctionType | types.MemberDescriptorType
            ):
                return True
    return False


def _shown(value: Any, _limit: int) -> Form:
    text = safe_repr(value)
    return Stub(f"<{type_name(type(value))}>", "unserialisable") if text is None else Instead(text)


def _former_for(kind: type) -> _Former | None:
    """Return how objects of *kind* are read, `None` for by their `repr`."""
    for base, former in _BY_CLASS:
        if issubclass(kind, base):
            return former
    for attribute, former in _BY_ATTRIBUTE:
        if hasattr(kind, attribute):
            return former
    if all(hasattr(kind, attribute) for attribute in ("tolist", "shape", "dtype")):
        return _table if kind.__module__.startswith("pandas") else _array
    for base, former in _BY_INTERFACE:
        if issubclass(kind, base):
            return former
    return _table if kind.__module__.startswith("pandas") and kind.__name__ == "DataFrame" else None


def _taken(iterable: Iterable[Any], limit: int) -> tuple[list[Any], bool]:
    """Return up to *limit* items, and whether the iteration failed."""
    items: list[Any] = []
    try:
        items.extend(islice(iterable, limit))  # keeps what came before a failure
    except INTERRUPTIONS:
        raise
    except BaseException:  # noqa: BLE001  # the object's own code; the walk notes it as a cut
        return items, True
    return items, False


def _size(value: Any, at_least: int) -> int:
    try:
        return max(len(value), at_least)
    except INTERRUPTIONS:
        raise
    except BaseException:  # noqa: BLE001  # a `__len__` that fails tells nothing
        return at_least


# -- built-in containers and what is derived from them: the base's methods, whatever the subclass does


def _dict(value: dict[Any, Any], limit: int) -> Form:
    return Mapped(list(islice(dict.items(value), limit)), dict.__len__(value))


def _list(value: list[Any], limit: int) -> Form:
    return Listed(list(islice(list.__iter__(value), limit)), list.__len__(value))


def _tuple(value: tuple[Any, ...], limit: int) -> Form:
    names = getattr(type(value), "_fields", None)
    items = list(islice(tuple.__iter__(value), limit))
    size = tuple.__len__(value)
    if type(names) is tuple and len(names) == size:
        return Mapped(list(zip(names, items, strict=False)), size)
    return Listed(items, size)


def _set(value: set[Any] | frozenset[Any], limit: int) -> Form:
    base: Any = set if issubclass(type(value), set) else frozenset
    return Listed(list(islice(base.__iter__(value), limit)), base.__len__(value))


def _deque(value: collections.deque[Any], limit: int) -> Form:
    base = collections.deque
    return Listed(list(islice(base.__iter__(value), limit)), base.__len__(value))


def _shortened(value: Shortened, limit: int) -> Form:
    items = value.items[:limit]
    return Mapped(items, value.size) if value.mapping else Listed(items, value.size)


# -- values


def _bytes(value: bytes | bytearray, _limit: int) -> Form:
    return Stub(f"<{len(value)} bytes>", "binary", len(value))


def _memoryview(value: memoryview, _limit: int) -> Form:
    return Stub(f"<{value.nbytes} bytes>", "binary", value.nbytes)


def _isoformat(value: dt.date | dt.time, _limit: int) -> Form:
    return Instead(clean_text(value.isoformat()))


def _as_str(value: Any, limit: int) -> Form:
    text = safe_str(value)
    return _shown(value, limit) if text is None else Instead(text)


def _enum(value: enum.Enum, _limit: int) -> Form:
    return Instead(value._value_)


def _exception(value: BaseException, _limit: int) -> Form:
    return Mapped([("type", type_name(type(value))), ("message", safe_str(value))], 2)


def _named(value: Any, limit: int) -> Form:
    if issubclass(type(value), type):
        return Instead(type_name(value))
    name = getattr(value, "__qualname__", None)
    module = getattr(value, "__module__", None)
    if type(name) is str and type(module) is str:
        return Instead(clean_text(f"{module}.{name}"))
    return _shown(value, limit)


def _secret(_value: Any, _limit: int) -> Form:
    return Stub(REDACTED, "redacted")


# -- objects with declared fields: read one by one, no serialiser run, no attribute beyond them


def _fields(value: Any, names: Iterable[str], limit: int) -> Form:
    listed = list(names)
    return Mapped([(name, _field(value, name)) for name in listed[:limit]], len(listed))


def _field(value: Any, name: str) -> Any:
    try:
        return object.__getattribute__(value, name)
    except INTERRUPTIONS:
        raise
    except BaseException:  # noqa: BLE001  # an unset slot, or a descriptor that fails
        return Unreadable


def _dataclass(value: Any, limit: int) -> Form:
    return _fields(value, (field.name for field in dataclasses.fields(value)), limit)


def _attrs(value: Any, limit: int) -> Form:
    return _fields(value, (field.name for field in type(value).__attrs_attrs__), limit)


def _struct(value: Any, limit: int) -> Form:
    return _fields(value, type(value).__struct_fields__, limit)


def _pydantic(value: Any, limit: int) -> Form:
    """Read a pydantic 2 model; fields its author excluded from serialisation stay out."""
    declared = type(value).__pydantic_fields__
    held: dict[str, Any] = object.__getattribute__(value, "__dict__")
    shown = {name: item for name, item in held.items() if not _excluded(declared.get(name))}
    shown.update(_field_or(value, "__pydantic_extra__", {}))
    return _dict(shown, limit)


def _pydantic_v1(value: Any, limit: int) -> Form:
    return _dict(object.__getattribute__(value, "__dict__"), limit)


def _excluded(field: Any) -> bool:
    return getattr(field, "exclude", None) is True


def _field_or(value: Any, name: str, default: Any) -> Any:
    found = _field(value, name)
    return default if found is Unreadable or found is None else found


# -- arrays and tables: never more converted than kept


def _array(value: Any, limit: int) -> Form:
    """Read a numpy scalar or array row by row: `tolist` of a whole array could be billions of items."""
    shape = value.shape
    if not shape:
        return Instead(value.tolist())
    rows = value[:limit]
    return Listed(list(rows) if len(shape) > 1 else rows.tolist(), int(shape[0]))


def _table(value: Any, limit: int) -> Form:
    """Read a pandas DataFrame as records, a Series or Index as a list."""
    size = len(value)
    if type(value).__name__ == "DataFrame":
        return Listed(value.iloc[:limit, :limit].to_dict("records"), size)
    return Listed(value[:limit].tolist(), size)


# -- interfaces


def _mapping(value: collections.abc.Mapping[Any, Any], limit: int) -> Form:
    pairs, broken = _taken(((key, value[key]) for key in value), limit)
    return Mapped(pairs, _size(value, len(pairs)), broken)


def _collection(value: collections.abc.Collection[Any], limit: int) -> Form:
    items, broken = _taken(value, limit)
    return Listed(items, _size(value, len(items)), broken)


_BY_CLASS: tuple[tuple[Any, _Former], ...] = (
    (str, lambda value, _: Instead(clean_text(value))),
    (int, lambda value, _: Instead(int.__pos__(value))),
    (float, lambda value, _: Instead(float.__pos__(value))),
    (dict, _dict),
    (list, _list),
    (tuple, _tuple),
    ((set, frozenset), _set),
    (collections.deque, _deque),
    (Shortened, _shortened),
    ((bytes, bytearray), _bytes),
    (memoryview, _memoryview),
    (enum.Enum, _enum),
    ((dt.date, dt.time), _isoformat),
    (
        (
            *(dt.timedelta, uuid.UUID, decimal.Decimal, fractions.Fraction, complex),
            *(pathlib.PurePath, collections.UserString, range),
        ),
        _as_str,
    ),
    (msgspec.Struct, _struct),
    (BaseException, _exception),
    ((type, types.FunctionType, types.BuiltinFunctionType, types.MethodType), _named),
)
_BY_ATTRIBUTE: tuple[tuple[str, _Former], ...] = (
    ("get_secret_value", _secret),
    ("__pydantic_fields__", _pydantic),
    ("__dataclass_fields__", _dataclass),
    ("__attrs_attrs__", _attrs),
    ("__fields_set__", _pydantic_v1),
)
# An iterator is read once only, and reading it here would take it from the program: by its repr.
_BY_INTERFACE: tuple[tuple[Any, _Former], ...] = (
    (collections.abc.Iterator, _shown),
    (collections.abc.Mapping, _mapping),
    ((collections.abc.Sequence, collections.abc.Set, collections.abc.ValuesView), _collection),
)

_BY_FIELDS = frozenset((_dataclass, _attrs))
_OWN_CODE = frozenset((_shown, _as_str, _exception, _array, _table, _mapping, _collection, *_BY_FIELDS))
"""Ways to read a value that run code of its class."""
