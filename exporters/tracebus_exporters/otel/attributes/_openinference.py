"""The OpenInference attributes, which Phoenix reads beside the GenAI conventions'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import RunKind
from tracebus_exporters.otel.content._messages import document_score, documents_of
from tracebus_exporters.otel.content._shortening import fitted, to_json
from tracebus_exporters.otel.content._text import clean
from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from tracebus.events import RunEnded, TokenUsage
    from tracebus_exporters.otel.spans._spans import OpenSpan

_KINDS = {
    RunKind.CHAT_MODEL: "LLM",
    RunKind.LLM: "LLM",
    RunKind.TOOL: "TOOL",
    RunKind.RETRIEVER: "RETRIEVER",
    RunKind.EMBEDDING: "EMBEDDING",
    RunKind.AGENT: "AGENT",
    RunKind.PROMPT: "PROMPT",
}
_MOST_DOCUMENTS = 100
_VALUE_LIMIT = 1_024
# OpenInference's values (0.1.42) for LangChain's `ls_provider`; others are written as they are.
_PROVIDERS = {
    "amazon_bedrock": "aws", "bedrock": "aws", "bedrock_converse": "aws", "azure_ai": "azure",
    "azure_openai": "azure", "google_genai": "google", "google_generativeai": "google", "vertexai": "google",
    "google_vertexai": "google", "google_anthropic_vertex": "google", "vertex": "google",
    "mistral": "mistralai",
}  # fmt: skip
_SYSTEMS = {
    "openai": "openai", "azure": "openai", "azure_openai": "openai", "azure_ai": "openai",
    "anthropic": "anthropic", "google_anthropic_vertex": "anthropic", "cohere": "cohere",
    "mistralai": "mistralai", "mistral": "mistralai", "vertexai": "vertexai", "vertex": "vertexai",
    "google_vertexai": "vertexai",
}  # fmt: skip
"""Whose API a provider speaks, where OpenInference has a word for it."""


def add_start(found: dict[str, Any], span: OpenSpan, limit: int) -> None:
    """Add what is known at the start; JSON of at most *limit* bytes."""
    event = span.started
    kind = "AGENT" if span.operation == sc.INVOKE_AGENT else _KINDS.get(event.kind, "CHAIN")
    found[sc.OI_SPAN_KIND] = kind
    if event.model is not None and event.kind is RunKind.EMBEDDING and event.model.name:
        found[sc.OI_EMBEDDING_MODEL] = found[sc.REQUEST_MODEL]
    elif event.model is not None:
        _add_model(found, span, limit)
    if event.kind is RunKind.TOOL:
        found[sc.OI_TOOL_NAME] = found[sc.TOOL_NAME]
        if sc.TOOL_DESCRIPTION in found:
            found[sc.OI_TOOL_DESCRIPTION] = found[sc.TOOL_DESCRIPTION]
        if event.tool_call_id is not None:
            found[sc.OI_TOOL_ID] = clean(event.tool_call_id, _VALUE_LIMIT)
    found |= {theirs: found[ours] for ours, theirs in _SAME.items() if ours in found}
    if sc.AGENT_NAME in found and kind != "CHAIN":  # a workflow's name is no agent's
        found[sc.OI_AGENT_NAME] = found[sc.AGENT_NAME]
    if sc.GRAPH_NODE in found:
        found[sc.OI_NODE_ID] = found[sc.OI_NODE_NAME] = found[sc.GRAPH_NODE]
        if (around := _node_around(event.metadata)) is not None:
            found[sc.OI_NODE_PARENT_ID] = around


_SAME = {
    sc.CONVERSATION_ID: sc.OI_SESSION_ID,
    sc.RUN_METADATA: sc.OI_METADATA,
    sc.RUN_TAGS: sc.OI_TAGS,
}


def _node_around(metadata: dict[str, Any]) -> str | None:
    """Return the node around a run's graph: LangGraph's namespace is `outer:id|inner:id`."""
    namespace = metadata.get("langgraph_checkpoint_ns") or metadata.get("checkpoint_ns")
    above = namespace.split("|")[:-1] if isinstance(namespace, str) else []
    return clean(above[-1].partition(":")[0], _VALUE_LIMIT) or None if above else None


def add_end(found: dict[str, Any], span: OpenSpan, ended: RunEnded) -> None:
    """Add what is known at the end."""
    if (answering := found.get(sc.RESPONSE_MODEL)) is not None and span.operation != sc.EMBEDDINGS:
        found[sc.OI_RESPONSE_MODEL] = answering
        found[sc.OI_MODEL_NAME] = answering
    if reasons := found.get(sc.RESPONSE_FINISH_REASONS):
        found[sc.OI_FINISH_REASON] = reasons[0]
    if ended.usage is not None:
        _add_usage(found, ended.usage)


def add_content(  # noqa: PLR0917  what a span is made of
    found: dict[str, Any], span: OpenSpan, inputs: Any, outputs: Any, limit: int, room: int
) -> None:
    """Add a run's inputs and outputs, and as many of a retriever's documents as *room* attributes hold."""
    for value, value_name, type_name in (
        (inputs, sc.OI_INPUT_VALUE, sc.OI_INPUT_MIME_TYPE),
        (outputs, sc.OI_OUTPUT_VALUE, sc.OI_OUTPUT_MIME_TYPE),
    ):
        if value is not None:
            value = _alone(value)  # noqa: PLW2901  one string says more than the dictionary around it
            found[value_name] = clean(value, limit) if isinstance(value, str) else fitted(value, limit)[0]
            found[type_name] = sc.OI_MIME_TEXT if isinstance(value, str) else sc.OI_MIME_JSON
    if span.started.kind is RunKind.TOOL and inputs is not None:
        found[sc.OI_TOOL_PARAMETERS] = fitted(inputs, limit)[0]
    if span.prompt is not None and span.started.kind is RunKind.PROMPT and span.prompt.variables:
        found[sc.OI_TEMPLATE_VARIABLES] = fitted(span.prompt.variables, limit)[0]
    if span.started.kind is RunKind.RETRIEVER:
        _add_documents(found, documents_of(outputs) or [], limit, room - 4)


def _add_model(found: dict[str, Any], span: OpenSpan, limit: int) -> None:
    model = span.started.model
    if model is None:
        return
    if model.name:
        found[sc.OI_MODEL_NAME] = found[sc.OI_REQUEST_MODEL] = clean(model.name, _VALUE_LIMIT)
    if model.provider:
        found[sc.OI_PROVIDER] = clean(_PROVIDERS.get(model.provider, model.provider), _VALUE_LIMIT)
        if (system := _SYSTEMS.get(model.provider)) is not None:
            found[sc.OI_SYSTEM] = system
    # Tool schemas are content, and long.
    given = {key: value for key, value in model.parameters.items() if key not in {"tools", "functions"}}
    if given:
        found[sc.OI_INVOCATION_PARAMETERS] = to_json(given, limit)


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
    totals = {sc.OI_TOKENS_PROMPT, sc.OI_TOKENS_COMPLETION, sc.OI_TOKENS_TOTAL}
    found |= {name: count for name, count in counts.items() if count or (count == 0 and name in totals)}


def _alone(value: Any) -> Any:
    """Return the string in `{"input": "…"}` and its like."""
    if isinstance(value, dict) and len(value) == 1:
        (only,) = value.values()
        return only if isinstance(only, str) else value
    return value


def _add_documents(found: dict[str, Any], documents: list[dict[str, Any]], limit: int, room: int) -> None:
    """Add *documents*, which are flattened: whole ones only, so that none crowds out another attribute."""
    for index, document in enumerate(documents[:_MOST_DOCUMENTS]):
        prefix = f"{sc.OI_DOCUMENTS}.{index}.document"
        fields: dict[str, Any] = {
            f"{prefix}.content": clean(str(document.get("page_content", "")), limit),
        }
        if document.get("id") is not None:
            fields[f"{prefix}.id"] = clean(str(document["id"]), _VALUE_LIMIT)
        if (score := document_score(document)) is not None:
            fields[f"{prefix}.score"] = score
        if document.get("metadata"):
            fields[f"{prefix}.metadata"] = fitted(document["metadata"], min(limit, 4_096))[0]
        room -= len(fields)
        if room < 0:
            return
        found |= fields
