"""The attributes of a span: what is known when its run starts, and what when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from tracebus.events import Outcome
from tracebus_exporters.otel.attributes import _openinference as oi
from tracebus_exporters.otel.attributes import _vendors as vendors
from tracebus_exporters.otel.attributes._content import end_content, start_content
from tracebus_exporters.otel.attributes._naming import MODELS
from tracebus_exporters.otel.attributes._request import request_attributes
from tracebus_exporters.otel.attributes._tokens import usage_attributes
from tracebus_exporters.otel.content._messages import documents_of
from tracebus_exporters.otel.content._shortening import fitted, to_json
from tracebus_exporters.otel.content._text import clean
from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.events import RunEnded, RunStarted
    from tracebus_exporters.otel._options import Options
    from tracebus_exporters.otel.spans._spans import OpenSpan

Attributes: TypeAlias = "dict[str, Any]"

_OK = Outcome.OK
_VALUE_LIMIT = 1_024
_METADATA_LIMIT = 4_096
_MOST_ITEMS = 32
# What LangChain and LangGraph put into every run's metadata for themselves.
_INNER_METADATA = ("ls_", "lc_", "langgraph_", "checkpoint_", "__")
_CONVERSATION_KEYS = ("thread_id", "session_id", "conversation_id")


def start_attributes(span: OpenSpan, options: Options) -> Attributes:
    """Return what is known of *span*'s run at its start, its id excepted; samplers see these."""
    event = span.started
    found: Attributes = {}
    if span.operation is not None:
        found[sc.OPERATION_NAME] = span.operation
        _START[span.operation](found, span, options)
    found[sc.RUN_KIND] = event.kind.value
    found[sc.RUN_NAME] = clean(event.name, _VALUE_LIMIT)
    if event.metadata:
        _add_metadata(found, event, min(_METADATA_LIMIT, options.content_limit))
    _add_rare(found, event)
    if options.openinference:
        oi.add_start(found, span, min(_METADATA_LIMIT, options.content_limit))
    if options.vendor:
        vendors.add_start(found, span, options.vendor)
    return _spoken(found, options)


def measured_start(span: OpenSpan, options: Options) -> Attributes:
    """Return of `start_attributes` those that metrics are split by, and that agents are told of."""
    assert span.operation is not None
    found: Attributes = {sc.OPERATION_NAME: span.operation}
    _START[span.operation](found, span, options)
    return _spoken(found, options)


def described(span: OpenSpan) -> Attributes:
    """Return *span*'s attributes of the start, the run's id among them."""
    return {sc.RUN_ID: span.started.run_id, **span.attributes}


def end_attributes(span: OpenSpan, ended: RunEnded, options: Options) -> Attributes:
    """Return what is known only when *span*'s run has ended; content excepted."""
    found: Attributes = {}
    if ended.outcome is not _OK:
        _add_outcome(found, ended)
    elif span.operation is None and ended.kept is None and not options.openinference and not options.vendor:
        return found
    if ended.kept is not None:
        found[sc.KEPT_REASONS] = [clean(reason, _VALUE_LIMIT) for reason in ended.kept.reasons]
        found[sc.KEPT_SHARE] = ended.kept.share
    if span.operation in MODELS:
        _add_response(found, span, ended, options)
    elif span.operation == sc.EMBEDDINGS:
        _add_answering_model(found, ended)
        _put(found, sc.USAGE_INPUT_TOKENS, ended.usage.input_tokens if ended.usage else None)
    elif span.agency is not None:
        found |= span.agency.attributes()
    elif span.operation == sc.RETRIEVAL and (documents := documents_of(ended.outputs)) is not None:
        found[sc.DOCUMENT_COUNT] = len(documents)
    if options.openinference:
        oi.add_end(found, span, ended)
    if options.vendor:
        vendors.add_end(found, span, options.vendor)
    return _spoken(found, options)


