"""Any value as JSON within limits, and a note of everything that was cut."""

from __future__ import annotations

import logging
import math
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from tracebus.capture._forms import Instead, Listed, Mapped, NotHandled, Stub, Unreadable, form_of
from tracebus.capture._patience import SlowError, redacted_in_time
from tracebus.capture._piece_forms import LIST_SIZE, list_again, piece_form
from tracebus.capture._pieces import Piece, PieceList, hooks, is_shared, piece_of
from tracebus.capture._reuse import PieceForm, remember
from tracebus.capture._simple import simple, simple_form
from tracebus.capture._text import INTERRUPTIONS, REDACTED, clean_text, clipped, safe_repr, type_name
from tracebus.capture._texts import NUMBER_SIZE, Texts
from tracebus.events import Cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracebus.capture._noting import Path
    from tracebus.capture._policy import Capture


_LONGEST_KEY = 256
_PAIR = 2
_MOST_CONVERSIONS = 8  # of one value into another, before its `repr` must do
_NAME_KEYS = ("name", "key", "header")

_NUMBERS = frozenset((bool, int, float))

_Convert: TypeAlias = "Callable[[object], Any]"

_log = logging.getLogger("tracebus.capture")


def to_json(
    value: Any, capture: Capture, pointer: str = "", convert: _Convert | None = None
) -> tuple[Any, tuple[Cut, ...]]:
    """Turn *value* into what every JSON and MessagePack encoder takes, and say what was cut.

    Strings lose lone surrogates; NaN and the infinities become `"NaN"`, `"Infinity"` and
    `"-Infinity"` (as in protobuf's JSON mapping); integers beyond 64 bits become strings; so do keys,
    where a key met twice gets its position behind it; bytes become `"<12 bytes>"`. Dataclasses, attrs,
    msgspec and pydantic models become objects without their serialisers being run, numpy and pandas
    values lists of which no more is converted than is kept. Generators, locks, files and everything
    unknown become their `repr`; nothing is iterated that cannot be iterated twice.

    Args:
        value: anything at all.
        capture: the limits and what to redact. Its `content` switch is not consulted here.
        pointer: where the value stands in its event, the prefix of every cut's path.
        convert: asked first for every object that is not plain data; returns other data in its place,
            or `NotHandled`.

    Returns:
        JSON data of exact built-in types, and the cuts. Nothing is raised but `KeyboardInterrupt` and
        `SystemExit`.
    """
    found = walked(value, capture, pointer, convert)
    return found.value, found.cuts


class Walked(NamedTuple):
    """A payload's JSON, what was cut, and what it shares with other payloads."""

    value: Any
    cuts: tuple[Cut, ...]
    own: int = 0
    """Characters of it that are no piece's."""
    used: tuple[object, ...] = ()
    """The forms of the pieces in it; while somebody keeps them they are known again."""
    texts: Sequence[tuple[int, int, str]] = ()
    """The long texts in it by their ids, with their sizes, which `own` has, and what is shown of them."""


def walked(value: Any, capture: Capture, pointer: str = "", convert: _Convert | None = None) -> Walked:
    """Do what `to_json` does, and say what the result is made of."""
    if capture.redact is None:
        try:
            known = simple(value, capture)
        except Exception:  # noqa: BLE001  # the long way meets it again, and shows what it can
            known = None
        if known is not None:
            return Walked(known.plain, (), known.own, known.used)
        return _walked(value, capture, pointer, convert)
    if value is None or type(value) in _NUMBERS:
        return _walked(value, capture, pointer, convert)
    try:
        found: Walked = redacted_in_time(capture, lambda: _walked(value, capture, pointer, convert))
    except SlowError:
        return Walked(REDACTED, (Cut(pointer, "redacted"),))
    return found


def _walked(value: Any, capture: Capture, pointer: str, convert: _Convert | None) -> Walked:
    walk = _Walk(capture, pointer, convert)
    try:
        result = walk.value(value, None, 0)
    except INTERRUPTIONS:
        raise
    except BaseException as error:  # noqa: BLE001  # the last resort: the event goes out without the value
        _log.debug("a payload could not be captured", exc_info=error)
        return Walked(f"<{type_name(type(value))}>", (Cut(pointer, "unserialisable"),))
    return Walked(result, walk.noted(), walk.own(), tuple(walk.used), walk.texts)


