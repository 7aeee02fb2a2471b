"""The attributes of a span: what is known when its run starts, and what when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from tracebus.events import Outcome
from tracebus_exporters.otel import _openinference as oi
from tracebus_exporters.otel import _semconv as sc
from tracebus_exporters.otel._content import end_content, start_content
from tracebus_exporters.otel._messages import documents_of
from tracebus_exporters.otel._naming import MODELS, workflow_name
from tracebus_exporters.otel._text import clean, to_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.events import ModelInfo, RunEnded, RunStarted, TokenUsage
    from tracebus_exporters.otel._options import Options
    from tracebus_exporters.otel._spans import OpenSpan

Attributes: TypeAlias = "dict[str, Any]"
_Rules: TypeAlias = "dict[str, tuple[str, Callable[[Any], Any]]]"
"""By LangChain's name of a request parameter: the attribute, and how its value becomes the attribute's."""

_VALUE_LIMIT = 1_024
_METADATA_LIMIT = 4_096
_MOST_ITEMS = 32
# What LangChain and LangGraph put into every run's metadata for themselves.
_INNER_METADATA = ("ls_", "lc_", "langgraph_", "checkpoint_", "__")
_CONVERSATION_KEYS = ("thread_id", "session_id", "conversation_id")


def start_attributes(span: OpenSpan, options: Options) -> Attributes:
    """Return what is known of *span*'s run at its start; samplers see these."""
    event = span.started
    found: Attributes = {}
    if span.operation is not None:
        found[sc.OPERATION_NAME] = span.operation
        _START[span.operation](found, span, options)
    found[sc.RUN_ID] = event.run_id
    found[sc.RUN_KIND] = event.kind.value
    found[sc.RUN_NAME] = clean(event.name, _VALUE_LIMIT)
    if event.metadata:
        _add_metadata(found, event)
    _add_rare(found, event)
    if options.openinference:
        oi.add_start(found, span)
    return found


def end_attributes(span: OpenSpan, ended: RunEnded, options: Options) -> Attributes:
    """Return what is known only when *span*'s run has ended; content excepted."""
    found: Attributes = {}
    if ended.outcome is not Outcome.OK:
        found[sc.RUN_OUTCOME] = ended.outcome.value
        if ended.error is not None and ended.outcome is Outcome.ERROR:
            found[sc.ERROR_TYPE] = clean(ended.error.type, _VALUE_LIMIT) or sc.ERROR_TYPE_OTHER
        elif ended.outcome is Outcome.ERROR:
            found[sc.ERROR_TYPE] = sc.ERROR_TYPE_OTHER
    if span.operation in MODELS:
        _add_response(found, span, ended, options)
    elif span.operation == sc.EMBEDDINGS:
        _add_answering_model(found, ended)
        _put(found, sc.USAGE_INPUT_TOKENS, ended.usage.input_tokens if ended.usage else None)
    elif span.operation == sc.INVOKE_AGENT:
        _put(found, sc.USAGE_INPUT_TOKENS, span.usage_input)
        _put(found, sc.USAGE_OUTPUT_TOKENS, span.usage_output)
    elif span.operation == sc.RETRIEVAL and (documents := documents_of(ended.outputs)) is not None:
        found[sc.DOCUMENT_COUNT] = len(documents)
    if options.openinference:
        oi.add_end(found, span, ended)
    return found


def content_attributes(span: OpenSpan, ended: RunEnded, options: Options) -> Attributes:
    """Return what the program's data was, as JSON strings: backends read no structured attributes."""
    inputs = ended.inputs if ended.inputs is not None else span.started.inputs
    found = start_content(span, inputs) | end_content(span, ended)
    if span.variables and span.operation in MODELS:
        found |= {
            sc.PROMPT_VARIABLE_PREFIX + (clean(name, 64) or "_"): value
            for name, value in list(span.variables.items())[:_MOST_ITEMS]
        }
    written = {
        name: clean(value, options.content_limit)
        if isinstance(value, str)
        else to_json(value, options.content_limit)
        for name, value in found.items()
    }
    if options.openinference:
        oi.add_content(written, span, inputs, ended.outputs, options.content_limit)
    return written


