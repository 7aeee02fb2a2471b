"""The model behind a model run, as the start callback and the response tell of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.capture import CapturedModel, clean_text
from tracebus.events import ModelInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracebus.capture import Capture

_NAMES = ("model", "model_name", "model_id", "deployment_name", "azure_deployment")
_NOT_PARAMETERS = frozenset(("_type", *_NAMES))


def requested_model(
    metadata: Mapping[str, Any], parameters: Mapping[str, Any], capture: Capture
) -> CapturedModel | None:
    """Return the model a run asks for, by LangChain's `ls_*` metadata or by the request itself."""
    name = metadata.get("ls_model_name")
    for key in _NAMES:
        name = name or parameters.get(key)
    provider = metadata.get("ls_provider")
    given = {k: v for k, v in parameters.items() if v is not None and k not in _NOT_PARAMETERS}
    if not name and not provider and not given:
        return None
    return CapturedModel(provider, name, given, capture)


def responding_model(response_metadata: Mapping[str, Any]) -> ModelInfo | None:
    """Return the model a response says it came from."""
    for key in _NAMES:
        if isinstance(name := response_metadata.get(key), str) and name:
            return ModelInfo(name=clean_text(name))
    return None
