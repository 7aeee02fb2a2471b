"""Maps attribute names of the conventions, old ones too, to run kinds, parameters and usage.

Where one of the exporter's tables says it, it is turned round here; what older generations and other
instrumentations wrote is added, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tracebus.events import RunKind
from tracebus_exporters.otel.attributes._naming import OPERATIONS
from tracebus_exporters.otel.attributes._request import EMBEDDING_REQUEST, REQUEST
from tracebus_exporters.otel.conventions import _semconv as sc
from tracebus_exporters.otel.conventions._generations import BY_DETAIL

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KINDS", "OI_KINDS", "PARAMETERS", "TRACELOOP_KINDS", "USAGE", "USAGE_DETAILS", "provider_name"]

KINDS: Final[Mapping[str, RunKind]] = {
    **{operation: kind for kind, operation in OPERATIONS.items()},
    "generate_content": RunKind.CHAT_MODEL,
    "create_agent": RunKind.AGENT,
    "handoff": RunKind.CHAIN,
    "plan": RunKind.CHAIN,
    # Traceloop's and older ones' `llm.request.type`
    "completion": RunKind.LLM,
    "embedding": RunKind.EMBEDDING,
    "rerank": RunKind.RETRIEVER,
}
"""By `gen_ai.operation.name`."""

OI_KINDS: Final[Mapping[str, RunKind]] = {
    "LLM": RunKind.CHAT_MODEL,
    "TOOL": RunKind.TOOL,
    "RETRIEVER": RunKind.RETRIEVER,
    "RERANKER": RunKind.RETRIEVER,
    "EMBEDDING": RunKind.EMBEDDING,
    "AGENT": RunKind.AGENT,
    "PROMPT": RunKind.PROMPT,
    "CHAIN": RunKind.CHAIN,
    "GUARDRAIL": RunKind.CHAIN,
    "EVALUATOR": RunKind.CHAIN,
}
"""By `openinference.span.kind`."""

TRACELOOP_KINDS: Final[Mapping[str, RunKind]] = {
    "workflow": RunKind.CHAIN,
    "task": RunKind.CHAIN,
    "agent": RunKind.AGENT,
    "tool": RunKind.TOOL,
}
"""By `traceloop.span.kind`."""

# The first name of a parameter that becomes an attribute is the one it is read as.
PARAMETERS: Final[Mapping[str, str]] = {
    **{
        attribute: name
        for name, (attribute, _) in reversed([*REQUEST.items(), *EMBEDDING_REQUEST.items()])
        if attribute != sc.OUTPUT_TYPE
    },
    sc.REQUEST_TOP_K: "top_k",
    sc.SERVER_ADDRESS: "server_address",
}
"""By attribute: LangChain's name of the request parameter."""

USAGE: Final[Mapping[str, str]] = {
    sc.USAGE_INPUT_TOKENS: "input_tokens",
    sc.USAGE_OUTPUT_TOKENS: "output_tokens",
    sc.USAGE_CACHE_READ: "cache_read_tokens",
    sc.USAGE_CACHE_WRITE: "cache_creation_tokens",
    sc.USAGE_CACHE_CREATION: "cache_creation_tokens",
    sc.USAGE_REASONING: "reasoning_tokens",
    sc.USAGE_AUDIO_INPUT: "input_audio_tokens",
    sc.USAGE_AUDIO_OUTPUT: "output_audio_tokens",
    # before 1.28, and Traceloop's
    "gen_ai.usage.prompt_tokens": "input_tokens",
    "gen_ai.usage.completion_tokens": "output_tokens",
    "gen_ai.usage.cache_read_input_tokens": "cache_read_tokens",
    "gen_ai.usage.cache_creation_input_tokens": "cache_creation_tokens",
    "gen_ai.usage.reasoning_tokens": "reasoning_tokens",
    "gen_ai.usage.total_tokens": "total_tokens",
    "llm.usage.total_tokens": "total_tokens",
    sc.OI_TOKENS_PROMPT: "input_tokens",
    sc.OI_TOKENS_COMPLETION: "output_tokens",
    sc.OI_TOKENS_TOTAL: "total_tokens",
    sc.OI_TOKENS_CACHE_READ: "cache_read_tokens",
    sc.OI_TOKENS_CACHE_WRITE: "cache_creation_tokens",
    sc.OI_TOKENS_PROMPT_AUDIO: "input_audio_tokens",
    sc.OI_TOKENS_REASONING: "reasoning_tokens",
    sc.OI_TOKENS_COMPLETION_AUDIO: "output_audio_tokens",
}
"""By attribute: the field of `TokenUsage`. The first one found of a field counts."""

USAGE_DETAILS: Final[Mapping[str, str]] = {
    attribute: detail for detail, attribute in reversed(BY_DETAIL.items()) if attribute not in USAGE
}
"""By attribute: LangChain's name of a detail, in `TokenUsage.other`."""


def provider_name(value: Any) -> str | None:
    """Return LangChain's name of a provider for the conventions' one; others are as they are."""
    return sc.langchain_provider(value) if isinstance(value, str) and value != sc.PROVIDER_UNKNOWN else None