def measured_end(span: OpenSpan, ended: RunEnded) -> Attributes:
    """Return of `end_attributes` those that metrics are split by."""
    found: Attributes = {}
    if ended.outcome is not _OK:
        _add_outcome(found, ended)
    if span.operation in MODELS or span.operation == sc.EMBEDDINGS:
        _add_answering_model(found, ended)
    elif span.agency is not None:
        found |= span.agency.attributes()
    return found


def _add_outcome(found: Attributes, ended: RunEnded) -> None:
    found[sc.RUN_OUTCOME] = ended.outcome.value
    if ended.outcome is Outcome.ERROR:
        described = clean(ended.error.type, _VALUE_LIMIT) if ended.error is not None else ""
        found[sc.ERROR_TYPE] = described or sc.ERROR_TYPE_OTHER


def content_attributes(span: OpenSpan, ended: RunEnded, options: Options, taken: int) -> Attributes:
    """Return what the program's data was, as JSON strings: backends read no structured attributes.

    JSON is there as the bytes it was joined from. *taken* is how many attributes the span has already.
    """
    inputs = ended.inputs if ended.inputs is not None else span.started.inputs
    found = start_content(span, inputs)
    found |= end_content(span, ended)
    if options.prompts and span.prompt is not None and span.operation in MODELS:
        found |= span.prompt.variable_attributes()
    found = _spoken(found, options)
    if options.openinference:
        # OpenInference has the same under names of its own.
        found.pop(sc.STEP_INPUT, None)
        found.pop(sc.STEP_OUTPUT, None)
    limit = options.content_limit
    written = {
        name: clean(value, limit) if isinstance(value, str) else fitted(value, limit)[0]
        for name, value in found.items()
    }
    if options.openinference:
        room = options.attribute_limit - taken - len(written)
        oi.add_content(written, span, inputs, ended.outputs, limit, room)
    return written


def _spoken(found: Attributes, options: Options) -> Attributes:
    """Return *found* without what the generation spoken does not have."""
    absent = options.names.absent
    if not absent:
        return found
    return {name: value for name, value in found.items() if name not in absent and not _begins(name, absent)}


def _begins(name: str, absent: frozenset[str]) -> bool:
    return any(prefix.endswith(".") and name.startswith(prefix) for prefix in absent)


def _add_model_start(found: Attributes, span: OpenSpan, options: Options) -> None:
    model = span.started.model
    found[sc.PROVIDER_NAME] = sc.provider(model.provider if model else None)
    if model is not None:
        if model.name:
            found[sc.REQUEST_MODEL] = clean(model.name, _VALUE_LIMIT)
        if model.parameters:
            embedding = span.operation == sc.EMBEDDINGS
            found |= request_attributes(model, embedding=embedding, names=options.names)
        if model.provider == "azure":
            found[sc.PROVIDER_NAME] = sc.azure_provider(found.get(sc.SERVER_ADDRESS), span.started.name)
    if options.prompts and span.prompt is not None:
        found |= span.prompt.name_attributes()


def _add_tool_start(found: Attributes, span: OpenSpan, _: Options) -> None:
    found[sc.TOOL_NAME] = clean(span.started.name, _VALUE_LIMIT)
    found[sc.TOOL_TYPE] = sc.TOOL_TYPE_FUNCTION
    _put(found, sc.TOOL_CALL_ID, _text_of(span.started.tool_call_id))
    _put(found, sc.TOOL_DESCRIPTION, _text_of(span.description))
    if span.agent is not None:
        _put(found, sc.AGENT_NAME, span.agent.called)


def _add_agent_start(found: Attributes, span: OpenSpan, _: Options) -> None:
    _put(found, sc.AGENT_NAME, span.called)
    _put(found, sc.AGENT_DESCRIPTION, _text_of(span.description))


def _add_workflow_start(found: Attributes, span: OpenSpan, options: Options) -> None:
    if span.called is not None:
        for name in options.names.workflow_name:
            found[name] = span.called


