"""Attributes that only one vendor's backend reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tracebus.events import RunKind
from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from tracebus_exporters.otel._options import Vendor
    from tracebus_exporters.otel.spans._spans import OpenSpan

_LANGSMITH_KINDS = {
    RunKind.CHAT_MODEL: "llm",
    RunKind.LLM: "llm",
    RunKind.TOOL: "tool",
    RunKind.RETRIEVER: "retriever",
    RunKind.EMBEDDING: "embedding",
    RunKind.PROMPT: "prompt",
    RunKind.PARSER: "parser",
}
_MLFLOW_TYPES = {
    RunKind.CHAT_MODEL: "CHAT_MODEL",
    RunKind.LLM: "LLM",
    RunKind.TOOL: "TOOL",
    RunKind.RETRIEVER: "RETRIEVER",
    RunKind.EMBEDDING: "EMBEDDING",
    RunKind.PARSER: "PARSER",
    RunKind.NODE: "TASK",
}
_MLFLOW_OPERATIONS = {sc.INVOKE_AGENT: "AGENT", sc.INVOKE_WORKFLOW: "WORKFLOW"}


def add_start(found: dict[str, Any], span: OpenSpan, vendor: Vendor) -> None:
    """Add what *vendor* reads of a run's start.

    Sources: LangSmith's page "Trace with OpenTelemetry"; MLflow 3.17.2's OTLP endpoint, which knows no
    prompts, parsers and nodes by OpenInference's kinds, and takes a trace's tags from attributes of its own.
    """
    if vendor == "mlflow":
        kind = _MLFLOW_OPERATIONS.get(span.operation or "") or _MLFLOW_TYPES.get(span.started.kind, "CHAIN")
        found[sc.MLFLOW_TYPE] = kind
        if span.started.parent_run_id is None and sc.RUN_TAGS in found:
            found[sc.MLFLOW_TAGS] = ", ".join(found[sc.RUN_TAGS])
    if vendor != "langsmith":
        return
    found[sc.LANGSMITH_KIND] = _LANGSMITH_KINDS.get(span.started.kind, "chain")
    found[sc.LANGSMITH_NAME] = found[sc.RUN_NAME]
    if sc.RUN_TAGS in found:
        found[sc.LANGSMITH_TAGS] = ",".join(found[sc.RUN_TAGS])
    if sc.CONVERSATION_ID in found:
        found[f"{sc.LANGSMITH_METADATA_PREFIX}thread_id"] = found[sc.CONVERSATION_ID]


def add_end(found: dict[str, Any], span: OpenSpan, vendor: Vendor) -> None:
    """Add what *vendor* reads of a run's end (Langfuse: the time of the first token, as a date)."""
    if vendor == "langfuse" and span.first_chunk is not None:
        at = datetime.fromtimestamp(span.first_chunk / 1e9, UTC)
        found[sc.LANGFUSE_COMPLETION_START] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
