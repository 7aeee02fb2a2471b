"""Decides once for each set of attribute names which attribute says what.

Spans of one instrumentation carry the same few sets of names; looking every attribute up for every question
was half of what taking a span in cost (`benchmarks/receiver/receiving.py`).
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from tracebus.events import RunKind
from tracebus_exporters.otel.conventions import _semconv as sc
from tracebus_exporters.receiver._messages import FLAT
from tracebus_exporters.receiver._names import (
    KINDS,
    OI_KINDS,
    PARAMETERS,
    TRACELOOP_KINDS,
    USAGE,
    USAGE_DETAILS,
)
from tracebus_exporters.receiver._payloads import CONTENT, CONTENT_PREFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

__all__ = ["Plan", "plan_of"]

_MOST_PLANS = 2_048
_MOST_NAMES = 256
_OWN_PREFIX = "traceloop.association.properties."
_TRACELOOP_KIND = "traceloop.span.kind"
_NAMES = {
    RunKind.TOOL: (sc.TOOL_NAME, sc.OI_TOOL_NAME, "traceloop.entity.name"),
    RunKind.AGENT: (sc.AGENT_NAME, sc.OI_AGENT_NAME, "agent_name", "traceloop.entity.name"),
}
"""By kind: the attributes a run may be called by."""
_OTHER_NAMES = (sc.WORKFLOW_NAME, "traceloop.entity.name")
_PROVIDER = (sc.PROVIDER_NAME, "gen_ai.system", sc.OI_PROVIDER, sc.OI_SYSTEM)
_ASKED = (sc.REQUEST_MODEL, sc.OI_REQUEST_MODEL, sc.OI_MODEL_NAME, sc.OI_EMBEDDING_MODEL, "model_name")
_ANSWERED = (sc.RESPONSE_MODEL, sc.OI_RESPONSE_MODEL)
_SESSIONS = (sc.CONVERSATION_ID, sc.OI_SESSION_ID, "traceloop.association.properties.thread_id")
_NOTED = {sc.USER_ID: "user_id", sc.GRAPH_NODE: "langgraph_node", sc.GRAPH_STEP: "langgraph_step"}
_BATCH = (sc.BATCH_ID, sc.BATCH_INDEX, sc.BATCH_SIZE)
_KINDS: tuple[tuple[str, Mapping[str, RunKind]], ...] = (
    (sc.OPERATION_NAME, KINDS),
    (sc.OI_SPAN_KIND, OI_KINDS),
    (_TRACELOOP_KIND, TRACELOOP_KINDS),
    ("llm.request.type", KINDS),
)
"""The attributes that tell a run's kind where it is not said by its own name, the surest first."""
_MODEL = frozenset((sc.REQUEST_MODEL, "gen_ai.system"))
_OURS = frozenset((sc.RUN_NAME, sc.RUN_TAGS, sc.OI_TAGS, sc.RUN_OUTCOME, sc.RUN_ATTEMPT, sc.RUN_CACHED))
_TELLING = frozenset(
    (
        sc.RUN_KIND, sc.RUN_NAME, sc.STREAM_CHUNKS, sc.OI_INVOCATION_PARAMETERS,
        *PARAMETERS, *_PROVIDER, *_ASKED, *_ANSWERED, *_OTHER_NAMES, *(name for name, _ in _KINDS),
        *(name for names in _NAMES.values() for name in names),
    )
)  # fmt: skip
"""Attributes that say what a span is, and of a model what was asked of it."""
_NOTING = frozenset((sc.RUN_METADATA, sc.OI_METADATA, *_SESSIONS, *_NOTED))
"""Attributes that become metadata, beside those nobody knows."""
_MOST_NOTING = 16
_READ = frozenset(
    (
        *CONTENT, *USAGE, *USAGE_DETAILS, *PARAMETERS, *_PROVIDER, *_ASKED, *_ANSWERED, *_SESSIONS, *_NOTED,
        *_BATCH, *(name for names in _NAMES.values() for name in names), *_OTHER_NAMES, _TRACELOOP_KIND,
        sc.OPERATION_NAME, sc.OI_SPAN_KIND, sc.RUN_ID, sc.RUN_KIND, sc.RUN_NAME, sc.RUN_TAGS, sc.OI_TAGS,
        sc.RUN_METADATA, sc.OI_METADATA, sc.RUN_OUTCOME, sc.RUN_ATTEMPT, sc.RUN_CACHED, sc.TOOL_CALL_ID,
        sc.OI_TOOL_ID, sc.RESPONSE_ID, sc.ERROR_TYPE, sc.RESPONSE_FINISH_REASONS, sc.OI_FINISH_REASON,
        sc.OI_INVOCATION_PARAMETERS, sc.OI_INPUT_MIME_TYPE, sc.OI_OUTPUT_MIME_TYPE, "llm.request.type",
    )
)  # fmt: skip
"""Attributes that become something else than metadata."""


