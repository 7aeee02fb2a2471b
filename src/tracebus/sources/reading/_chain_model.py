"""Models that LangChain reports as chains: decision models, which answer typed questions.

Their start is `on_chain_start` with `run_type="llm"` and the model in the metadata; what was used, and
the model that answered, stand in the output only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage

from tracebus.capture import clean_text
from tracebus.events import RunKind
from tracebus.sources.reading._model_info import responding_model
from tracebus.sources.reading._results import chat_result_fields
from tracebus.sources.reading._usage import usage_of_message, usage_told

__all__ = ["model_kind", "output_fields"]

_FIELDS = ("usage", "usage_metadata", "model", "model_name", "request_id", "response_id", "id")


def model_kind(metadata: Mapping[str, Any]) -> RunKind:
    """Return the kind of a model by the type that LangChain's metadata give it."""
    return RunKind.LLM if metadata.get("ls_model_type") == "llm" else RunKind.CHAT_MODEL


def output_fields(output: Any) -> dict[str, Any]:
    """Return the fields of `RunEnded` that such a model's output fills, outputs excepted."""
    if isinstance(output, BaseMessage):
        return chat_result_fields([output])
    said = {name: value for name in _FIELDS if (value := _field(output, name)) is not None}
    usage = said.get("usage", said.get("usage_metadata"))
    fields: dict[str, Any] = {"model": responding_model(said)}
    if usage is not None:
        plain = _plain(usage)
        whole = plain.get("total_tokens") is not None
        fields["usage"] = usage_of_message(plain) if whole else usage_told([{"usage": plain}])
    for name in ("response_id", "request_id", "id"):
        if isinstance(found := said.get(name), str) and found:
            fields["response_id"] = clean_text(found)
            break
    return fields


def _field(output: Any, name: str) -> Any:
    return output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)


def _plain(usage: Any) -> dict[str, Any]:
    dump = getattr(usage, "model_dump", None)
    return dict(usage) if isinstance(usage, Mapping) else dump() if dump is not None else {}
