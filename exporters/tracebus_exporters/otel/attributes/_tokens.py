"""Attributes of token usage: totals, parts, and by modality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tracebus_exporters.otel.content._text import clean
from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from tracebus.events import TokenUsage
    from tracebus_exporters.otel.conventions._generations import Generation

_MOST_ITEMS = 32
_CACHE_PARTS = ("input_ephemeral_5m_input_tokens", "input_ephemeral_1h_input_tokens")
UNKNOWN: Final = "unknown"
"""The modality of tokens nobody told."""
_MODALITIES: Final = ("text", "image", "audio")


def usage_attributes(usage: TokenUsage, names: Generation) -> dict[str, int]:
    """Return *usage* as attributes: totals, and of the parts those that are more than nothing."""
    found: dict[str, int] = {}
    if usage.input_tokens is not None:
        found[sc.USAGE_INPUT_TOKENS] = usage.input_tokens
    if usage.output_tokens is not None:
        found[sc.USAGE_OUTPUT_TOKENS] = usage.output_tokens
    if usage.cache_read_tokens:
        found[sc.USAGE_CACHE_READ] = usage.cache_read_tokens
    if written := cache_written(usage):
        for name in names.cache_write:
            found[name] = written
    if usage.reasoning_tokens:
        found[sc.USAGE_REASONING] = usage.reasoning_tokens
    for name, count in _details(usage):
        found[names.modalities.get(name) or sc.USAGE_OTHER_PREFIX + clean(name, 64)] = count
    return found


def _details(usage: TokenUsage) -> list[tuple[str, int]]:
    audio = (("input_audio", usage.input_audio_tokens), ("output_audio", usage.output_audio_tokens))
    found = [(name, count) for name, count in audio if count]
    if usage.other:
        rest = list(usage.other.items())[:_MOST_ITEMS]
        found += [(name, count) for name, count in rest if count and name not in _CACHE_PARTS]
    return found


def cache_written(usage: TokenUsage) -> int | None:
    """Return the tokens written to the provider's cache, whichever way it reports them."""
    if usage.cache_creation_tokens:
        return usage.cache_creation_tokens
    parts = [usage.other[name] for name in _CACHE_PARTS if name in usage.other] if usage.other else []
    return sum(parts) if parts else usage.cache_creation_tokens


def by_modality(usage: TokenUsage, side: str, total: int) -> dict[str, int]:
    """Return *total* tokens of *side* (`input`, `output`) by modality.

    What the provider does not tell apart is unknown: audio of which there is none makes nothing else text.
    """
    audio = usage.input_audio_tokens if side == "input" else usage.output_audio_tokens
    if not audio and not usage.other:  # by far the most common
        return {UNKNOWN: total}
    told: dict[str, Any] = {modality: usage.other.get(f"{side}_{modality}") for modality in _MODALITIES}
    told["audio"] = audio
    found = {modality: count for modality, count in told.items() if count}
    rest = total - sum(found.values())
    if rest < 0:  # parts that overlap: what they are parts of is known, how they share it is not
        return {UNKNOWN: total}
    if rest or not found:
        found[UNKNOWN] = rest
    return found