def _add_retrieval_start(found: Attributes, span: OpenSpan, options: Options) -> None:
    metadata = span.started.metadata
    _put(found, sc.DATA_SOURCE_ID, _text_of(metadata.get("data_source_id")))
    _put(found, sc.PROVIDER_NAME, _text_of(metadata.get("ls_vector_store_provider")))
    _put(found, sc.REQUEST_MODEL, _text_of(metadata.get("ls_embedding_model")))
    top_k = metadata.get("top_k", metadata.get("k"))
    if isinstance(top_k, int) and not isinstance(top_k, bool):
        name, as_type = options.names.retrieval_top_k
        found[name] = as_type(top_k)


_START: dict[str, Callable[[Attributes, OpenSpan, Options], None]] = {
    sc.CHAT: _add_model_start,
    sc.TEXT_COMPLETION: _add_model_start,
    sc.EMBEDDINGS: _add_model_start,
    sc.EXECUTE_TOOL: _add_tool_start,
    sc.INVOKE_AGENT: _add_agent_start,
    sc.INVOKE_WORKFLOW: _add_workflow_start,
    sc.RETRIEVAL: _add_retrieval_start,
}


def _add_metadata(found: Attributes, event: RunStarted, limit: int) -> None:
    """Add the conversation, the user, the graph's step, and what the program itself noted."""
    metadata = event.metadata
    for key in _CONVERSATION_KEYS:
        if (value := metadata.get(key)) is not None:
            found[sc.CONVERSATION_ID] = clean(str(value), _VALUE_LIMIT)
            break
    _put(found, sc.USER_ID, _text_of(metadata.get("user_id")))
    if "langgraph_node" in metadata:
        _put(found, sc.GRAPH_NODE, _text_of(metadata.get("langgraph_node")))
        step = metadata.get("langgraph_step")
        _put(found, sc.GRAPH_STEP, step if isinstance(step, int) and not isinstance(step, bool) else None)
    own = {key: value for key, value in metadata.items() if not key.startswith(_INNER_METADATA)}
    if own:
        found[sc.RUN_METADATA] = to_json(own, limit)


def _add_rare(found: Attributes, event: RunStarted) -> None:
    if event.tags:
        found[sc.RUN_TAGS] = [clean(tag, _VALUE_LIMIT) for tag in event.tags[:_MOST_ITEMS]]
    if event.batch is not None:
        found[sc.BATCH_ID] = clean(event.batch.id, _VALUE_LIMIT)
        found[sc.BATCH_INDEX] = event.batch.index
        found[sc.BATCH_SIZE] = event.batch.size
    _put(found, sc.RUN_ATTEMPT, event.attempt)


def _add_response(found: Attributes, span: OpenSpan, ended: RunEnded, options: Options) -> None:
    if ended.finish_reasons:
        found[sc.RESPONSE_FINISH_REASONS] = [
            sc.finish_reason(clean(reason, _VALUE_LIMIT)) for reason in ended.finish_reasons[:_MOST_ITEMS]
        ]
    elif ended.outcome is not Outcome.OK:
        found[sc.RESPONSE_FINISH_REASONS] = [sc.FINISH_REASON_ERROR]
    _add_answering_model(found, ended)
    _put(found, sc.RESPONSE_ID, _text_of(ended.response_id))
    if span.first_chunk is not None:
        found[sc.REQUEST_STREAM] = True
        found[sc.RESPONSE_TIME_TO_FIRST_CHUNK] = seconds(span.started.time, span.first_chunk)
        found[sc.STREAM_CHUNKS] = span.chunks
    if ended.cached:
        found[sc.RUN_CACHED] = True
    if ended.usage is not None:
        found |= usage_attributes(ended.usage, options.names)


def _add_answering_model(found: Attributes, ended: RunEnded) -> None:
    if ended.model is not None and ended.model.name:
        found[sc.RESPONSE_MODEL] = clean(ended.model.name, _VALUE_LIMIT)


def seconds(start: int, end: int) -> float:
    """Return the seconds between two times in nanoseconds, never less than none."""
    return max(0, end - start) / 1e9


def _put(found: Attributes, name: str, value: Any) -> None:
    if value is not None:
        found[name] = value


def _text_of(value: object) -> str | None:
    return clean(str(value), _VALUE_LIMIT) if isinstance(value, str | int) and value != "" else None