def _add_model_start(found: Attributes, span: OpenSpan, options: Options) -> None:
    model = span.started.model
    found[sc.PROVIDER_NAME] = sc.provider(model.provider if model else None)
    if model is None:
        return
    if model.name:
        found[sc.REQUEST_MODEL] = clean(model.name, _VALUE_LIMIT)
    if model.parameters:
        embedding = span.operation == sc.EMBEDDINGS
        _add_request(found, model, _EMBEDDING_REQUEST if embedding else _REQUEST)
        top_k = model.parameters.get("top_k")
        if not embedding and isinstance(top_k, int | float) and not isinstance(top_k, bool):
            found[sc.REQUEST_TOP_K] = options.names.top_k_type(top_k)


def _add_request(found: Attributes, model: ModelInfo, rules: _Rules) -> None:
    """Add the request's parameters, which LangChain calls by the providers' names."""
    for name, value in model.parameters.items():
        if value is not None and (rule := rules.get(name)) is not None:
            attribute, convert = rule
            if (converted := convert(value)) is not None:
                found[attribute] = converted


def _add_tool_start(found: Attributes, span: OpenSpan, _: Options) -> None:
    found[sc.TOOL_NAME] = clean(span.started.name, _VALUE_LIMIT)
    found[sc.TOOL_TYPE] = sc.TOOL_TYPE_FUNCTION
    _put(found, sc.TOOL_CALL_ID, _text_of(span.started.tool_call_id))
    _put(found, sc.TOOL_DESCRIPTION, _text_of(span.description))
    if span.agent is not None:
        found[sc.AGENT_NAME] = clean(span.agent.started.name, _VALUE_LIMIT)


def _add_agent_start(found: Attributes, span: OpenSpan, _: Options) -> None:
    if span.started.name:
        found[sc.AGENT_NAME] = clean(span.started.name, _VALUE_LIMIT)


def _add_workflow_start(found: Attributes, span: OpenSpan, _: Options) -> None:
    _put(found, sc.WORKFLOW_NAME, workflow_name(span.started))


def _add_retrieval_start(found: Attributes, span: OpenSpan, options: Options) -> None:
    metadata = span.started.metadata
    _put(found, sc.PROVIDER_NAME, _text_of(metadata.get("ls_vector_store_provider")))
    _put(found, sc.REQUEST_MODEL, _text_of(metadata.get("ls_embedding_model")))
    if isinstance(top_k := metadata.get("top_k"), int):
        found[sc.RETRIEVAL_TOP_K if options.names is sc.LATEST else sc.REQUEST_TOP_K] = top_k


_START: dict[str, Callable[[Attributes, OpenSpan, Options], None]] = {
    sc.CHAT: _add_model_start,
    sc.TEXT_COMPLETION: _add_model_start,
    sc.EMBEDDINGS: _add_model_start,
    sc.EXECUTE_TOOL: _add_tool_start,
    sc.INVOKE_AGENT: _add_agent_start,
    sc.INVOKE_WORKFLOW: _add_workflow_start,
    sc.RETRIEVAL: _add_retrieval_start,
}


def _add_metadata(found: Attributes, event: RunStarted) -> None:
    """Add the conversation, the user, the graph's step, and what the program itself noted."""
    metadata = event.metadata
    for key in _CONVERSATION_KEYS:
        if (value := metadata.get(key)) is not None:
            found[sc.CONVERSATION_ID] = clean(str(value), _VALUE_LIMIT)
            break
    _put(found, sc.USER_ID, _text_of(metadata.get("user_id")))
    if "langgraph_node" in metadata:
        _put(found, sc.GRAPH_NODE, _text_of(metadata.get("langgraph_node")))
        _put(found, sc.GRAPH_STEP, _integer(metadata.get("langgraph_step")))
    own = {key: value for key, value in metadata.items() if not key.startswith(_INNER_METADATA)}
    if own:
        found[sc.RUN_METADATA] = to_json(own, _METADATA_LIMIT)


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
        _add_usage(found, ended.usage, options)


def _add_answering_model(found: Attributes, ended: RunEnded) -> None:
    if ended.model is not None and ended.model.name:
        found[sc.RESPONSE_MODEL] = clean(ended.model.name, _VALUE_LIMIT)


def _add_usage(found: Attributes, usage: TokenUsage, options: Options) -> None:
    _put(found, sc.USAGE_INPUT_TOKENS, usage.input_tokens)
    _put(found, sc.USAGE_OUTPUT_TOKENS, usage.output_tokens)
    _put(found, sc.USAGE_CACHE_READ, usage.cache_read_tokens)
    if (written := cache_written(usage)) is not None:
        for name in options.names.cache_write:
            found[name] = written
    _put(found, sc.USAGE_REASONING, usage.reasoning_tokens)
    _put(found, sc.USAGE_AUDIO_INPUT, usage.input_audio_tokens)
    _put(found, sc.USAGE_AUDIO_OUTPUT, usage.output_audio_tokens)
    for name, count in list(usage.other.items())[:_MOST_ITEMS]:
        if name not in _CACHE_PARTS:
            found[_OTHER_USAGE.get(name) or sc.USAGE_OTHER_PREFIX + clean(name, 64)] = count


