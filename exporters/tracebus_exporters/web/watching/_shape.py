"""The forms of a document a viewer may get: plain JSON Patch, or text extended by `append`."""

from __future__ import annotations

from typing import Any, Protocol

from tracebus.runstate import compacted, with_append

__all__ = ["APPENDING", "PLAIN", "Shape"]

_Operations = list[dict[str, Any]]


class Shape(Protocol):
    """A form of a document, and of the operations that lead to it. One object for all its viewers."""

    def document(self, document: dict[str, Any], /) -> Any: ...
    def operations(self, operations: _Operations, /) -> _Operations: ...


class _Plain:
    """The document as it is, in RFC 6902."""

    def document(self, document: dict[str, Any]) -> dict[str, Any]:
        return document

    def operations(self, operations: _Operations) -> _Operations:
        return operations


class _Appending:
    """Texts of one chunk, extended by `append`."""

    def document(self, document: dict[str, Any]) -> dict[str, Any]:
        return compacted(document)

    def operations(self, operations: _Operations) -> _Operations:
        return with_append(operations)


PLAIN = _Plain()
APPENDING = _Appending()
