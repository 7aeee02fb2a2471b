"""What Langfuse makes of a span's attributes: its rules, recorded in our own words.

Recorded from langfuse/langfuse at 6275144 (2026-08-22, packages/shared: `OtelIngestionProcessor.ts`,
`ObservationTypeMapper.ts`; worker: `IngestionService`), as far as they touch spans of ours: of its many
other frameworks' attributes we write none. Langfuse is no package that could run here.
"""

from __future__ import annotations

from typing import Any

_KINDS = {
    "CHAIN": "CHAIN", "RETRIEVER": "RETRIEVER", "LLM": "GENERATION", "EMBEDDING": "EMBEDDING", "AGENT": "AGENT",
    "TOOL": "TOOL", "GUARDRAIL": "GUARDRAIL", "EVALUATOR": "EVALUATOR",
}  # fmt: skip
_OPERATIONS = {
    "chat": "GENERATION", "text_completion": "GENERATION", "generate_content": "GENERATION",
    "embeddings": "EMBEDDING", "invoke_agent": "AGENT", "create_agent": "AGENT", "execute_tool": "TOOL",
}  # fmt: skip
_MODEL_NAMES = ("gen_ai.response.model", "gen_ai.request.model", "llm.response.model", "llm.model_name")
_CACHE_READ = ("cache_read.input_tokens", "prompt_details.cache_read")
_CACHE_WRITTEN = ("cache_creation.input_tokens", "prompt_details.cache_write")
_REASONING = ("reasoning.output_tokens", "completion_details.reasoning")
_AUDIO_OUT = ("completion_details.audio",)
_TOTALS = (
    "input_tokens", "prompt", "output_tokens", "completion", "total_tokens", "total", *_CACHE_READ,
    *_CACHE_WRITTEN, *_REASONING, *_AUDIO_OUT,
)  # fmt: skip


def observation_type(attributes: dict[str, Any]) -> str:
    """Return what sort of observation it is: by OpenInference's kind, the operation, a tool's or model's name."""
    return (
        _KINDS.get(attributes.get("openinference.span.kind", ""))
        or _OPERATIONS.get(attributes.get("gen_ai.operation.name", ""))
        or ("TOOL" if attributes.get("gen_ai.tool.name") else None)
        or ("GENERATION" if any(attributes.get(name) for name in _MODEL_NAMES) else "SPAN")
    )


def input_and_output(attributes: dict[str, Any]) -> tuple[Any, Any]:
    """Return what is shown as input and output: the first pair of which either is there."""
    pairs: list[tuple[Any, Any]] = [(attributes.get("input.value"), attributes.get("output.value"))]
    prompts = {k: v for k, v in attributes.items() if k.startswith("gen_ai.prompt")}
    completions = {k: v for k, v in attributes.items() if k.startswith("gen_ai.completion")}
    if prompts or completions:
        pairs.append((prompts or {"": ""}, completions))
    pairs += [
        (attributes.get(f"gen_ai.{given}"), attributes.get(f"gen_ai.{gave}"))
        for given, gave in (
            ("input.messages", "output.messages"),
            ("tool.call.arguments", "tool.call.result"),
        )
    ]
    return next((pair for pair in pairs if pair[0] or pair[1]), (None, None))


def usage(attributes: dict[str, Any]) -> dict[str, int]:
    """Return the usage it books: `invoke_agent` has none; what it does not know is a type of its own."""
    if attributes.get("gen_ai.operation.name") in {"invoke_agent", "agent_step"}:
        return {}
    raw = {
        name.removeprefix("gen_ai.usage.").removeprefix("llm.token_count."): int(count)
        for name, count in attributes.items()
        if name.startswith(("gen_ai.usage.", "llm.token_count."))
    }
    if not raw:
        return {}
    booked = {name: count for name, count in raw.items() if name not in _TOTALS}
    read, written = _first(raw, _CACHE_READ), _first(raw, _CACHE_WRITTEN)
    reasoning, audio = _first(raw, _REASONING), _first(raw, _AUDIO_OUT)
    given, gave = _first(raw, ("input_tokens", "prompt")), _first(raw, ("output_tokens", "completion"))
    if given is not None:
        booked["input"] = max(given - (read or 0) - (written or 0), 0)
    if gave is not None:
        booked["output"] = max(gave - (reasoning or 0) - (audio or 0), 0)
    parts = {
        "input_cached_tokens": read,
        "input_cache_creation": written,
        "output_reasoning_tokens": reasoning,
        "output_audio_tokens": audio,
    }
    booked |= {name: count for name, count in parts.items() if count is not None}
    total = _first(raw, ("total_tokens", "total"))
    booked["total"] = sum(booked.values()) if total is None else total
    return booked


def session(attributes: dict[str, Any]) -> Any:
    """Return the session it belongs to."""
    return attributes.get("session.id") or attributes.get("gen_ai.conversation.id")


def tags(attributes: dict[str, Any]) -> list[str]:
    """Return its trace's tags."""
    return list(attributes.get("langfuse.trace.tags") or attributes.get("tag.tags") or ())


def completion_start(attributes: dict[str, Any]) -> Any:
    """Return when the first token came."""
    return attributes.get("langfuse.observation.completion_start_time")


def _first(counts: dict[str, int], names: tuple[str, ...]) -> int | None:
    return next((counts[name] for name in names if name in counts), None)
