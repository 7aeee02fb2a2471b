"""Token usage out of LangChain's several places for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tracebus.events import TokenUsage

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
_LEGACY_NAMES = (
    ("prompt_tokens", "completion_tokens"),
    ("input_tokens", "output_tokens"),
    ("prompt_token_count", "candidates_token_count"),
    ("inputTokens", "outputTokens"),
)


def usage_of_message(usage_metadata: Mapping[str, Any] | None) -> TokenUsage | None:
    """Return the usage in a message's `usage_metadata` (LangChain's `UsageMetadata`), or `None`."""
    if not usage_metadata:
        return None
    fields: dict[str, Any] = {
        name: count
        for name in ("input_tokens", "output_tokens", "total_tokens")
        if (count := _count(usage_metadata.get(name))) is not None
    }
    other: dict[str, int] = {}
    for side in ("input", "output"):
        details = usage_metadata.get(f"{side}_token_details")
        for name, value in details.items() if isinstance(details, dict) else ():
            if (count := _count(value)) is None:
                continue
            if (field := _DETAILS.get((side, _TIER.sub("", name)))) is not None:
                fields[field] = count
            else:
                other[f"{side}_{name}"] = count
    if not fields.get("cache_creation_tokens") and (written := sum(other.get(name, 0) for name in _WRITTEN)):
        fields["cache_creation_tokens"] = written
    return TokenUsage(**fields, other=other) if fields or other else None


def usage_of_llm_output(llm_output: Mapping[str, Any] | None) -> TokenUsage | None:
    """Return the usage in an `LLMResult.llm_output` of a model that reports none on its messages."""
    for place in ("token_usage", "usage", "usage_metadata"):
        found = (llm_output or {}).get(place)
        if not isinstance(found, dict) or not found:
            continue
        for input_name, output_name in _LEGACY_NAMES:
            inputs, outputs = _count(found.get(input_name)), _count(found.get(output_name))
            if inputs is None and outputs is None:
                continue
            total = _count(found.get("total_tokens"))
            if total is None and inputs is not None and outputs is not None:
                total = inputs + outputs
            return TokenUsage(input_tokens=inputs, output_tokens=outputs, total_tokens=total)
    return None


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


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
