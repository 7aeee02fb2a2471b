"""What the program's data was: messages, arguments, documents, results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tracebus_exporters.otel import _semconv as sc
from tracebus_exporters.otel._messages import (
    convention_document,
    documents_of,
    messages_of,
    tool_definitions,
    with_finish_reasons,
)
from tracebus_exporters.otel._naming import MODELS

if TYPE_CHECKING:
    from tracebus.events import RunEnded
    from tracebus_exporters.otel._spans import OpenSpan

_MOST_DOCUMENTS = 100


def start_content(span: OpenSpan, inputs: Any) -> dict[str, Any]:
    """Return what *span*'s run was given, structured, by attribute."""
    if inputs is None:
        return {}
    match span.operation:
        case sc.EXECUTE_TOOL:
            return {sc.TOOL_CALL_ARGUMENTS: _arguments(inputs)}
        case sc.RETRIEVAL:
            query = inputs.get("query") if isinstance(inputs, dict) else inputs
            return {sc.RETRIEVAL_QUERY_TEXT: query} if isinstance(query, str) else {sc.STEP_INPUT: inputs}
        case None | sc.EMBEDDINGS:
            return {sc.STEP_INPUT: inputs}
        case _:
            found = _messages(inputs, sc.INPUT_MESSAGES, sc.STEP_INPUT)
            model = span.started.model
            tools = tool_definitions(model.parameters) if model and span.operation in MODELS else None
            return found if tools is None else {**found, sc.TOOL_DEFINITIONS: tools}


def end_content(span: OpenSpan, ended: RunEnded) -> dict[str, Any]:  # noqa: PLR0911  one for each operation
    """Return what *span*'s run gave, structured, by attribute."""
    if ended.outputs is None:
        return {}
    match span.operation:
        case sc.EXECUTE_TOOL:
            return {sc.TOOL_CALL_RESULT: _result(ended.outputs)}
        case sc.RETRIEVAL if (documents := documents_of(ended.outputs)) is not None:
            return {sc.RETRIEVAL_DOCUMENTS: [convention_document(d) for d in documents[:_MOST_DOCUMENTS]]}
        case sc.CHAT | sc.TEXT_COMPLETION if (messages := messages_of(ended.outputs)) is not None:
            reasons = tuple(sc.finish_reason(reason) for reason in ended.finish_reasons)
            return {sc.OUTPUT_MESSAGES: with_finish_reasons(messages, reasons)}
        case sc.EMBEDDINGS:  # vectors tell nobody anything
            return {}
        case None | sc.RETRIEVAL:
            return {sc.STEP_OUTPUT: ended.outputs}
        case _:
            return _messages(ended.outputs, sc.OUTPUT_MESSAGES, sc.STEP_OUTPUT)


def _messages(payload: Any, convention: str, own: str) -> dict[str, Any]:
    """Return *payload* under the conventions' name if it is made of messages, else under our own."""
    messages = messages_of(payload)
    return {own: payload} if messages is None else {convention: messages}


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
