"""The model behind a model run, from the start callback and the response."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import force_setattr

from tracebus.capture import CapturedModel, clean_text
from tracebus.events import Deferred, ModelInfo
from tracebus.sources.reading._glued import once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracebus.capture import Capture
    from tracebus.events import Event

_LONGEST_REPR = 4_096
_NAMES = ("model", "model_name", "model_id", "deployment_name", "azure_deployment")
_NOT_PARAMETERS = frozenset(("_type", *_NAMES))
_BASES = (
    *("base_url", "openai_api_base", "anthropic_api_url", "azure_endpoint", "endpoint_url", "endpoint"),
    *("api_base", "inference_server_url", "groq_api_base", "xai_api_base", "fireworks_api_base"),
)
"""What the providers' packages call the address they were made with."""
_NO_BASE = frozenset(_BASES).isdisjoint
_IN_REPR = re.compile(rf"\b(?:{'|'.join(_BASES)})='([^']*)'")
"""Where LangChain cannot rebuild a model it has its `repr`; this is the address in it."""


class RequestedModel(Deferred, msgspec.Struct, gc=False, eq=False):
    """The model a run asks for, in the field `model` until somebody reads the event.

    Known by LangChain's `ls_*` metadata or by the request itself; `None` where neither says anything.

    Args:
        metadata: of the run.
        parameters: of the request, a copy.
        capture: the policy.
        base: the address the model was made with.
        shown: its `repr`, where LangChain has no more of it.
    """

    _metadata: Mapping[str, Any]
    _parameters: Mapping[str, Any]
    _capture: Capture
    _base: Any = None
    _shown: str | None = None
    _settled: CapturedModel | None = None

    def settle_into(self, event: Event, field: str) -> None:
        """Replace this object in *event*'s *field* by a `ModelInfo`, if a model is known."""
        # Before it is asked what became of them: a copy may be settled meanwhile.
        metadata, parameters, shown = self._metadata, self._parameters, self._shown
        settled = self._settled
        if settled is None and (metadata or parameters):
            origin = _origin(self._base or _address_in(shown))
            settled = self._settled = _requested(metadata, parameters, self._capture, origin)
            self._shown = None
            self._metadata = self._parameters = {}
        if settled is None:
            force_setattr(event, field, None)
        else:
            settled.settle_into(event, field)


def base_of(made_with: dict[str, Any]) -> Any:
    """Return the address a model was made with; `None` where nothing says it."""
    if _NO_BASE(made_with):
        return None
    return next((made_with[key] for key in _BASES if made_with.get(key)), None)


def _requested(
    metadata: Mapping[str, Any], parameters: Mapping[str, Any], capture: Capture, origin: str | None
) -> CapturedModel | None:
    name = metadata.get("ls_model_name")
    for key in _NAMES:
        name = name or parameters.get(key)
    provider = metadata.get("ls_provider")
    given = {k: v for k, v in parameters.items() if v is not None and k not in _NOT_PARAMETERS}
    if not name and not provider and not given:
        return None
    if origin is not None:
        given.setdefault("base_url", origin)
    return CapturedModel(provider, name, given, capture)


def _address_in(shown: object) -> str | None:
    """Return the address a model's `repr` shows; of a long one only the beginning is looked at."""
    found = _IN_REPR.search(shown[:_LONGEST_REPR]) if isinstance(shown, str) else None
    return found[1] if found else None


def _origin(base: object) -> str | None:
    """Return scheme, host and port of a URL: what else stands in it is nobody's business."""
    if not isinstance(base, str) or "://" not in base:
        return None
    try:
        parts = urlsplit(base)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" if port is None else f"{parts.scheme}://{shown}:{port}"


def responding_model(response_metadata: Mapping[str, Any]) -> ModelInfo | None:
    """Return the model a response says it came from."""
    for key in _NAMES:
        if isinstance(name := response_metadata.get(key), str) and name:
            return ModelInfo(name=clean_text(once(name)))
    return None
