"""Which operation a run is, what its span is called, and whether it gets one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.events import RunKind
from tracebus_exporters.otel import _semconv as sc
from tracebus_exporters.otel._spans import CLIENT, INTERNAL, OpenSpan
from tracebus_exporters.otel._text import clean

if TYPE_CHECKING:
    from tracebus.events import RunStarted

_OPERATIONS = {
    RunKind.CHAT_MODEL: sc.CHAT,
    RunKind.LLM: sc.TEXT_COMPLETION,
    RunKind.TOOL: sc.EXECUTE_TOOL,
    RunKind.RETRIEVER: sc.RETRIEVAL,
    RunKind.EMBEDDING: sc.EMBEDDINGS,
    RunKind.AGENT: sc.INVOKE_AGENT,
    # A graph anywhere is a workflow of the application's; a chain only where it is the entry point.
    RunKind.GRAPH: sc.INVOKE_WORKFLOW,
}
_CLIENT_KINDS = frozenset((RunKind.CHAT_MODEL, RunKind.LLM, RunKind.RETRIEVER, RunKind.EMBEDDING))
MODELS = frozenset((sc.CHAT, sc.TEXT_COMPLETION))
_NAME_LIMIT = 256


def opened(event: RunStarted) -> OpenSpan:
    """Return the span of the run that *event* starts, named and placed by the conventions."""
    operation = _OPERATIONS.get(event.kind)
    if event.kind is RunKind.CHAIN and event.parent_run_id is None:
        operation = sc.INVOKE_WORKFLOW
    return OpenSpan(
        event,
        operation,
        _span_name(event, operation),
        CLIENT if event.kind in _CLIENT_KINDS else INTERNAL,
    )


def workflow_name(event: RunStarted) -> str | None:
    """Return what a person called this workflow; `None` where only a class's name is known."""
    return None if sc.is_type_name(event.name) else clean(event.name, _NAME_LIMIT)


def _span_name(event: RunStarted, operation: str | None) -> str:
    if operation is None:
        return clean(event.name, _NAME_LIMIT) or event.kind.value
    if event.kind in _CLIENT_KINDS:
        model = event.model.name if event.model and event.kind is not RunKind.RETRIEVER else None
        return f"{operation} {clean(model, _NAME_LIMIT)}" if model else operation
    what = workflow_name(event) if operation == sc.INVOKE_WORKFLOW else clean(event.name, _NAME_LIMIT)
    return f"{operation} {what}" if what else operation
