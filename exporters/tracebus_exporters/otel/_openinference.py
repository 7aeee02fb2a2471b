"""The OpenInference attributes, which Phoenix reads beside the GenAI conventions'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import RunKind
from tracebus_exporters.otel import _semconv as sc
from tracebus_exporters.otel._messages import document_score, documents_of
from tracebus_exporters.otel._text import clean, to_json

if TYPE_CHECKING:
    from tracebus.events import RunEnded, TokenUsage
    from tracebus_exporters.otel._spans import OpenSpan

_KINDS = {
    RunKind.CHAT_MODEL: "LLM",
    RunKind.LLM: "LLM",
    RunKind.TOOL: "TOOL",
    RunKind.RETRIEVER: "RETRIEVER",
    RunKind.EMBEDDING: "EMBEDDING",
    RunKind.AGENT: "AGENT",
    RunKind.PROMPT: "PROMPT",
}
_MOST_DOCUMENTS = 8
"""Documents are flattened, four attributes each: more would crowd out others."""
_VALUE_LIMIT = 1_024


def add_start(found: dict[str, Any], span: OpenSpan) -> None:
    """Add what is known at the start."""
    event = span.started
    found[sc.OI_SPAN_KIND] = _KINDS.get(event.kind, "CHAIN")
    if event.model is not None and event.kind is RunKind.EMBEDDING and event.model.name:
        found[sc.OI_EMBEDDING_MODEL] = found[sc.REQUEST_MODEL]
    elif event.model is not None:
        _add_model(found, span)
    if event.kind is RunKind.TOOL:
        found[sc.OI_TOOL_NAME] = found[sc.TOOL_NAME]
        if sc.TOOL_DESCRIPTION in found:
            found[sc.OI_TOOL_DESCRIPTION] = found[sc.TOOL_DESCRIPTION]
        if event.tool_call_id is not None:
            found[sc.OI_TOOL_ID] = clean(event.tool_call_id, _VALUE_LIMIT)
    found |= {theirs: found[ours] for ours, theirs in _SAME.items() if ours in found}


_SAME = {
    sc.CONVERSATION_ID: sc.OI_SESSION_ID,
    sc.AGENT_NAME: sc.OI_AGENT_NAME,
    sc.RUN_METADATA: sc.OI_METADATA,
    sc.RUN_TAGS: sc.OI_TAGS,
    sc.GRAPH_NODE: sc.OI_NODE_ID,
}


def add_end(found: dict[str, Any], span: OpenSpan, ended: RunEnded) -> None:
    """Add what is known at the end."""
    if (answering := found.get(sc.RESPONSE_MODEL)) is not None and span.operation != sc.EMBEDDINGS:
        found[sc.OI_RESPONSE_MODEL] = answering
        found[sc.OI_MODEL_NAME] = answering
    if reasons := found.get(sc.RESPONSE_FINISH_REASONS):
        found[sc.OI_FINISH_REASON] = reasons[0]
    if ended.usage is not None:
        _add_usage(found, ended.usage)


def add_content(found: dict[str, Any], span: OpenSpan, inputs: Any, outputs: Any, limit: int) -> None:
    """Add a run's inputs and outputs, and a retriever's documents."""
    for value, value_name, type_name in (
        (inputs, sc.OI_INPUT_VALUE, sc.OI_INPUT_MIME_TYPE),
        (outputs, sc.OI_OUTPUT_VALUE, sc.OI_OUTPUT_MIME_TYPE),
    ):
        if value is not None:
            value = _alone(value)  # noqa: PLW2901  one string says more than the dictionary around it
            found[value_name] = clean(value, limit) if isinstance(value, str) else to_json(value, limit)
            found[type_name] = sc.OI_MIME_TEXT if isinstance(value, str) else sc.OI_MIME_JSON
    # The same once more in our own namespace would double the bytes.
    found.pop(sc.STEP_INPUT, None)
    found.pop(sc.STEP_OUTPUT, None)
    if span.started.kind is RunKind.TOOL and inputs is not None:
        found[sc.OI_TOOL_PARAMETERS] = to_json(inputs, limit)
    if span.started.kind is RunKind.RETRIEVER:
        _add_documents(found, documents_of(outputs) or [], limit)


def _add_model(found: dict[str, Any], span: OpenSpan) -> None:
    model = span.started.model
    if model is None:
        return
    if model.name:
        found[sc.OI_MODEL_NAME] = found[sc.OI_REQUEST_MODEL] = clean(model.name, _VALUE_LIMIT)
    if model.provider:
        found[sc.OI_PROVIDER] = found[sc.OI_SYSTEM] = clean(model.provider, _VALUE_LIMIT)
    # Tool schemas are content, and long.
    given = {key: value for key, value in model.parameters.items() if key not in {"tools", "functions"}}
    if given:
        found[sc.OI_INVOCATION_PARAMETERS] = to_json(given, 4_096)


def _add_usage(found: dict[str, Any], usage: TokenUsage) -> None:
    counts = {
        sc.OI_TOKENS_PROMPT: usage.input_tokens,
        sc.OI_TOKENS_COMPLETION: usage.output_tokens,
        sc.OI_TOKENS_TOTAL: usage.total_tokens,
        sc.OI_TOKENS_CACHE_READ: usage.cache_read_tokens,
        sc.OI_TOKENS_CACHE_WRITE: found.get(sc.USAGE_CACHE_CREATION),
        sc.OI_TOKENS_PROMPT_AUDIO: usage.input_audio_tokens,
        sc.OI_TOKENS_REASONING: usage.reasoning_tokens,
        sc.OI_TOKENS_COMPLETION_AUDIO: usage.output_audio_tokens,
    }
    found |= {name: count for name, count in counts.items() if count is not None}


def _alone(value: Any) -> Any:
    """Return the string in `{"input": "…"}` and its like."""
    if isinstance(value, dict) and len(value) == 1:
        (only,) = value.values()
        return only if isinstance(only, str) else value
    return value


def _add_documents(found: dict[str, Any], documents: list[dict[str, Any]], limit: int) -> None:
    for index, document in enumerate(documents[:_MOST_DOCUMENTS]):
        prefix = f"{sc.OI_DOCUMENTS}.{index}.document"
        found[f"{prefix}.content"] = clean(str(document.get("page_content", "")), limit)
        if document.get("id") is not None:
            found[f"{prefix}.id"] = clean(str(document["id"]), _VALUE_LIMIT)
        if (score := document_score(document)) is not None:
            found[f"{prefix}.score"] = score
        if document.get("metadata"):
            found[f"{prefix}.metadata"] = to_json(document["metadata"], 4_096)
