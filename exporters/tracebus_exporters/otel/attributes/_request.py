"""Attributes of a model request's parameters: temperature, top_p, maximum of tokens and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from tracebus_exporters.otel.content._text import clean
from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.events import ModelInfo
    from tracebus_exporters.otel.conventions._generations import Generation

_Rules: TypeAlias = "dict[str, tuple[str, Callable[[Any], Any]]]"
"""By LangChain's name of a request parameter: the attribute, and how its value becomes the attribute's."""

_VALUE_LIMIT = 1_024
_MOST_ITEMS = 32
_PORTS = {"https": 443, "http": 80, "wss": 443, "ws": 80}
_BASES = ("base_url", "openai_api_base")


def request_attributes(model: ModelInfo, *, embedding: bool, names: Generation) -> dict[str, Any]:
    """Return the parameters of a request, which LangChain calls by the providers' names."""
    found: dict[str, Any] = {}
    rules = EMBEDDING_REQUEST if embedding else REQUEST
    for name, value in model.parameters.items():
        if value is not None and (rule := rules.get(name)) is not None:
            attribute, convert = rule
            if (converted := convert(value)) is not None:
                found[attribute] = converted
    top_k = model.parameters.get("top_k")
    if not embedding and isinstance(top_k, int | float) and not isinstance(top_k, bool):
        found[sc.REQUEST_TOP_K] = names.request_top_k(top_k)
    for name in _BASES:
        if (base := model.parameters.get(name)) is not None:
            found |= server_attributes(base)
    return found


def server_attributes(base: object) -> dict[str, Any]:
    """Return the host and the port of a URL; the port its scheme stands for where it names none."""
    if not isinstance(base, str):
        return {}
    try:
        parts = urlsplit(base)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return {}
    if not host:
        return {}
    found: dict[str, Any] = {sc.SERVER_ADDRESS: clean(host, _VALUE_LIMIT)}
    return found if port is None else {**found, sc.SERVER_PORT: port}


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


REQUEST: _Rules = {
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
}
EMBEDDING_REQUEST: _Rules = {
    "encoding_format": (sc.REQUEST_ENCODING_FORMATS, _texts),
    "dimensions": (sc.EMBEDDINGS_DIMENSION_COUNT, _integer),
}
