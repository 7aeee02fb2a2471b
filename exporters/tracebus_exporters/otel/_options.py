"""The exporter's options, checked."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast, get_args

from tracebus_exporters.otel.conventions._generations import V0_1, VERSIONS, Generation, Version

if TYPE_CHECKING:
    from collections.abc import Mapping

Vendor: TypeAlias = Literal["", "langfuse", "langsmith", "mlflow"]
Spans: TypeAlias = Literal["all", "genai"]
Parent: TypeAlias = Literal["ambient", "none"]
Content: TypeAlias = Literal["none", "span", "event", "span_and_event"]

CAPTURE_VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
EMIT_EVENT_VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT"
_CONTENT_VALUES: Final[dict[str, Content]] = {
    "": "none",
    "no_content": "none",
    "none": "none",
    "false": "none",
    "0": "none",
    "span_only": "span",
    "span": "span",
    "true": "span",
    "1": "span",
    "event_only": "event",
    "event": "event",
    "span_and_event": "span_and_event",
}
_SWITCHES = ("openinference", "prompts")
_logger = logging.getLogger("tracebus")


@dataclass(frozen=True, slots=True)
class Options:
    """How runs become spans."""

    spans: Spans = "all"
    names: Generation = V0_1
    metrics: tuple[Generation, ...] = (V0_1,)
    """The generations whose metrics are recorded."""
    openinference: bool = False
    prompts: bool = False
    """Write `gen_ai.prompt.*`."""
    vendor: Vendor = ""
    """Whose own attributes are written beside."""
    parent: Parent = "ambient"
    span_content: bool = False
    event_content: bool = False
    events: bool = False
    """Write `gen_ai.client.inference.operation.details` and exceptions to the Logs API."""
    content_limit: int = 65_536
    """Characters of one attribute's content."""
    value_limit: int | None = None
    """Characters of any text on a span, where the environment says so."""
    attribute_limit: int = 128
    event_limit: int = 128


def checked(
    *,
    spans: str,
    semconv: str,
    openinference: bool,
    prompts: bool,
    vendor: str,
    parent: str,
    content: str | bool | None,
    events: bool,
) -> Options:
    """Return the options for what a user wrote.

    Args:
        spans: as in `OTelExporter`, and so are the others but the last.
        semconv: likewise.
        openinference: likewise.
        prompts: likewise.
        vendor: likewise.
        parent: likewise.
        content: likewise.
        events: whether the user gave a place for events (a `LoggerProvider`).

    Raises:
        ValueError: a value is none of those possible.
    """
    _expect("spans", spans, get_args(Spans))
    _expect("semconv", semconv, get_args(Version))
    _expect("vendor", vendor, get_args(Vendor))
    _expect("parent", parent, get_args(Parent))
    where = _content(content)
    wants_events = where in {"event", "span_and_event"} or events or _flag(EMIT_EVENT_VARIABLE)
    names, metrics = VERSIONS[cast("Version", semconv)]
    return Options(
        spans=cast("Spans", spans),
        names=names,
        metrics=metrics,
        openinference=openinference,
        prompts=prompts,
        vendor=cast("Vendor", vendor),
        parent=cast("Parent", parent),
        span_content=where in {"span", "span_and_event"},
        event_content=where in {"event", "span_and_event"},
        events=wants_events,
    )


def query_options(query: Mapping[str, str]) -> dict[str, Any]:
    """Return `OTelExporter`'s arguments for the query of an `otlp://…?…` URL.

    Raises:
        ValueError: an option nobody knows.
    """
    found: dict[str, Any] = {}
    for name, value in query.items():
        _expect("the option", name, (*_SWITCHES, "spans", "semconv", "content", "vendor", "parent"))
        found[name] = _boolean(name, value) if name in _SWITCHES else value
    return found


def _content(content: str | bool | None) -> Content:  # noqa: FBT001  the user's own value
    if isinstance(content, bool):
        return "span" if content else "none"
    if content is not None:
        _expect("content", content.lower(), tuple(name for name in _CONTENT_VALUES if name))
        return _CONTENT_VALUES[content.lower()]
    asked = os.environ.get(CAPTURE_VARIABLE, "").strip()
    if (found := _CONTENT_VALUES.get(asked.lower())) is None:
        _logger.warning(
            "%s=%s is not understood and taken as NO_CONTENT; use NO_CONTENT, SPAN_ONLY, EVENT_ONLY or "
            "SPAN_AND_EVENT",
            CAPTURE_VARIABLE,
            asked,
        )
        return "none"
    return found


def _flag(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() in {"true", "1"}


def _boolean(name: str, value: str) -> bool:
    _expect(name, value.lower(), ("true", "false", "1", "0"))
    return value.lower() in {"true", "1"}


def _expect(what: str, value: object, possible: tuple[str, ...]) -> None:
    if value not in possible:
        choices = ", ".join(repr(choice) for choice in possible)
        raise ValueError(f"{what} is {value!r}, but must be one of: {choices}")
