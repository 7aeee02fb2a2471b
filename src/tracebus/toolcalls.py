"""Which pieces of a stream make up one tool call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["StreamedCall", "StreamedCalls", "is_whole_object"]

_OPENING, _CLOSING = frozenset("{["), frozenset("}]")


class StreamedCall:
    """A tool call as far as it has been streamed."""

    __slots__ = ("_args", "_scan", "certain", "id", "index", "key", "name")

    def __init__(self, key: int, index: int | None) -> None:
        self.key: Final = key
        """Its number among the calls of its run, unlike every other call's: the provider's index where
        no other call has that."""
        self.index = index
        self.id: str | None = None
        self.name = ""
        self.certain = True
        """Whether every piece that may be this call's is known to be. Never true again once it is not."""
        self._args: list[str] = []
        self._scan = _Scan()

    def add(self, id_: str | None, name: str | None, args: str) -> None:
        """Take in a piece. Names come whole, though some providers repeat them in every piece."""
        self.id = self.id or id_
        self.name = self.name or name or ""
        if args:
            self._args.append(args)

    @property
    def complete(self) -> bool:
        """Whether the arguments so far are a whole JSON object, as far as brackets tell."""
        for part in self._args:
            self._scan.feed(part)
        self._args.clear()
        return self._scan.complete


class StreamedCalls:
    """Tells which tool call a streamed piece belongs to, by whatever the provider identifies it with.

    Most number their calls and send the id with a call's first piece. Others repeat id and name in every
    piece, send no index, put every call under index 0, or send calls without ids one after the other. As
    in langchain-core, pieces with two ids are never one call's, and a piece without an id continues the
    call of its index. Where several unfinished calls might be meant, none is.
    """

    __slots__ = ("_by_index", "_calls", "_keys")

    def __init__(self) -> None:
        self._calls: list[StreamedCall] = []
        self._by_index: dict[int | None, list[StreamedCall]] = {}
        self._keys: set[int] = set()

    def take(self, index: int | None, id_: str | None, name: str | None, args: str) -> StreamedCall | None:
        """Return the call a piece belongs to, a new one perhaps; `None` where that cannot be told."""
        among = self._calls if index is None else self._by_index.get(index, ())
        if index is not None and len(among) == 1 and name is None and id_ in (None, among[0].id):
            call = among[0]  # nearly every piece
            call.add(id_, None, args)
            return call
        fitting = self._by_id(index, id_, name) if id_ else self._without_id(index, name, args)
        if len(fitting) > 1:
            for one in fitting:
                one.certain = False
            return None
        call = fitting[0] if fitting else self._opened(index)
        call.add(id_, name, args)
        return call

    def __iter__(self) -> Iterator[StreamedCall]:
        """Iterate over the calls in the order they began."""
        return iter(self._calls)

    def certain(self, key: int) -> bool:
        """Say whether every piece that may be the call's with that *key* is known to be."""
        return all(call.certain for call in self._calls if call.key == key)

    def _by_id(self, index: int | None, id_: str, name: str | None) -> list[StreamedCall]:
        among = self._calls if index is None else [*self._by_index.get(index, ()), *self._unnumbered()]
        if same := [call for call in among if call.id == id_]:
            return same[-1:]
        if elsewhere := [call for call in self._calls if call.id == id_ and not call.complete]:
            # One id under two indices, and its first call is not over: a new call, or the old one's rest.
            return [*elsewhere, self._opened(index)]
        # An id that comes late: for a call that began without.
        return [call for call in among if call.id is None and _fits(call, name) and not call.complete]

    def _without_id(self, index: int | None, name: str | None, args: str) -> list[StreamedCall]:
        among = self._calls if index is None else self._by_index.get(index, [])
        if fitting := [call for call in among if _fits(call, name) and not call.complete]:
            return fitting
        continues = name is None or (not args and among and among[-1].name == name)
        return among[-1:] if continues else []

    def _unnumbered(self) -> list[StreamedCall]:
        return self._by_index.get(None, [])

    def _opened(self, index: int | None) -> StreamedCall:
        key = len(self._calls) if index is None else index
        while key in self._keys:
            key += 1
        self._keys.add(key)
        call = StreamedCall(key, index)
        self._calls.append(call)
        self._by_index.setdefault(index, []).append(call)
        return call


def is_whole_object(args: str) -> bool:
    """Say whether *args* is one JSON object from its first bracket to the last, as far as brackets tell."""
    scan = _Scan()
    scan.feed(args)
    return scan.complete


def _fits(call: StreamedCall, name: str | None) -> bool:
    return name is None or not call.name or call.name == name


class _Scan:
    """How deep in brackets a JSON text is, read in pieces."""

    __slots__ = ("_began", "_depth", "_escaped", "_quoted")

    def __init__(self) -> None:
        self._depth = 0
        self._began = self._quoted = self._escaped = False

    @property
    def complete(self) -> bool:
        return self._began and self._depth <= 0

    def feed(self, text: str) -> None:
        for char in text:
            if self._quoted:
                self._quoted = char != '"' or self._escaped
                self._escaped = char == "\\" and not self._escaped
            elif char == '"':
                self._quoted = True
            elif char in _OPENING:
                self._depth += 1
                self._began = True
            elif char in _CLOSING:
                self._depth -= 1
