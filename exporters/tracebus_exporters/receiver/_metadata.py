"""What else a span says: nothing is dropped silently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import RunKind
from tracebus_exporters.otel import _semconv as sc
from tracebus_exporters.receiver._messages import parsed
from tracebus_exporters.receiver._models import MODEL_NAMES
from tracebus_exporters.receiver._names import PARAMETERS, USAGE, USAGE_DETAILS
from tracebus_exporters.receiver._payloads import CONTENT, CONTENT_PREFIXES
from tracebus_exporters.receiver._reading import first_text

if TYPE_CHECKING:
    from tracebus.capture import Capture
    from tracebus_exporters.receiver._span import Span

__all__ = ["NAMES", "OTHER_NAMES", "TRACELOOP_KIND", "metadata_of"]

_LONGEST = 1_000
_MOST_ATTRIBUTES = 64
NAMES = {
    RunKind.TOOL: (sc.TOOL_NAME, sc.OI_TOOL_NAME, "traceloop.entity.name"),
    RunKind.AGENT: (sc.AGENT_NAME, sc.OI_AGENT_NAME, "agent_name", "traceloop.entity.name"),
}
"""By kind: the attributes a run may be called by."""
OTHER_NAMES = (sc.WORKFLOW_NAME, "traceloop.entity.name")
TRACELOOP_KIND = "traceloop.span.kind"
_SESSIONS = (sc.CONVERSATION_ID, sc.OI_SESSION_ID, "traceloop.association.properties.thread_id")


def metadata_of(span: Span, capture: Capture) -> dict[str, Any]:
    """Return what else the span says, by the names it was said under: nothing known is dropped silently."""
    attributes = span.attributes
    own = parsed(attributes.get(sc.RUN_METADATA) or attributes.get(sc.OI_METADATA))
    found: dict[str, Any] = dict(own) if isinstance(own, dict) else {}
    if (session := first_text(attributes, _SESSIONS)) is not None:
        found.setdefault("thread_id", session)
    for name, key in (
        (sc.USER_ID, "user_id"),
        (sc.GRAPH_NODE, "langgraph_node"),
        (sc.GRAPH_STEP, "langgraph_step"),
    ):
        if name in attributes:
            found[key] = attributes[name]
    if sc.RUN_ID in attributes:
        return found
    if span.service:
        found["service.name"] = span.service
    room = _MOST_ATTRIBUTES
    for name, value in attributes.items():
        if name in _READ or name.startswith(CONTENT_PREFIXES):
            continue
        if not capture.content and not isinstance(value, int | float):
            continue  # nobody knows what else it holds
        if (room := room - 1) < 0:
            break
        own_name = name.removeprefix("traceloop.association.properties.")
        found[own_name] = value[:_LONGEST] if isinstance(value, str) else value
    return found


_READ = frozenset(
    (
        *CONTENT, *USAGE, *USAGE_DETAILS, *PARAMETERS, *MODEL_NAMES, *_SESSIONS,
        *(name for names in NAMES.values() for name in names), *OTHER_NAMES, TRACELOOP_KIND,
        sc.OPERATION_NAME, sc.OI_SPAN_KIND, sc.RUN_ID, sc.RUN_KIND, sc.RUN_NAME, sc.RUN_TAGS, sc.OI_TAGS,
        sc.RUN_METADATA, sc.OI_METADATA, sc.RUN_OUTCOME, sc.RUN_ATTEMPT, sc.RUN_CACHED, sc.BATCH_ID,
        sc.BATCH_INDEX, sc.BATCH_SIZE, sc.TOOL_CALL_ID, sc.OI_TOOL_ID, sc.RESPONSE_ID, sc.USER_ID,
        sc.ERROR_TYPE, sc.RESPONSE_FINISH_REASONS, sc.OI_FINISH_REASON, sc.OI_INVOCATION_PARAMETERS,
        sc.OI_INPUT_MIME_TYPE,
        sc.OI_OUTPUT_MIME_TYPE, sc.GRAPH_NODE, sc.GRAPH_STEP, "llm.request.type",
    )
)  # fmt: skip
"""Attributes that became something else than metadata."""
