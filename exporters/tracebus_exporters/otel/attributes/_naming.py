"""Which operation a run is, what its span is called, and whether it gets one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import RunKind
from tracebus_exporters.otel.content._text import clean
from tracebus_exporters.otel.conventions import _semconv as sc
from tracebus_exporters.otel.spans._spans import CLIENT, INTERNAL, OpenSpan

if TYPE_CHECKING:
    from tracebus.events import RunStarted
    from tracebus_exporters.otel.conventions._generations import Generation

OPERATIONS = {
    RunKind.CHAT_MODEL: sc.CHAT,
    RunKind.LLM: sc.TEXT_COMPLETION,
    RunKind.TOOL: sc.EXECUTE_TOOL,
    RunKind.RETRIEVER: sc.RETRIEVAL,
    RunKind.EMBEDDING: sc.EMBEDDINGS,
    RunKind.AGENT: sc.INVOKE_AGENT,
    # A graph anywhere is a workflow of the application's; a chain only where it is the entry point.
    RunKind.GRAPH: sc.INVOKE_WORKFLOW,
}
_STEERED = frozenset((RunKind.CHAIN, RunKind.GRAPH))
"""Kinds of runs that are agents where the program says so."""
_NAMED = frozenset((sc.INVOKE_AGENT, sc.INVOKE_WORKFLOW))
MODELS = frozenset((sc.CHAT, sc.TEXT_COMPLETION))
_NAME_LIMIT = 256
# What the program says of a run in its metadata, by the official instrumentation's names.
_AGENT_NAME = "agent_name"
_AGENT_TYPE = "agent_type"
_AGENT_DESCRIPTION = "agent_description"
_WORKFLOW_NAME = "workflow_name"
_TRACED = "otel_trace"
_OWN_AGENT_NAME = "lc_agent_name"
"""What LangChain's `create_agent` notes of the agent's name, which the runs inside inherit."""
_SAID_OF_RUNS = frozenset((_AGENT_NAME, _AGENT_TYPE, _AGENT_DESCRIPTION, _WORKFLOW_NAME, _OWN_AGENT_NAME))


def opened(event: RunStarted, outer: OpenSpan | None, names: Generation) -> OpenSpan:
    """Return the span of the run that *event* starts below *outer*, named and placed by the conventions."""
    operation = OPERATIONS.get(event.kind)
    if event.kind is RunKind.CHAIN and event.parent_run_id is None:
        operation = sc.INVOKE_WORKFLOW
    named: str | None = None
    if event.kind in _STEERED and event.metadata and _is_said_to_be_agent(event, outer):
        operation = sc.INVOKE_AGENT
    if operation in _NAMED:
        named = _called(event, outer, agent=operation == sc.INVOKE_AGENT)
    span = OpenSpan(
        event,
        operation,
        _span_name(event, operation, named, names),
        CLIENT if operation is not None and operation not in names.internal else INTERNAL,
    )
    span.called = named
    if operation == sc.INVOKE_AGENT and event.metadata:
        span.description = own_metadata(event, outer, _AGENT_DESCRIPTION)
    span.kept = is_wanted(event)
    return span


def is_wanted(event: RunStarted) -> bool:
    """Tell whether the program wants a span of the run; it may say in the metadata that it does not."""
    return not event.metadata or event.metadata.get(_TRACED) is not False


def speaks_of_runs(metadata: dict[str, Any]) -> bool:
    """Tell whether *metadata* names or describes a run: which, only the runs around tell."""
    return not _SAID_OF_RUNS.isdisjoint(metadata)


def _is_said_to_be_agent(event: RunStarted, outer: OpenSpan | None) -> bool:
    return any(own_metadata(event, outer, key) for key in (_AGENT_NAME, _AGENT_TYPE))


def own_metadata(event: RunStarted, outer: OpenSpan | None, key: str) -> Any:
    """Return what *event*'s metadata says under *key* of this run itself.

    Runs inherit their parents' metadata: what the run around says as well is said of that one.
    """
    value = event.metadata.get(key)
    if value is None or (outer is None and event.parent_run_id is not None):
        return None
    return None if outer is not None and outer.started.metadata.get(key) == value else value


def _called(event: RunStarted, outer: OpenSpan | None, *, agent: bool) -> str | None:
    """Return what a person called this agent or workflow; `None` where only a class's name is known."""
    if event.metadata:
        keys = (_AGENT_NAME, _OWN_AGENT_NAME) if agent else (_WORKFLOW_NAME,)
        for key in keys:
            if isinstance(said := own_metadata(event, outer, key), str) and said:
                return clean(said, _NAME_LIMIT)
    return None if sc.is_type_name(event.name) else clean(event.name, _NAME_LIMIT) or None


def _span_name(event: RunStarted, operation: str | None, named: str | None, names: Generation) -> str:
    match operation:
        case None:
            return clean(event.name, _NAME_LIMIT) or event.kind.value
        case sc.INVOKE_AGENT | sc.INVOKE_WORKFLOW:
            what = named
        case sc.EXECUTE_TOOL:
            what = clean(event.name, _NAME_LIMIT)
        case sc.RETRIEVAL:
            source = (
                event.metadata.get("data_source_id") if event.metadata and names.data_source_in_name else None
            )
            what = clean(source, _NAME_LIMIT) if isinstance(source, str) else None
        case _:
            what = clean(event.model.name, _NAME_LIMIT) if event.model and event.model.name else None
    return f"{operation} {what}" if what else operation
