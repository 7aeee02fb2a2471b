"""Which model was asked, for what, and what it used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.capture import to_json
from tracebus.events import ModelInfo, TokenUsage
from tracebus_exporters.otel import _semconv as sc
from tracebus_exporters.receiver._messages import parsed
from tracebus_exporters.receiver._names import PARAMETERS, USAGE, USAGE_DETAILS, provider_name
from tracebus_exporters.receiver._reading import first_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracebus.capture import Capture

__all__ = ["MODEL_NAMES", "answering", "asked", "used"]

_PROVIDER = (sc.PROVIDER_NAME, "gen_ai.system", sc.OI_PROVIDER, sc.OI_SYSTEM)
_ASKED = (sc.REQUEST_MODEL, sc.OI_REQUEST_MODEL, sc.OI_MODEL_NAME, sc.OI_EMBEDDING_MODEL, "model_name")
_ANSWERED = (sc.RESPONSE_MODEL, sc.OI_RESPONSE_MODEL)
MODEL_NAMES = (*_PROVIDER, *_ASKED, *_ANSWERED)


def asked(attributes: Mapping[str, Any], capture: Capture) -> ModelInfo:
    """Return the model that was asked, with the parameters of the request."""
    parameters: dict[str, Any] = {}
    for name, value in attributes.items():
        if (parameter := PARAMETERS.get(name)) is not None:
            parameters[parameter] = value
    if isinstance(invocation := parsed(attributes.get(sc.OI_INVOCATION_PARAMETERS)), dict):
        parameters = {
            **{name: value for name, value in invocation.items() if value is not None},
            **parameters,
        }
    if isinstance(tools := parsed(attributes.get(sc.TOOL_DEFINITIONS)), list) and capture.content:
        parameters["tools"] = [_tool(tool) for tool in tools]
    if sc.STREAM_CHUNKS in attributes:  # said of what came, not asked for
        parameters.pop(PARAMETERS[sc.REQUEST_STREAM], None)
    if parameters:
        kept, _ = to_json(parameters, capture, "/model/parameters")
        parameters = kept if isinstance(kept, dict) else {}
    provider = next((attributes[name] for name in _PROVIDER if name in attributes), None)
    return ModelInfo(
        provider=provider_name(provider), name=first_text(attributes, _ASKED), parameters=parameters
    )


def answering(attributes: Mapping[str, Any]) -> ModelInfo | None:
    """Return the model that answered, where the answer named it."""
    name = first_text(attributes, _ANSWERED)
    return ModelInfo(name=name) if name is not None else None


def _tool(definition: Any) -> Any:
    """Return a tool's definition as most requests have it."""
    match definition:
        case {"type": "function", "name": _}:
            function = {name: value for name, value in definition.items() if name != "type"}
            return {"type": "function", "function": function}
        case _:
            return definition


def used(attributes: Mapping[str, Any]) -> TokenUsage | None:
    """Return the tokens that were used, under whichever names they were counted."""
    counts: dict[str, int] = {}
    other: dict[str, int] = {}
    for name, value in attributes.items():
        if (field := USAGE.get(name)) is not None:
            if type(value) is int and field not in counts:
                counts[field] = value
        elif type(value) is int and (detail := _detail(name)) is not None:
            other[detail] = value
    if not counts and not other:
        return None
    if "total_tokens" not in counts and "input_tokens" in counts and "output_tokens" in counts:
        counts["total_tokens"] = counts["input_tokens"] + counts["output_tokens"]
    return TokenUsage(**counts, other=other)


def _detail(name: str) -> str | None:
    """Return LangChain's name of a detail of the usage; `None` where *name* is none."""
    if name.startswith(sc.USAGE_OTHER_PREFIX):
        return name.removeprefix(sc.USAGE_OTHER_PREFIX)
    return USAGE_DETAILS.get(name)
