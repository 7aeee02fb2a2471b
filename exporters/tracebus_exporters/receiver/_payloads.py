"""Reads a run's inputs and outputs from a span's attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import RunKind
from tracebus_exporters.otel.conventions import _semconv as sc
from tracebus_exporters.receiver._messages import given_messages, parsed, said_messages, unflattened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracebus_exporters.receiver._span import Span

__all__ = ["CONTENT", "CONTENT_PREFIXES", "MODELS", "call_id", "given", "made"]

_CONVERSING = frozenset(
    (RunKind.CHAT_MODEL, RunKind.LLM, RunKind.AGENT, RunKind.GRAPH, RunKind.CHAIN, RunKind.UNKNOWN)
)
MODELS = frozenset((RunKind.CHAT_MODEL, RunKind.LLM, RunKind.EMBEDDING))
_PLAIN = frozenset(("type", "content"))
_GIVEN = (sc.STEP_INPUT, sc.OI_INPUT_VALUE, "traceloop.entity.input", "tool_arguments", "input")
_CLASSES = {"ToolMessage": "tool", "AIMessage": "ai", "HumanMessage": "human", "SystemMessage": "system"}
_MADE = (
    sc.STEP_OUTPUT,
    sc.OI_OUTPUT_VALUE,
    "traceloop.entity.output",
    "tool_response",
    "final_result",
    "output",
)
CONTENT = frozenset(
    (
        *_GIVEN, *_MADE, sc.INPUT_MESSAGES, sc.OUTPUT_MESSAGES, sc.SYSTEM_INSTRUCTIONS,
        sc.TOOL_CALL_ARGUMENTS, sc.TOOL_CALL_RESULT, sc.RETRIEVAL_QUERY_TEXT, sc.RETRIEVAL_DOCUMENTS,
        sc.TOOL_DEFINITIONS, "gen_ai.task.input", "gen_ai.task.output",
        sc.OI_TOOL_PARAMETERS, "pydantic_ai.all_messages", "all_messages_events", "events",
        "model_request_parameters",
    )
)  # fmt: skip
"""Attributes that hold what was said."""
CONTENT_PREFIXES = (
    "gen_ai.prompt.", "gen_ai.completion.", "llm.prompts.", "llm.completions.", "llm.input_messages.",
    "llm.output_messages.", "llm.request.functions.", "llm.tools.", f"{sc.OI_DOCUMENTS}.",
    "embedding.embeddings.",
)  # fmt: skip


def given(span: Span, kind: RunKind, *, flat: bool) -> Any:
    """Return what the run was given; `None` where nothing says so."""
    attributes = span.attributes
    match kind:
        case RunKind.TOOL:
            return _first(attributes, (sc.TOOL_CALL_ARGUMENTS, *_GIVEN, sc.OI_TOOL_PARAMETERS))
        case RunKind.RETRIEVER if isinstance(query := attributes.get(sc.RETRIEVAL_QUERY_TEXT), str):
            return {"query": query}
        case RunKind.RETRIEVER:
            value = _first(attributes, _GIVEN)
            return {"query": value} if isinstance(value, str) else value
        case _ if kind in _CONVERSING and (
            messages := given_messages(attributes, span.events, flat=flat, model=kind in MODELS)
        ):
            return _completion(messages, "prompts") if kind is RunKind.LLM else {"messages": messages}
    return _first(attributes, _GIVEN)


def made(span: Span, kind: RunKind, *, flat: bool) -> Any:
    """Return what the run gave; `None` where nothing says so."""
    attributes = span.attributes
    match kind:
        case RunKind.TOOL:
            return _first(attributes, (sc.TOOL_CALL_RESULT, *_MADE))
        case RunKind.RETRIEVER if documents := _documents(attributes):
            return {"documents": documents}
        case _ if kind in _CONVERSING and (messages := said_messages(attributes, span.events, flat=flat)):
            return _completion(messages, "completions") if kind is RunKind.LLM else {"messages": messages}
    return _first(attributes, _MADE)


def call_id(span: Span) -> str | None:
    """Return the id of the tool call that Traceloop's envelope has."""
    for name in ("traceloop.entity.input", sc.TOOL_CALL_ARGUMENTS):
        match parsed(span.attributes.get(name)):
            case {"inputs": _, "kwargs": {"tool_call_id": str(found)}}:
                return found
    return None


def _first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        value = attributes.get(name)
        if value is not None:
            return _unwrapped(parsed(value))
    return None


def _unwrapped(value: Any, depth: int = 8) -> Any:  # noqa: PLR0911  one for each envelope
    """Return what Traceloop's LangChain instrumentation, and LangChain's own dumps, put envelopes around."""
    if depth == 0:
        return value
    match value:
        case {"inputs": inputs, "kwargs": dict()}:
            return _unwrapped(inputs, depth - 1)
        case {"outputs": outputs, "kwargs": dict()} | {"output": outputs, "kwargs": dict()}:
            return _unwrapped(outputs, depth - 1)
        case {"lc": 1, "type": "constructor", "id": [*_, str(name)], "kwargs": dict(fields)}:
            return {**fields, "type": _CLASSES.get(name, name)}
        case {"type": str(kind), "data": {"content": _}} if len(value) == 2:  # noqa: PLR2004  no more
            return {**value["data"], "type": kind}
        case dict():
            return {name: _unwrapped(inner, depth - 1) for name, inner in value.items()}
        case list():
            return [_unwrapped(inner, depth - 1) for inner in value]
        case _:
            return value


def _completion(messages: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return a text model's messages as its prompts, or its completions."""
    if all(isinstance(message["content"], str) and message.keys() <= _PLAIN for message in messages):
        return {name: [message["content"] for message in messages]}
    return {"messages": messages}


def _documents(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    listed = parsed(attributes.get(sc.RETRIEVAL_DOCUMENTS))
    if isinstance(listed, list):
        return [_document(each, "content") for each in listed if isinstance(each, dict)]
    rows = unflattened(attributes, sc.OI_DOCUMENTS)
    inner = [row.get("document") for row in rows if isinstance(row, dict)]
    return [_document(each, "content") for each in inner if isinstance(each, dict)]


def _document(document: dict[str, Any], text: str) -> dict[str, Any]:
    made: dict[str, Any] = {"page_content": str(document.get(text) or "")}
    metadata = parsed(document.get("metadata"))
    found = dict(metadata) if isinstance(metadata, dict) else {}
    if document.get("score") is not None:
        found.setdefault("score", document["score"])
    if found:
        made["metadata"] = found
    return {**made, "id": str(document["id"])} if document.get("id") is not None else made
