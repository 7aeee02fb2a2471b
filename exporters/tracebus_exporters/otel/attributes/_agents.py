"""Attributes of an agent's span that only its own model and tool calls tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus_exporters.otel.attributes._naming import MODELS
from tracebus_exporters.otel.content._messages import instructions_of, tool_definitions
from tracebus_exporters.otel.conventions import _semconv as sc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracebus.events import RunEnded
    from tracebus_exporters.otel.spans._spans import OpenSpan

_REQUEST = (
    sc.REQUEST_MODEL, sc.REQUEST_MAX_TOKENS, sc.REQUEST_TEMPERATURE, sc.REQUEST_TOP_P, sc.REQUEST_SEED,
    sc.REQUEST_STOP_SEQUENCES, sc.REQUEST_FREQUENCY_PENALTY, sc.REQUEST_PRESENCE_PENALTY,
    sc.REQUEST_CHOICE_COUNT, sc.OUTPUT_TYPE,
)  # fmt: skip
"""Attributes of a request that the conventions have on an agent, too."""


class Agency:
    """One agent's invocation: its own calls, and the tokens of all calls inside.

    A sub-agent's calls are the sub-agent's, so that each is counted once in the tree. Its tokens are
    part of what the agent's invocation used.
    """

    __slots__ = (
        "finish_reasons", "inference_calls", "instructions", "request", "tool_calls", "tools",
        "usage_input", "usage_output",
    )  # fmt: skip

    def __init__(self) -> None:
        self.inference_calls = 0
        self.tool_calls = 0
        self.usage_input: int | None = None
        self.usage_output: int | None = None
        self.request: dict[str, Any] | None = None
        """What all its own requests have in common."""
        self.finish_reasons: tuple[str, ...] = ()
        """Those of its last call."""
        self.instructions: list[dict[str, Any]] | None = None
        self.tools: list[dict[str, Any]] | None = None

    def asks(self, span: OpenSpan, definitions: list[dict[str, Any]] | None) -> None:
        """Learn from the start of a model call of the agent's own."""
        if self.instructions is None:
            self.instructions = instructions_of(span.started.inputs) or []
        if self.tools is None:
            self.tools = definitions

    def heard(self, span: OpenSpan, ended: RunEnded) -> None:
        """Count a call of the agent's own that has ended, failed ones too."""
        if span.operation == sc.EXECUTE_TOOL:
            self.tool_calls += 1
            return
        self.inference_calls += 1
        if ended.finish_reasons:
            self.finish_reasons = ended.finish_reasons
        asked = span.attributes
        if self.request is None:
            self.request = {name: asked[name] for name in _REQUEST if name in asked}
        elif self.request:
            self.request = {name: value for name, value in self.request.items() if asked.get(name) == value}

    def uses(self, ended: RunEnded) -> None:
        """Add what a model inside used."""
        if ended.usage is not None:
            self.usage_input = _sum(self.usage_input, ended.usage.input_tokens)
            self.usage_output = _sum(self.usage_output, ended.usage.output_tokens)

    def attributes(self) -> dict[str, Any]:
        """Return what the agent's span says of its calls."""
        found = dict(self.request or {})
        if self.finish_reasons:
            found[sc.RESPONSE_FINISH_REASONS] = [sc.finish_reason(reason) for reason in self.finish_reasons]
        if self.usage_input is not None:
            found[sc.USAGE_INPUT_TOKENS] = self.usage_input
        if self.usage_output is not None:
            found[sc.USAGE_OUTPUT_TOKENS] = self.usage_output
        return found


def tell_agents(span: OpenSpan, ended: RunEnded, still_open: Mapping[str, OpenSpan | None]) -> None:
    """Tell the agents around a model's or tool's run that it ended: the nearest, and for tokens each."""
    if span.operation not in MODELS and span.operation != sc.EXECUTE_TOOL:
        return
    agent = span.agent
    if agent is not None and agent is not span and agent.agency is not None:
        agent.agency.heard(span, ended)
    while agent is not None:
        if span.operation in MODELS and agent.agency is not None:
            agent.agency.uses(ended)
        outer = agent.started.parent_run_id
        around = still_open.get(outer) if outer else None
        agent = around.agent if around else None


def definitions_told(span: OpenSpan) -> list[dict[str, Any]] | None:
    """Return the tools a model's request names, having told the model's agent of them."""
    model = span.started.model
    definitions = tool_definitions(model.parameters) if model is not None else None
    if span.agent is not None and span.agent.agency is not None:
        span.agent.agency.asks(span, definitions)
    return definitions


def _sum(total: int | None, more: int | None) -> int | None:
    return total if more is None else (total or 0) + more