class Plan:
    """What the attributes of one set of names say."""

    __slots__ = (
        "answered", "asked", "batch", "content", "details", "failed", "flat", "kinds", "names", "noted",
        "noted_by_us", "noting", "other_names", "otherwise", "own_kind", "own_metadata", "parameters",
        "provider", "rest", "run_id", "session", "telling", "usage", "waited",
    )  # fmt: skip

    def __init__(self, names: Sequence[str]) -> None:
        present = set(names)
        self.own_kind = sc.RUN_KIND in present
        self.kinds = tuple((name, kinds) for name, kinds in _KINDS if name in present)
        self.otherwise = RunKind.CHAIN if present.isdisjoint(_MODEL) else RunKind.CHAT_MODEL
        """The kind where no attribute names one."""
        self.names = {
            kind: tuple(name for name in names if name in present) for kind, names in _NAMES.items()
        }
        self.other_names = tuple(name for name in _OTHER_NAMES if name in present)
        self.run_id = sc.RUN_ID in present
        self.noted_by_us = not present.isdisjoint(_OURS)
        """Whether it says what only we, and for tags OpenInference, say."""
        self.own_metadata = sc.RUN_METADATA in present or sc.OI_METADATA in present
        self.failed = sc.ERROR_TYPE in present
        self.waited = sc.RESPONSE_TIME_TO_FIRST_CHUNK in present
        self.parameters = tuple((name, PARAMETERS[name]) for name in names if name in PARAMETERS)
        self.usage = tuple((name, USAGE[name]) for name in names if name in USAGE)
        self.details = tuple((name, detail) for name in names if (detail := _detail(name)) is not None)
        self.provider = tuple(name for name in _PROVIDER if name in present)
        self.asked = tuple(name for name in _ASKED if name in present)
        self.answered = tuple(name for name in _ANSWERED if name in present)
        self.session = tuple(name for name in _SESSIONS if name in present)
        self.noted = tuple((name, key) for name, key in _NOTED.items() if name in present)
        self.batch = present.issuperset(_BATCH)
        self.flat = any(name.startswith(FLAT) for name in names)
        """Whether a message is written as many attributes."""
        self.content = not present.isdisjoint(CONTENT) or any(
            name.startswith(CONTENT_PREFIXES) for name in names
        )
        self.rest = tuple((name, name.removeprefix(_OWN_PREFIX)) for name in names if _is_rest(name))
        """What nobody here knows, and the name it is kept by."""
        self.telling = None if sc.TOOL_DEFINITIONS in present else _values_of(_TELLING.intersection(present))
        """Returns the values of all that says what the span is; `None` where they are long as a rule."""
        rest = {name for name, _ in self.rest}
        noting = rest.union(_NOTING.intersection(present))
        self.noting = _values_of(noting) if len(noting) <= _MOST_NOTING else None
        """Likewise, of all that becomes metadata."""


def _values_of(names: Collection[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Return what returns the values of *names*."""
    match tuple(names):
        case ():
            return lambda _: ()
        case (name,):
            return lambda attributes: (attributes[name],)
        case several:
            return itemgetter(*several)


_plans: dict[tuple[str, ...], Plan] = {}


def plan_of(attributes: Mapping[str, Any]) -> Plan:
    """Return what the names of *attributes* say."""
    names = tuple(attributes)
    plan = _plans.get(names)
    if plan is None:
        plan = Plan(names)
        if len(names) <= _MOST_NAMES:
            if len(_plans) >= _MOST_PLANS:
                _plans.clear()
            _plans[names] = plan
    return plan


def _is_rest(name: str) -> bool:
    return name not in _READ and not name.startswith((*CONTENT_PREFIXES, sc.USAGE_OTHER_PREFIX))


def _detail(name: str) -> str | None:
    """Return LangChain's name of a detail of the usage; `None` where *name* is none."""
    if name.startswith(sc.USAGE_OTHER_PREFIX):
        return name.removeprefix(sc.USAGE_OTHER_PREFIX)
    return USAGE_DETAILS.get(name)
