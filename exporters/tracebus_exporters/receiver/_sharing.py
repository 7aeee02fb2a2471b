"""Works out once what many spans of a service say of themselves in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from tracebus.capture import to_json
from tracebus.events import RunKind
from tracebus_exporters.otel.conventions import _semconv as sc
from tracebus_exporters.receiver._metadata import metadata_of
from tracebus_exporters.receiver._models import MODELS, answering, asked
from tracebus_exporters.receiver._reading import first_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracebus.capture import Capture
    from tracebus.events import Cut, ModelInfo
    from tracebus_exporters.receiver._plan import Plan
    from tracebus_exporters.receiver._span import Span

__all__ = ["Identity", "identity_of", "metadata_kept"]

_T = TypeVar("_T")
_MOST = 4_096
_LONGEST = 200


class Identity(NamedTuple):
    """What a span is."""

    kind: RunKind
    name: str | None
    """What it calls itself; `None` where its span's name has to do."""
    asked: ModelInfo | None
    answered: ModelInfo | None


class _Memo(Generic[_T]):
    """Remembers what followed from a plan's attributes.

    Values are known with their types: `1`, `1.0` and `True` are equal. The policy is kept with what was made
    under it, so that no other can come to have its identity, by which it is known: hashing it was most of the
    work.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], tuple[_T, Capture]] = {}

    def get(self, key: tuple[Any, ...]) -> _T | None:
        """Return what is remembered, `None` where nothing is."""
        try:
            found = self._known.get(key)
        except TypeError:  # a list or a map: not hashable
            return None
        return None if found is None else found[0]

    def keep(self, key: tuple[Any, ...], values: tuple[Any, ...], made: _T, capture: Capture) -> _T:
        """Remember *made* where *values* are flat and short; return it."""
        if all(map(_is_small, values)):
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[key] = made, capture
        return made


def _is_small(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST
    return value is None or isinstance(value, int | float)


_identities = _Memo[Identity]()
_metadata = _Memo[tuple[dict[str, Any], "tuple[Cut, ...]"]]()


def identity_of(attributes: Mapping[str, Any], plan: Plan, capture: Capture) -> Identity:
    """Return what the span of *attributes* is. What is mutable in it is shared: nobody may change it."""
    if plan.telling is None:
        return _identity(attributes, plan, capture)
    values = plan.telling(attributes)
    key = (plan, id(capture), values, *map(type, values))
    found = _identities.get(key)
    if found is None:
        found = _identities.keep(key, values, _identity(attributes, plan, capture), capture)
    return found


def metadata_kept(span: Span, plan: Plan, capture: Capture) -> tuple[dict[str, Any], tuple[Cut, ...]]:
    """Return what else the span says, under the rules of *capture*, and what was cut. Shared, likewise."""
    if plan.noting is None:
        return _kept(span, plan, capture)
    values = plan.noting(span.attributes)
    key = (plan, id(capture), span.service, values, *map(type, values))
    found = _metadata.get(key)
    if found is None:
        found = _metadata.keep(key, (span.service, *values), _kept(span, plan, capture), capture)
    return found


def _identity(attributes: Mapping[str, Any], plan: Plan, capture: Capture) -> Identity:
    kind = _kind(attributes, plan)
    return Identity(
        kind,
        _name(attributes, kind, plan),
        asked(attributes, plan, capture) if kind in MODELS else None,
        answering(attributes, plan) if kind in MODELS else None,
    )


def _kind(attributes: Mapping[str, Any], plan: Plan) -> RunKind:
    if plan.own_kind and (own := attributes[sc.RUN_KIND]) is not None:
        return RunKind(own)
    for name, kinds in plan.kinds:
        kind = kinds.get(str(attributes[name]))
        if kind is not None:
            return kind
    return plan.otherwise


def _name(attributes: Mapping[str, Any], kind: RunKind, plan: Plan) -> str | None:
    if plan.noted_by_us and isinstance(own := attributes.get(sc.RUN_NAME), str):
        return own
    return first_text(attributes, plan.names.get(kind, plan.other_names))


def _kept(span: Span, plan: Plan, capture: Capture) -> tuple[dict[str, Any], tuple[Cut, ...]]:
    found = metadata_of(span, plan, capture)
    if not found:
        return {}, ()
    kept, cuts = to_json(found, capture, "/metadata")
    return (kept if isinstance(kept, dict) else {}), cuts
