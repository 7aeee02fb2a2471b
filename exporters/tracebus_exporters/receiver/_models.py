"""Reads the model, the request's parameters and the token usage from a span's attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.capture import to_json
from tracebus.events import ModelInfo, TokenUsage
from tracebus.tokens import token_count
from tracebus_exporters.otel.conventions import _semconv as sc
from tracebus_exporters.receiver._messages import parsed
from tracebus_exporters.receiver._names import PARAMETERS, provider_name
from tracebus_exporters.receiver._payloads import MODELS
from tracebus_exporters.receiver._reading import first_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracebus.capture import Capture
    from tracebus_exporters.receiver._plan import Plan

__all__ = ["MODELS", "answering", "asked", "used"]


def asked(attributes: Mapping[str, Any], plan: Plan, capture: Capture) -> ModelInfo:
    """Return the model that was asked, with the parameters of the request."""
    parameters = {parameter: attributes[name] for name, parameter in plan.parameters}
    if isinstance(invocation := parsed(attributes.get(sc.OI_INVOCATION_PARAMETERS)), dict):
        parameters = {
            **{name: value for name, value in invocation.items() if value is not None},
            **parameters,
        }
    if (
        plan.content
        and isinstance(tools := parsed(attributes.get(sc.TOOL_DEFINITIONS)), list)
        and capture.content
    ):
        parameters["tools"] = [_tool(tool) for tool in tools]
    if sc.STREAM_CHUNKS in attributes:  # said of what came, not asked for
        parameters.pop(PARAMETERS[sc.REQUEST_STREAM], None)
    if parameters:
        kept, _ = to_json(parameters, capture, "/model/parameters")
        parameters = kept if isinstance(kept, dict) else {}
    provider = provider_name(attributes[plan.provider[0]]) if plan.provider else None
    return ModelInfo(provider=provider, name=first_text(attributes, plan.asked), parameters=parameters)


def answering(attributes: Mapping[str, Any], plan: Plan) -> ModelInfo | None:
    """Return the model that answered, where the answer named it."""
    name = first_text(attributes, plan.answered)
    return ModelInfo(name=name) if name is not None else None


def _tool(definition: Any) -> Any:
    """Return a tool's definition as most requests have it."""
    match definition:
        case {"type": "function", "name": _}:
            function = {name: value for name, value in definition.items() if name != "type"}
            return {"type": "function", "function": function}
        case _:
            return definition


def used(attributes: Mapping[str, Any], plan: Plan) -> TokenUsage | None:
    """Return the tokens that were used, under whichever names they were counted."""
    counts: dict[str, int] = {}
    for name, field in plan.usage:
        if field not in counts and (count := token_count(attributes[name])) is not None:
            counts[field] = count
    other = {
        detail: count for name, detail in plan.details if (count := token_count(attributes[name])) is not None
    }
    if not counts and not other:
        return None
    if "total_tokens" not in counts and "input_tokens" in counts and "output_tokens" in counts:
        counts["total_tokens"] = counts["input_tokens"] + counts["output_tokens"]
    return TokenUsage(**counts, other=other)
