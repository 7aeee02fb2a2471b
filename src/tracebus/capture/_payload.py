"""A payload captured on the hot path and turned into JSON when a reader wants it."""

from __future__ import annotations

from sys import getsizeof
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import force_setattr

from tracebus.capture._pieces import Piece
from tracebus.capture._reuse import ChunkForm, ListUse, PieceForm
from tracebus.capture._simple import simple
from tracebus.capture._snapshot import lasting, weighed
from tracebus.capture._walk import Walked, to_json, walked
from tracebus.events import Cut, Deferred, ModelInfo
from tracebus.memory import bytes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tracebus.capture._pieces import Share
    from tracebus.capture._policy import Capture
    from tracebus.events import CutReason, Event

CONTENT_FIELDS = frozenset(("inputs", "outputs", "data", "chunk", "partial_variables"))
"""Fields that `Capture(content=False)` empties."""

# With content off a string parameter may carry a prompt (`system`, `instructions`); these do not.
_PLAIN_PARAMETERS = frozenset(
    {
        *("_type", "model", "model_name", "model_id", "engine", "deployment_name", "provider"),
        *("stop", "stop_sequences", "reasoning_effort", "service_tier", "tool_choice", "verbosity"),
        *("encoding_format", "output_version", "truncation", "base_url"),
    }
)


_UNKNOWN = 512
"""Bytes of a value nobody has looked into."""


_MOST_LONGER = 40
"""How many times as many characters as it keeps bytes a piece takes at most: of long keys and numbers."""


class Weight:
    """What a payload keeps in memory."""

    __slots__ = ("exchanged", "own", "shares", "used")

    def __init__(self, own: int, shares: tuple[Share, ...]) -> None:
        self.own = own
        """Bytes that nothing else keeps, about."""
        self.shares = shares
        """What of it others may keep, too."""
        self.exchanged: tuple[tuple[int, str, int], ...] = ()
        """Long texts, by their ids, of which something shorter is kept once it is settled, and its bytes."""
        self.used: tuple[object, ...] = ()
        """What parts of its JSON are other events', too: they are known again while this is kept."""

    def became(self, found: Walked) -> None:
        """Take note that the payload is JSON now."""
        own = found.own
        if found.texts:
            known = {id(thing) for thing, _ in self.shares}
            own -= sum(size for text, size, _ in found.texts if text in known)
            self.exchanged = tuple(
                (text, shown, getsizeof(shown))
                for text, _, shown in found.texts
                if text in known and text != id(shown)
            )
        self.own = own
        self.shares = ()  # what the program has need not be kept any more
        self.used = found.used


class CapturedPayload(Deferred, msgspec.Struct, gc=False, eq=False):
    """A value of the program, in the field of an event until somebody reads the event.

    A `Struct` as the events are, and for their reasons: it is made without Python code, and the garbage
    collector need not look through all that a log holds.

    Args:
        value: what `snapshot` returned.
        capture: the policy.
        convert: see `to_json`.
        bound: bytes *value* keeps in memory, at the most.
    """

    _value: Any
    _capture: Capture
    _convert: Callable[[object], Any] | None = None
    bound: int = _UNKNOWN
    _settled: tuple[str, Any, tuple[Cut, ...]] | None = None
    weight: Weight | None = None
    """What it keeps in memory, once somebody has asked."""

    def weigh(self) -> Weight:
        """Return what it keeps in memory, from now on kept account of."""
        if self.weight is None:
            self.weight = Weight(*weighed(self._value))
        return self.weight

    def lasting(self) -> int | None:
        """Return about how many bytes it keeps, if the program can change nothing in it any more."""
        return lasting(self._value) if self._settled is None else bytes_of((self._value,), set())

    def has(self, *path: str) -> bool:
        """Tell whether there will be a list with something in it at *path*, past lists of one."""
        policy, value = self._capture, self._value
        if self._settled is not None or policy.redact is not None or not policy.content:
            return False
        for name in path:
            if type(value) is list and len(value) == 1:
                value = value[0]
            if type(value) is Piece and value.lasting and value.size * _MOST_LONGER < policy.max_size:
                value = value.plain()  # so short that no limit of the whole leaves anything out
            elif type(value) is not dict or len(value) > 1:
                return False
            if len(value) > policy.max_items:
                return False
            # Not `get`: it might ask a key of the program whether it is the name.
            value = next((item for key, item in value.items() if type(key) is str and key == name), None)
        return type(value) is list and len(value) > 0

    def settle_at_once(self, event: Event, field: str) -> bool:
        """Do what `settle_into` does with short texts and numbers, of which nothing is to be cut."""
        capture, value = self._capture, self._value
        # Asked for last: then *value* is what was captured, and not another thread's JSON of it, cut already.
        if capture.redact is not None or not capture.content or self._settled is not None:
            return False
        try:
            found = simple(value, capture)
        except Exception:  # noqa: BLE001  # `settle_into` meets it again, and says so
            return False
        if found is None or (field == "metadata" and not (capture.metadata and type(found.plain) is dict)):
            return False
        self._became(field, Walked(found.plain, (), found.own, found.used))
        force_setattr(event, field, found.plain)
        return True

    def settle_into(self, event: Event, field: str) -> None:
        """Replace this object in *event*'s *field* by JSON and note there what was cut.

        The value itself is let go. Settled again, for a copy of the event, it gives the same JSON.
        """
        # Before it is asked for what it became, as in `settle_at_once`: both are then as they were captured.
        value, convert = self._value, self._convert
        settled = self._settled
        if settled is None or settled[0] != field:
            settled = self._became(field, self._json(field, value, convert))
        _, value, cuts = settled
        replace_field(event, field, value, cuts)

    def _became(self, field: str, found: Walked) -> tuple[str, Any, tuple[Cut, ...]]:
        settled = self._settled = (field, found.value, found.cuts)
        self._value = found.value
        self._convert = None
        if self.weight is None:  # nobody has weighed it, and its pieces with it
            self.weight = Weight(0, ())
            self.weight.became(found)
            self.weight.shares = tuple(_shares_of(found.used))
        else:
            self.weight.became(found)
        return settled

    def _withheld(self, field: str) -> CutReason | None:
        """Say why *field* is to stay empty, `None` if it is not."""
        if field in CONTENT_FIELDS and not self._capture.content:
            return "content"
        # A secret may straddle two chunks; what the chunks add up to is in the outputs, redacted.
        return "redacted" if field == "chunk" and not self._capture.streams_text else None

    def _json(self, field: str, value: Any, convert: Callable[[object], Any] | None) -> Walked:
        pointer = f"/{field}"
        withheld = self._withheld(field)
        if withheld is not None and value is not None:
            return Walked(None, (Cut(pointer, withheld),))
        if field != "metadata":
            return walked(value, self._capture, pointer, convert)
        if not self._capture.metadata:
            return Walked({}, (Cut(pointer, "content"),))
        found = walked(value, self._capture, pointer, convert)
        if type(found.value) is dict:
            return found
        return Walked({}, (*found.cuts, Cut(pointer, "unserialisable")))


