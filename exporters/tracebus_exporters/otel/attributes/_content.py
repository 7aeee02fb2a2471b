"""Content attributes: a run's messages, tool arguments and results, documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tracebus.events import Outcome
from tracebus_exporters.otel.attributes._naming import MODELS
from tracebus_exporters.otel.content._messages import (
    answer_of,
    convention_document,
    documents_of,
    messages_of,
    tool_definitions,
    with_finish_reasons,
)
from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from tracebus.events import RunEnded
    from tracebus_exporters.otel.spans._spans import OpenSpan

_MOST_DOCUMENTS = 100


def start_content(span: OpenSpan, inputs: Any) -> dict[str, Any]:
    """Return what *span*'s run was given, structured, by attribute."""
    found = _given(span, inputs) if inputs is not None else {}
    if span.agency is not None:
        # Known from the agent's own calls, whatever the agent itself was given.
        if span.agency.instructions:
            found[sc.SYSTEM_INSTRUCTIONS] = span.agency.instructions
        if span.agency.tools:
            found[sc.TOOL_DEFINITIONS] = span.agency.tools
    return found


def _given(span: OpenSpan, inputs: Any) -> dict[str, Any]:
    match span.operation:
        case None | sc.EMBEDDINGS:
            return {sc.STEP_INPUT: inputs}
        case sc.EXECUTE_TOOL:
            return {sc.TOOL_CALL_ARGUMENTS: _arguments(inputs)}
        case sc.RETRIEVAL:
            query = inputs.get("query") if isinstance(inputs, dict) else inputs
            return {sc.RETRIEVAL_QUERY_TEXT: query} if isinstance(query, str) else {sc.STEP_INPUT: inputs}
        case _:
            messages = messages_of(inputs)
            found = {sc.STEP_INPUT: inputs} if messages is None else {sc.INPUT_MESSAGES: messages}
            model = span.started.model
            tools = tool_definitions(model.parameters) if model and span.operation in MODELS else None
            return found if tools is None else {**found, sc.TOOL_DEFINITIONS: tools}


def end_content(span: OpenSpan, ended: RunEnded) -> dict[str, Any]:  # noqa: PLR0911  one for each operation
    """Return what *span*'s run gave, structured, by attribute."""
    outputs = ended.outputs
    if outputs is None:
        return {}
    match span.operation:
        case None:
            return {sc.STEP_OUTPUT: outputs}
        case sc.EXECUTE_TOOL:
            return {sc.TOOL_CALL_RESULT: _result(outputs)}
        case sc.RETRIEVAL if (documents := documents_of(outputs)) is not None:
            return {sc.RETRIEVAL_DOCUMENTS: [convention_document(d) for d in documents[:_MOST_DOCUMENTS]]}
        case sc.EMBEDDINGS:  # vectors tell nobody anything
            return {}
        case sc.RETRIEVAL:
            return {sc.STEP_OUTPUT: outputs}
        case _:
            messages = messages_of(outputs) if span.operation in MODELS else answer_of(outputs)
            if messages is None:
                return {sc.STEP_OUTPUT: outputs}
            return {sc.OUTPUT_MESSAGES: with_finish_reasons(messages, _reasons(span, ended))}


def _reasons(span: OpenSpan, ended: RunEnded) -> tuple[str, ...]:
    """Return why the messages of *span*'s run ended, as far as somebody said."""
    if ended.outcome is not Outcome.OK and not ended.finish_reasons:
        return (sc.FINISH_REASON_ERROR,)
    told = span.agency.finish_reasons if span.agency is not None else ended.finish_reasons
    return tuple(sc.finish_reason(reason) for reason in told)


def _arguments(inputs: Any) -> Any:
    """Return a tool's arguments as the object the conventions expect, where they can be read so."""
    if isinstance(inputs, dict) and inputs.keys() == {"input"} and isinstance(inputs["input"], str):
        return _parsed(inputs["input"])
    return inputs


def _result(outputs: Any) -> Any:
    """Return a tool's result without the `ToolMessage` around it, an object if it is JSON of one."""
    if isinstance(outputs, dict) and outputs.get("type") == "tool" and "content" in outputs:
        outputs = outputs["content"]
    return _parsed(outputs) if isinstance(outputs, str) else outputs


def _parsed(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text
