"""Applying operations to a document, in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from tracebus.runstate._errors import PatchError
from tracebus.runstate._foreign import apply_foreign
from tracebus.runstate._pointer import split_pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["apply"]

_Undo: TypeAlias = "tuple[Callable[..., Any], Any, Any]"
_MISSING: Any = object()
_KINDS = {
    type(None): "null",
    bool: "a boolean",
    str: "a string",
    int: "a number",
    float: "a number",
    dict: "an object",
    list: "an array",
}
_FOREIGN = frozenset(("move", "copy", "test"))


def apply(document: Any, operations: Sequence[Mapping[str, Any]], *, append: bool = False) -> Any:
    """Apply RFC 6902 *operations* to *document* in place; return the document.

    The return value is *document* itself unless an operation replaced the root. All operations are
    applied or none. Values are copied in, so document and operations share nothing afterwards.

    `add`, `replace` and `remove`, all that `RunState` emits, take time proportional to the path's length
    and the value's size, not the document's. A patch with `move`, `copy` or `test` goes through
    jsonpatch and copies the document once.

    Args:
        document: any JSON value.
        operations: the patch.
        append: also understand `{"op": "append", "path": …, "value": …}`, which extends the string at
            *path*, as `jsonpatch.JsonPatchWithAppend` has it. It is no part of RFC 6902.

    Raises:
        PatchError: an operation is malformed, or *document* has no place for it. *document* is unchanged.
    """
    if any(_op(operation) in _FOREIGN for operation in operations):
        return apply_foreign(document, operations, append=append)
    undo: list[_Undo] = []
    root = document
    for index, operation in enumerate(operations):
        try:
            root = _apply_one(root, operation, undo, append)
        except (ValueError, LookupError, TypeError) as error:
            _roll_back(undo)
            raise PatchError(_reason(error), index=index, operation=operation) from error
    return root


def _op(operation: Any) -> Any:
    op = operation.get("op") if isinstance(operation, dict) else None
    return op if isinstance(op, str) else None


def _reason(error: Exception) -> str:
    """Return the message; `str` of a KeyError would quote it."""
    return str(error.args[0]) if error.args else type(error).__name__


def _roll_back(undo: list[_Undo]) -> None:
    while undo:
        function, container, argument = undo.pop()
        function(container, argument)


def _apply_one(root: Any, operation: Mapping[str, Any], undo: list[_Undo], append: bool) -> Any:  # noqa: FBT001  one caller
    op, tokens = _checked(operation, append)
    if op != "remove":
        value = operation["value"]
        if type(value) is not str:
            value = _copied(value)
    else:
        value = _MISSING
    if not tokens:
        return _at_root(op, root, value)
    container = root
    for token in tokens[:-1]:
        container = _step(container, token)
    if type(container) is list:
        _in_list(op, container, tokens[-1], value, undo)
    elif type(container) is dict:
        _in_dict(op, container, tokens[-1], value, undo)
    else:
        raise LookupError(f"there is no object or array to hold {tokens[-1]!r}, but {_kind(container)}")
    return root


def _checked(operation: Any, append: bool) -> tuple[str, tuple[str, ...]]:  # noqa: FBT001  one caller
    if not isinstance(operation, dict):
        raise TypeError("an operation is a JSON object")
    op = operation.get("op")
    if op not in ("add", "replace", "remove") and not (append and op == "append"):
        if op == "append":
            raise ValueError("'append' is an extension of RFC 6902: allow it with apply(…, append=True)")
        raise ValueError(f"'op' is one of add, remove, replace, move, copy, test, not {op!r}")
    if op != "remove" and "value" not in operation:
        raise ValueError("the member 'value' is missing")
    path = operation.get("path")
    if not isinstance(path, str):
        raise TypeError(f"'path' is a JSON Pointer, a string, not {_kind(path)}")
    return str(op), split_pointer(path)


def _at_root(op: str, root: Any, value: Any) -> Any:
    if op == "append":
        return _extended(root, value)
    # RFC 6902 does not forbid removing the root; what is left is null, as jsonpatch has it.
    return None if op == "remove" else value


def _step(container: Any, token: str) -> Any:
    if type(container) is dict:
        if token in container:
            return container[token]
        raise LookupError(f"the object has no member {token!r}")
    if type(container) is list:
        return container[_index(token, len(container) - 1)]
    raise LookupError(f"cannot look for {token!r} in {_kind(container)}")


def _index(token: str, last: int) -> int:
    if not (token.isascii() and token.isdigit()) or (token[0] == "0" and len(token) > 1):
        raise ValueError(f"{token!r} is no array index")
    index = int(token)
    if index > last:
        raise LookupError(f"the array has no index {token} (it ends at {last})")
    return index


def _in_list(op: str, container: list[Any], token: str, value: Any, undo: list[_Undo]) -> None:
    if op == "add":
        if token == "-":  # noqa: S105  RFC 6902's "after the last element"
            container.append(value)
            undo.append((list.pop, container, -1))
            return
        index = _index(token, len(container))
        container.insert(index, value)
        undo.append((list.pop, container, index))
        return
    index = _index(token, len(container) - 1)
    old = container[index]
    if op == "remove":
        del container[index]
        undo.append((_insert_back, container, (index, old)))
        return
    container[index] = value if op == "replace" else _extended(old, value)
    undo.append((_put_back, container, (index, old)))


def _in_dict(op: str, container: dict[str, Any], token: str, value: Any, undo: list[_Undo]) -> None:
    old = container.get(token, _MISSING)
    if op == "add":
        container[token] = value
        undo.append((dict.pop, container, token) if old is _MISSING else (_put_back, container, (token, old)))
        return
    if old is _MISSING:
        raise LookupError(f"the object has no member {token!r}")
    if op == "remove":
        undo.append((_reorder, container, dict(container)))
        del container[token]
        return
    container[token] = value if op == "replace" else _extended(old, value)
    undo.append((_put_back, container, (token, old)))


def _put_back(container: Any, entry: tuple[Any, Any]) -> None:
    container[entry[0]] = entry[1]


def _insert_back(container: list[Any], entry: tuple[int, Any]) -> None:
    container.insert(*entry)


def _reorder(container: dict[str, Any], before: dict[str, Any]) -> None:
    """Put a removed member back where it stood: readers see the order of members."""
    container.clear()
    container.update(before)


def _extended(old: Any, suffix: Any) -> str:
    if not isinstance(old, str) or not isinstance(suffix, str):
        raise TypeError(f"'append' extends a string by a string, not {_kind(old)} by {_kind(suffix)}")
    return old + suffix


def _copied(value: Any) -> Any:
    """Return a JSON value that shares no container with *value*."""
    if isinstance(value, dict):
        return {key: _copied(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(member) for member in value]
    return value


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), f"a {type(value).__name__}")