class CapturedModel(Deferred):
    """A model and its request parameters, in the field `model` until somebody reads the event.

    With content off, parameters that may carry content stay out: structures, and strings but for
    some known names.
    """

    __slots__ = ("_capture", "_convert", "_name", "_parameters", "_provider", "_settled")

    def __init__(
        self,
        provider: str | None,
        name: str | None,
        parameters: Any,
        capture: Capture,
        convert: Callable[[object], Any] | None = None,
    ) -> None:
        self._provider = provider
        self._name = name
        self._parameters = parameters
        self._capture = capture
        self._convert = convert
        self._settled: tuple[ModelInfo, tuple[Cut, ...]] | None = None

    def settle_into(self, event: Event, field: str) -> None:
        """Replace this object in *event*'s *field* by a `ModelInfo` and note there what was cut."""
        given, convert = self._parameters, self._convert  # as in `CapturedPayload.settle_into`
        settled = self._settled
        if settled is None:
            settled = self._settled = self._info(f"/{field}", given, convert)
            self._parameters = self._convert = None
        replace_field(event, field, *settled)

    def _info(
        self, pointer: str, given: Any, convert: Callable[[object], Any] | None
    ) -> tuple[ModelInfo, tuple[Cut, ...]]:
        value, cuts = to_json(given, self._capture, f"{pointer}/parameters", convert)
        parameters = value if type(value) is dict else {}
        if not self._capture.content:
            content = [name for name, item in parameters.items() if _may_be_content(name, item)]
            cuts = tuple(cut for cut in cuts if not cut.path.startswith(f"{pointer}/parameters/"))
            cuts += tuple(Cut(f"{pointer}/parameters/{name}", "content") for name in content)
            parameters = {name: item for name, item in parameters.items() if name not in content}
        provider, cuts_provider = to_json(self._provider, self._capture, f"{pointer}/provider")
        name, cuts_name = to_json(self._name, self._capture, f"{pointer}/name")
        info = ModelInfo(provider=_text(provider), name=_text(name), parameters=parameters)
        return info, (*cuts, *cuts_provider, *cuts_name)


def _shares_of(used: Iterable[object]) -> Iterator[Share]:
    """Yield the forms of the pieces in a payload's JSON, which other events may hold, and their sizes."""
    for use in used:
        for part in use.segments if isinstance(use, ListUse) else (use,):
            for form in part.forms if isinstance(part, ChunkForm) else (part,):
                if isinstance(form, PieceForm):
                    yield form, form.size


def replace_field(event: Event, field: str, value: Any, cuts: tuple[Cut, ...]) -> None:
    """Put *value* into a frozen event's *field* and add *cuts* to its cuts."""
    force_setattr(event, field, value)
    if cuts:
        before: tuple[Cut, ...] = getattr(event, "cuts", ())
        force_setattr(event, "cuts", before + cuts)


def _may_be_content(name: str, value: Any) -> bool:
    if name in _PLAIN_PARAMETERS:
        return type(value) is dict
    return value is not None and type(value) not in {bool, int, float}


def _text(value: Any) -> str | None:
    return value if type(value) is str else None