_CACHE_PARTS = ("input_ephemeral_5m_input_tokens", "input_ephemeral_1h_input_tokens")
_OTHER_USAGE = {
    "input_text": sc.USAGE_TEXT_INPUT,
    "input_image": sc.USAGE_IMAGE_INPUT,
    "output_text": sc.USAGE_TEXT_OUTPUT,
    "output_image": sc.USAGE_IMAGE_OUTPUT,
}


def cache_written(usage: TokenUsage) -> int | None:
    """Return the tokens written to the provider's cache, whichever way it reports them."""
    parts = [usage.other[name] for name in _CACHE_PARTS if name in usage.other]
    if usage.cache_creation_tokens:
        return usage.cache_creation_tokens
    return sum(parts) if parts else usage.cache_creation_tokens


def seconds(start: int, end: int) -> float:
    """Return the seconds between two times in nanoseconds, never less than none."""
    return max(0, end - start) / 1e9


def _put(found: Attributes, name: str, value: Any) -> None:
    if value is not None:
        found[name] = value


def _integer(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _double(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text_of(value: object) -> str | None:
    return clean(str(value), _VALUE_LIMIT) if isinstance(value, str | int) and value != "" else None


def _texts(value: object) -> list[str] | None:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not values:
        return None
    return [clean(str(item), _VALUE_LIMIT) for item in values[:_MOST_ITEMS]]


def _output_type(value: object) -> str | None:
    if not isinstance(value, dict):
        return "json" if isinstance(value, str) and "json" in value else None
    return "json" if str(value.get("type", "json_schema")).startswith("json") else "text"


def _more_than_one(value: object) -> int | None:
    return None if value == 1 else _integer(value)


def _level(value: object) -> str | None:
    return _text_of(value.get("effort")) if isinstance(value, dict) else _text_of(value)


def _only_true(value: object) -> bool | None:
    return True if value is True else None


def _host(value: object) -> str | None:
    return urlsplit(value).hostname if isinstance(value, str) else None


_REQUEST: _Rules = {
    "temperature": (sc.REQUEST_TEMPERATURE, _double),
    "top_p": (sc.REQUEST_TOP_P, _double),
    "frequency_penalty": (sc.REQUEST_FREQUENCY_PENALTY, _double),
    "presence_penalty": (sc.REQUEST_PRESENCE_PENALTY, _double),
    "max_tokens": (sc.REQUEST_MAX_TOKENS, _integer),
    "max_completion_tokens": (sc.REQUEST_MAX_TOKENS, _integer),
    "max_output_tokens": (sc.REQUEST_MAX_TOKENS, _integer),
    "num_predict": (sc.REQUEST_MAX_TOKENS, _integer),
    "seed": (sc.REQUEST_SEED, _integer),
    "stop": (sc.REQUEST_STOP_SEQUENCES, _texts),
    "stop_sequences": (sc.REQUEST_STOP_SEQUENCES, _texts),
    "n": (sc.REQUEST_CHOICE_COUNT, _more_than_one),
    "stream": (sc.REQUEST_STREAM, _only_true),
    "streaming": (sc.REQUEST_STREAM, _only_true),
    "reasoning_effort": (sc.REQUEST_REASONING_LEVEL, _level),
    "reasoning": (sc.REQUEST_REASONING_LEVEL, _level),
    "response_format": (sc.OUTPUT_TYPE, _output_type),
    "ls_structured_output_format": (sc.OUTPUT_TYPE, _output_type),
    "previous_response_id": (sc.REQUEST_PREVIOUS_RESPONSE_ID, _text_of),
    "base_url": (sc.SERVER_ADDRESS, _host),
    "openai_api_base": (sc.SERVER_ADDRESS, _host),
}
_EMBEDDING_REQUEST: _Rules = {
    "encoding_format": (sc.REQUEST_ENCODING_FORMATS, _texts),
    "dimensions": (sc.EMBEDDINGS_DIMENSION_COUNT, _integer),
    "base_url": (sc.SERVER_ADDRESS, _host),
    "openai_api_base": (sc.SERVER_ADDRESS, _host),
}
