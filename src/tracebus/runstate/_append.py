"""The `append` operation: an extension of RFC 6902, for clients that ask for it.

In the canonical document a streamed text is a list of chunks, so that every RFC 6902 client can follow
it. A client of the extension keeps the list at one string, which `append` extends.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["down_level", "with_append"]

_NEXT_CHUNK = re.compile(r"^(/runs/[^/]*/(?:text|reasoning|tool_calls/\d+/args))/-$")
_EXTENDED_CHUNK = re.compile(r"^(/runs/[^/]*/(?:text|reasoning|tool_calls/\d+/args))/0$")


def with_append(operations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return *operations* of a `RunState` with `append` in the place of each further chunk.

    They fit a document whose texts are single strings: start from `compacted(document)`.
    """
    return [_appending(operation) for operation in operations]


def down_level(operations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what `with_append` made as plain RFC 6902 again."""
    return [_adding(operation) for operation in operations]


def _appending(operation: Mapping[str, Any]) -> dict[str, Any]:
    if operation["op"] == "add" and (found := _NEXT_CHUNK.match(operation["path"])):
        return {"op": "append", "path": f"{found[1]}/0", "value": operation["value"]}
    return dict(operation)


def _adding(operation: Mapping[str, Any]) -> dict[str, Any]:
    if operation["op"] == "append" and (found := _EXTENDED_CHUNK.match(operation["path"])):
        return {"op": "add", "path": f"{found[1]}/-", "value": operation["value"]}
    return dict(operation)
