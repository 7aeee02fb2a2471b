"""Shares facts between spans of a trace: a model's prompt template, a tool's description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.events import RunKind
from tracebus_exporters.otel.attributes._agents import definitions_told
from tracebus_exporters.otel.attributes._naming import MODELS
from tracebus_exporters.otel.attributes._prompts import Prompt

if TYPE_CHECKING:
    from tracebus_exporters.otel.spans._spans import OpenSpan

_MOST_TOOLS = 256


def has_to_do_with_others(span: OpenSpan) -> bool:
    """Tell whether *span*'s run is of a kind that knows of others, or others of it."""
    return span.operation in MODELS or span.started.kind in {RunKind.PROMPT, RunKind.TOOL}


def ask_neighbours(span: OpenSpan, outer: OpenSpan | None, root: OpenSpan | None, *, prompts: bool) -> None:
    """Let *span* tell its neighbours what it knows of them, and learn what they know of it.

    LangChain's callbacks say of a model nothing about the template its messages came from, and of a
    tool nothing about its description; the prompt's run just before and the requests of the models in
    the same trace do. *prompts* says whether anybody will read of templates.
    """
    event = span.started
    if event.kind is RunKind.PROMPT:
        if not prompts:
            return
        span.prompt = Prompt(event)
        if outer is not None:
            outer.prompt = span.prompt
    elif span.operation in MODELS:
        if outer is not None and outer.prompt is not None:
            span.prompt, outer.prompt = outer.prompt, None
        definitions = definitions_told(span)
        if root is not None and definitions:
            _note_tools(root, definitions)
    elif event.kind is RunKind.TOOL and root is not None and root.tools is not None:
        span.description = root.tools.get(event.name)


def _note_tools(root: OpenSpan, definitions: list[dict[str, object]]) -> None:
    if root.tools is None:
        root.tools = {}
    for definition in definitions:
        name, description = definition["name"], definition.get("description")
        if isinstance(name, str) and isinstance(description, str) and len(root.tools) < _MOST_TOOLS:
            root.tools[name] = description