class _Walk(Texts):
    """One payload's way to JSON."""

    __slots__ = (
        "_convert", "_deepest", "_knows", "_open", "used",
    )  # fmt: skip

    def __init__(self, capture: Capture, pointer: str, convert: _Convert | None) -> None:
        self._capture = capture
        self._pointer = pointer
        self._convert = convert
        self._knows = convert in hooks
        self._redacting = capture.redact is not None
        self._longest = capture.max_string
        self._room = capture.max_size
        self._open: set[int] = set()
        self._cuts: list[Cut] = []
        self._more_cuts = 0
        self._deepest = 0
        self._shared = 0
        self.used: list[object] = []
        self.texts: list[tuple[int, int, str]] = []

    def value(self, value: Any, path: Path, depth: int, /) -> Any:
        """Return the JSON form of *value*, which stands at *path* inside *depth* containers."""
        kind = type(value)
        if kind is str:
            return self._string(value, path)
        if value is None or kind is bool:
            self._room -= NUMBER_SIZE
            return value
        if kind is int or kind is float:
            self._room -= NUMBER_SIZE
            return self._integer(value, path) if kind is int else _float(value)
        if kind is dict:
            size, limit = len(value), self._capture.max_items
            pairs = list(value.items() if size <= limit else islice(value.items(), limit))
            return self._mapping(value, pairs, size, path, depth)
        if kind is list or kind is tuple:
            return self._listing(value, list(value[: self._capture.max_items]), len(value), path, depth)
        return self._object(value, path, depth)

    # -- containers -----------------------------------------------------------------------------

    def _mapping(
        self,
        source: Any,
        pairs: list[tuple[Any, Any]],
        size: int,
        path: Path,
        depth: int,
        *,
        broken: bool = False,
    ) -> Any:
        refused = self._refused(source, size, path, depth)
        if refused is not None:
            return refused
        result: dict[str, Any] = {}
        for key, item in pairs:
            if self._room <= 0:
                break
            if type(key) is str and len(key) <= _LONGEST_KEY and key.isascii() and key not in result:
                name = key
                self._room -= len(key) + 4
            else:
                name = self._key(key, result, path)
            here = (path, name)
            secret = item is not None and type(item) is not bool and self._capture.is_secret(name)
            result[name] = self._redacted(here) if secret else self.value(item, here, depth + 1)
        if len(result) < size or broken:
            self._note_missing(len(result), len(pairs), size, path, broken=broken)
        self._open.discard(id(source))
        return self._pair_redacted(result, path)

    def _listing(
        self, source: Any, items: list[Any], size: int, path: Path, depth: int, *, broken: bool = False
    ) -> Any:
        refused = self._refused(source, size, path, depth)
        if refused is not None:
            return refused
        result: list[Any] = []
        for index, item in enumerate(items):
            if self._room <= 0:
                break
            here = (path, index)
            if self._is_secret_pair(item):
                result.append([self._limited(item[0], here), self._redacted((here, 1))])
            else:
                result.append(self.value(item, here, depth + 1))
        if len(result) < size or broken:
            self._note_missing(len(result), len(items), size, path, broken=broken)
        self._open.discard(id(source))
        return result

    def _refused(self, source: Any, size: int, path: Path, depth: int) -> str | None:
        """Enter a container, or return what stands in its place where it must not be entered."""
        self._room -= 3
        if id(source) in self._open:
            self._note(path, "cycle")
            return self._placeholder("<cycle>")
        if depth >= self._capture.max_depth:
            self._note(path, "depth", size)
            return self._placeholder(f"<{type_name(type(source))} of {size} items>")
        self._deepest = max(self._deepest, depth)
        self._open.add(id(source))
        return None

    def _note_missing(self, kept: int, taken: int, size: int, path: Path, *, broken: bool) -> None:
        """Note why a container of *size* items, *taken* of them tried, has only *kept*."""
        if broken:
            self._note(path, "unserialisable", size)
        if kept < taken:
            self._note(path, "size", size)
        elif kept < size and not broken:
            self._note(path, "items", size)

    def _key(self, key: Any, taken: dict[str, Any], path: Path) -> str:
        name = clean_text(key) if type(key) is str else _key_text(key)
        if len(name) > _LONGEST_KEY:
            self._note((path, clipped(name, _LONGEST_KEY)), "length", len(name))
            name = clipped(name, _LONGEST_KEY)
        position, unique = len(taken), name
        while unique in taken:
            position += 1
            unique = f"{name} ({position})"
        self._room -= len(unique) + 4
        return unique

    def _is_secret_pair(self, item: Any) -> bool:
        """Say whether *item* is a `(name, value)` pair, as of an HTTP header, with a secret name."""
        if not (type(item) is tuple or type(item) is list) or len(item) != _PAIR:
            return False
        name, value = item
        return type(name) is str and self._capture.is_secret(name) and type(value) in {str, bytes}

    def _pair_redacted(self, result: dict[str, Any], path: Path) -> dict[str, Any]:
        """Redact `{"name": "Authorization", "value": …}`, the other form of a pair."""
        if "value" not in result or result["value"] == REDACTED:
            return result
        names = (result.get(key) for key in _NAME_KEYS)
        if any(isinstance(name, str) and self._capture.is_secret(name) for name in names):
            result["value"] = self._redacted((path, "value"))
        return result

    # -- everything else ------------------------------------------------------------------------

    def _object(self, value: Any, path: Path, depth: int) -> Any:
        if value is Unreadable:
            self._note(path, "unserialisable")
            return self._placeholder("<unreadable>")
        if type(value) is PieceList:
            return self._pieces(value, path, depth)
        piece = self._as_piece(value)
        return self._other(value, path, depth) if piece is None else self._piece(piece, path, depth)

    def _as_piece(self, value: Any) -> Piece | None:
        """Return the piece *value* is, or, where it was met inside another object, has become by now."""
        if type(value) is Piece:
            return value
        return piece_of(value) if self._knows and is_shared(type(value)) else None

    def _other(self, value: Any, path: Path, depth: int) -> Any:
        found = value
        for _ in range(_MOST_CONVERSIONS):
            form = self._converted(found) or form_of(found, self._capture.max_items)
            match form:
                case Instead(found):  # a LangChain object, most often
                    if type(found) in _PLAIN:
                        return self._entered(value, found, path, depth)
                case Mapped(pairs, count, broken):
                    return self._mapping(value, pairs, count, path, depth, broken=broken)
                case Listed(items, count, broken):
                    return self._listing(value, items, count, path, depth, broken=broken)
                case Stub(text, reason, size):
                    self._note(path, reason, size)
                    return self._placeholder(text)
        return self._string(safe_repr(value) or f"<{type_name(type(value))}>", path)

    def _converted(self, value: Any) -> Instead | None:
        if self._convert is None:
            return None
        try:
            result = self._convert(value)
        except INTERRUPTIONS:
            raise
        except BaseException as error:  # noqa: BLE001  # without the hook the value is still shown
            _log.debug("the hook for %s failed", type_name(type(value)), exc_info=error)
            return None
        return None if result is NotHandled or result is value else Instead(result)

    def _entered(self, source: Any, plain: Any, path: Path, depth: int) -> Any:
        """Look at *plain* in *source*'s place; a source met again inside itself is a cycle."""
        if id(source) in self._open:
            self._note(path, "cycle")
            return self._placeholder("<cycle>")
        self._open.add(id(source))
        try:
            return self.value(plain, path, depth)
        finally:
            self._open.discard(id(source))

    # -- what was met before --------------------------------------------------------------------

    def _piece(self, piece: Piece, path: Path, depth: int) -> Any:
        """Return the JSON of *piece*: what was made of it before, where that fits."""
        form = None if self._redacting else self._form(piece, depth)
        if form is None or form.size > self._room or id(piece) in self._open:
            return self._entered(piece, piece.plain(), path, depth)
        self._room -= form.size
        self._shared += form.size
        self._deepest = max(self._deepest, form.deepest - form.depth + depth)
        self._note_again(form, path)
        self.used.append(form)
        return form.plain

    def _form(self, piece: Piece, depth: int) -> PieceForm | None:
        return piece_form(piece, depth, self._capture, self._new_form)

    def _new_form(self, piece: Piece, depth: int) -> PieceForm:
        """Return what *piece* looks like inside *depth* containers; size -1 where none may hold it."""
        capture = self._capture
        if (known := simple_form(piece, depth, capture)) is not None:
            return known
        walk = _Walk(capture, "", self._convert)
        walk._deepest = depth
        plain = walk._entered(piece, piece.plain(), None, depth)
        cut_short = walk._room < 0 or any(cut.reason == "size" for cut in walk._cuts)
        size = -1 if cut_short else capture.max_size - walk._room
        form = PieceForm(plain if size >= 0 else None, size, tuple(walk._cuts), walk._more_cuts)
        form.depth, form.deepest = depth, walk._deepest
        form.exact_depth = cut_short or any(cut.reason in {"depth", "cycle"} for cut in walk._cuts)
        if walk._more_cuts:
            form.exact_depth = True  # a cut that is not listed may be one of these
        return form

    def _pieces(self, found: PieceList, path: Path, depth: int) -> Any:
        """Return the JSON of a list of pieces: of what was in the list before, all at once."""
        if not self._redacting and depth + 1 < self._capture.max_depth:
            again = self._list_again(found, path, depth)
            if again is not None:
                return again
        return self._listing(found, found.pieces, found.length, path, depth)

    def _list_again(self, found: PieceList, path: Path, depth: int) -> list[Any] | None:
        again = list_again(found, depth, self._capture, self._form)
        if again is None or again.size + LIST_SIZE > self._room or id(found) in self._open:
            return None
        self._room -= again.size + LIST_SIZE
        self._shared += again.size
        self._deepest = max(self._deepest, depth + 1)
        for place, form in again.noted:
            self._note_again(form, (path, place))
        if found.length > len(again.plain):
            self._note(path, "items", found.length)
        remember(again.use)
        self.used.append(again.use)
        return again.plain


_PLAIN = frozenset((str, int, float, bool, type(None), dict, list, tuple))


def _float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _key_text(key: Any) -> str:
    """Return a key that is no `str` as one: numbers and constants as JSON writes them."""
    if key is None or type(key) is bool:
        return {None: "null", True: "true", False: "false"}[key]
    if type(key) is bytes and len(key) <= _LONGEST_KEY and key.isascii():
        return key.decode()  # as in ASGI's headers: a name, and perhaps a secret's
    form = form_of(key, 1)
    if isinstance(form, Stub):
        return form.text
    found = form.value if isinstance(form, Instead) and type(form.value) in _PLAIN else key
    if type(found) is str:
        return found
    return safe_repr(found) or f"<{type_name(type(key))}>"  # an integer of thousands of digits has no repr
