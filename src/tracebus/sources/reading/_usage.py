"""Token usage out of LangChain's several places for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tracebus.events import TokenUsage
from tracebus.tokens import token_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOTHING_USED = TokenUsage(input_tokens=0, output_tokens=0, total_tokens=0)
"""What an answer out of LangChain's cache used."""

_DETAILS = {
    ("input", "cache_read"): "cache_read_tokens",
    ("input", "cache_creation"): "cache_creation_tokens",
    ("input", "audio"): "input_audio_tokens",
    ("output", "reasoning"): "reasoning_tokens",
    ("output", "audio"): "output_audio_tokens",
}
_TIER = re.compile(r"^(?:flex|priority)_")
"""langchain-openai prefixes the details of these service tiers; they mean the same."""
_WRITTEN = ("input_ephemeral_5m_input_tokens", "input_ephemeral_1h_input_tokens")
"""langchain-anthropic sets `cache_creation` to 0 where it tells its parts by their lifetime."""
_TOLD_NAMES = (
    ("prompt_tokens", "completion_tokens"),
    ("input_tokens", "output_tokens"),
    ("prompt_token_count", "candidates_token_count"),
    ("inputTokens", "outputTokens"),
    ("inputTokenCount", "outputTokenCount"),
    ("input_token_count", "generated_token_count"),
    ("prompt_eval_count", "eval_count"),
)
"""What providers call input and output where no `UsageMetadata` says it."""
_TOLD_PLACES = ("token_usage", "usage", "usage_metadata", "token_count", "amazon-bedrock-invocationMetrics")
_TOLD_DETAILS = {
    ("prompt_tokens_details", "cached_tokens"): "cache_read_tokens",
    ("prompt_tokens_details", "audio_tokens"): "input_audio_tokens",
    ("input_tokens_details", "cached_tokens"): "cache_read_tokens",
    ("completion_tokens_details", "reasoning_tokens"): "reasoning_tokens",
    ("completion_tokens_details", "audio_tokens"): "output_audio_tokens",
    ("output_tokens_details", "reasoning_tokens"): "reasoning_tokens",
}
_EXCLUDED = {
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation_input_tokens": "cache_creation_tokens",
}
"""Anthropic's input tokens are without these; LangChain's totals are with them."""


def usage_of_message(usage_metadata: Mapping[str, Any] | None) -> TokenUsage | None:
    """Return the usage in a message's `usage_metadata` (LangChain's `UsageMetadata`), or `None`."""
    if not usage_metadata:
        return None
    fields: dict[str, Any] = {
        name: count
        for name in ("input_tokens", "output_tokens", "total_tokens")
        if (count := token_count(usage_metadata.get(name))) is not None
    }
    other: dict[str, int] = {}
    for side in ("input", "output"):
        details = usage_metadata.get(f"{side}_token_details")
        for name, value in details.items() if isinstance(details, dict) else ():
            if (count := token_count(value)) is None:
                continue
            if (field := _DETAILS.get((side, _TIER.sub("", name)))) is not None:
                fields[field] = count
            else:
                other[f"{side}_{name}"] = count
    if not fields.get("cache_creation_tokens") and (written := sum(other.get(name, 0) for name in _WRITTEN)):
        fields["cache_creation_tokens"] = written
    if fields.get("input_tokens") == 0 and fields.get("output_tokens"):
        # An answer to nothing: LangChain puts 0 where a stream said the input in a piece it did not read.
        for name in ("input_tokens", "total_tokens"):
            fields.pop(name, None)
    return TokenUsage(**fields, other=other) if fields or other else None


def usage_told(places: Iterable[Mapping[str, Any] | None]) -> TokenUsage | None:
    """Return the usage of a model that reports none on its messages, out of the first place that has it.

    *places* are what LangChain carries beside an answer: `response_metadata`, `generation_info`,
    `LLMResult.llm_output`. The providers' own words stand in them, as their packages left them.
    """
    for place in places:
        for name in _TOLD_PLACES:
            found = (place or {}).get(name)
            if isinstance(found, dict) and (usage := _told(found)) is not None:
                return usage
        if place and (usage := _told(place)) is not None:
            return usage
    return None


def _told(found: Mapping[str, Any]) -> TokenUsage | None:
    for input_name, output_name in _TOLD_NAMES:
        inputs, outputs = token_count(found.get(input_name)), token_count(found.get(output_name))
        if inputs is not None or outputs is not None:
            break
    else:
        return None
    details: dict[str, Any] = {}
    for (group, name), field in _TOLD_DETAILS.items():
        parts = found.get(group)
        if isinstance(parts, dict) and (count := token_count(parts.get(name))) is not None:
            details[field] = count
    if inputs is not None and input_name == "input_tokens":
        for name, field in _EXCLUDED.items():
            if (count := token_count(found.get(name))) is not None:
                details[field] = count
                inputs += count
    total = token_count(found.get("total_tokens"))
    if total is None and inputs is not None and outputs is not None:
        total = inputs + outputs
    return TokenUsage(input_tokens=inputs, output_tokens=outputs, total_tokens=total, **details)


def first_usage(candidates: Iterable[Mapping[str, Any] | None]) -> TokenUsage | None:
    """Return the usage of the first generation that has one.

    With several generations of one request every provider client puts the *request's* usage on
    each of them (langchain-openai with `n=2`, say), so adding them would count it twice.
    """
    for candidate in candidates:
        if (usage := usage_of_message(candidate)) is not None:
            return usage
    return None


def is_from_cache(usage_metadata: Mapping[str, Any] | None) -> bool:
    """Tell whether LangChain's cache answered: it marks the copy it returns with a cost of zero."""
    return bool(usage_metadata) and usage_metadata is not None and usage_metadata.get("total_cost") == 0
