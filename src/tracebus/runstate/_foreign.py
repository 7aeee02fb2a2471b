"""JSON Patch operations tracebus never makes (`move`, `copy`, `test`), applied by jsonpatch."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tracebus.runstate._errors import PatchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["apply_foreign"]


def apply_foreign(document: Any, operations: Sequence[Mapping[str, Any]], *, append: bool) -> Any:
    """Apply *operations* to *document* in place where its root allows; see `apply`.

    jsonpatch works on a copy, because not every version of it undoes what precedes a failure.
    """
    import jsonpatch  # noqa: PLC0415  only foreign patches need it
    import jsonpointer  # noqa: PLC0415  comes with jsonpatch

    patch_class = _patch_class(jsonpatch, append=append)
    result = copy.deepcopy(document)
    for index, operation in enumerate(operations):
        try:
            result = patch_class([copy.deepcopy(operation)]).apply(result, in_place=True)
        except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
            raise PatchError(str(error), index=index, operation=operation) from error
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            reason = f"it is malformed ({type(error).__name__}: {error})"
            raise PatchError(reason, index=index, operation=operation) from error
    return _transplanted(document, result)


def _patch_class(jsonpatch: Any, *, append: bool) -> Any:
    if not append:
        return jsonpatch.JsonPatch
    try:
        return jsonpatch.JsonPatchWithAppend
    except AttributeError as error:
        raise PatchError(
            "'append' beside move, copy or test needs jsonpatch 1.47 or later; "
            "apply it in a patch of its own, or upgrade jsonpatch"
        ) from error


def _transplanted(document: Any, result: Any) -> Any:
    """Move *result*'s content into *document*, so that the caller's reference stays good."""
    if isinstance(document, dict) and isinstance(result, dict):
        document.clear()
        document.update(result)
        return document
    if isinstance(document, list) and isinstance(result, list):
        document[:] = result
        return document
    return result
