"""Messages, tools and documents as structures, which the Logs API takes, each made once for all events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tracebus_exporters.otel.content._memory import Memory
from tracebus_exporters.otel.content._shortening import fitted, kept, shortened
from tracebus_exporters.otel.content._text import clean_tree
from tracebus_exporters.otel.sending._wire import EncodedValue, encode_list, encode_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus_exporters.otel.content._shortening import Measure


class Structure(NamedTuple):
    """A content attribute's value, and what it has to be shortened by."""

    value: Any
    measure: Measure | None

    def tree(self) -> Any:
        """Return the value as plain objects; those of one message are shared."""
        if not isinstance(self.value, list):
            return _cleaned(self.value, self.measure)
        return [_known(_trees, item, self.measure, _cleaned) for item in _kept(self)]

    def encoded(self) -> EncodedValue:
        """Return the value as an OTLP `AnyValue`, joined from what was encoded of each message."""
        if not isinstance(self.value, list):
            return _encoded(self.value, self.measure)
        return encode_list([_known(_values, item, self.measure, _encoded) for item in _kept(self)])


def structure(value: Any, limit: int) -> Structure:
    """Return *value* with the measure by which its JSON has at most *limit* bytes."""
    return Structure(value, fitted(value, limit)[1])


def _kept(content: Structure) -> Any:
    return content.value if content.measure is None else kept(content.value, content.measure[1])


def _cleaned(value: Any, measure: Measure | None) -> Any:
    return clean_tree(shortened(value, measure))


def _encoded(value: Any, measure: Measure | None) -> EncodedValue:
    return encode_value(_cleaned(value, measure))


def _known(
    memory: Memory, item: Any, measure: Measure | None, make: Callable[[Any, Measure | None], Any]
) -> Any:
    if item.__class__ is not dict:
        return make(item, measure)
    found = memory.get(item)
    if measure not in found:
        found[measure] = make(item, measure)
        memory.add(len(found[measure]))
    return found[measure]


_trees = Memory(100_000)
"""Trees by message; of each as many as it has members are counted, and the entry."""
_values = Memory(8_000_000)
"""Bytes by message."""
