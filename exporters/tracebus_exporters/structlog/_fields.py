"""What a line says of each event: fields, from the event and from what is known of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tracebus.watching import LoopFact

if TYPE_CHECKING:
    from tracebus.events import (
        CustomEmitted,
        ErrorInfo,
        ModelInfo,
        RunEnded,
        RunEvent,
        RunRetried,
        RunStarted,
        RunStreamed,
        TokenUsage,
    )
    from tracebus.tree import RunNode, RunTree
    from tracebus.watching import BudgetFact

__all__ = ["Fields"]

_ABOUT = frozenset(("run_id", "name"))
_TRACEPARENT_PARTS = (2, 32, 16, 2)


class Fields:
    """Makes the fields of a line; one that is `None` is not known.

    Args:
        tree: the runs so far.
        content: tell inputs, outputs, texts, custom data and tracebacks too.
    """

    def __init__(self, tree: RunTree, *, content: bool) -> None:
        self._tree = tree
        self._content = content

    def about(self, event: RunEvent) -> dict[str, Any]:
        """Return what every line about a run says, from its start where that was seen."""
        node = self._tree.get(event.run_id)
        start = node.start if node is not None else None
        return {
            "run_id": event.run_id,
            "parent_run_id": event.parent_run_id,
            "root_run_id": event.root_run_id,
            "kind": start.kind.value if start is not None else None,
            "name": start.name if start is not None else None,
            **self._trace(event.root_run_id),
        }

    def started(self, event: RunStarted) -> dict[str, Any]:
        """Return what a run began with."""
        return {
            **self.about(event),
            "kind": event.kind.value,
            "name": event.name,
            **_model(event.model),
            "attempt": event.attempt,
            "batch_id": event.batch.id if event.batch is not None else None,
            "batch_index": event.batch.index if event.batch is not None else None,
            "tags": list(event.tags) or None,
            "inputs": event.inputs if self._content else None,
        }

    def streamed(self, event: RunStreamed) -> dict[str, Any]:
        """Return how much a chunk is, and what it says."""
        private = {"text": event.text or None, "reasoning": event.reasoning or None} if self._content else {}
        return {
            **self.about(event),
            "characters": len(event.text) + len(event.reasoning),
            "tool_calls": len(event.tool_calls) or None,
            **private,
        }

    def ended(self, event: RunEnded, node: RunNode | None) -> dict[str, Any]:
        """Return how a run ended, and what *node*, the run in the tree, adds up to."""
        fields = {**self.about(event), "outcome": event.outcome.value, **self._error(event.error)}
        if self._content:
            fields |= {"inputs": event.inputs, "outputs": event.outputs}
        fields |= _usage(event.usage) | {"cached": event.cached or None}
        if event.kept is not None:
            fields |= {"kept": list(event.kept.reasons), "kept_share": event.kept.share}
        if node is not None:
            fields |= _measured(node)
        return fields

    def retried(self, event: RunRetried) -> dict[str, Any]:
        """Return which attempt comes, and why."""
        attempt = {"attempt": event.attempt, "delay_s": event.delay}
        return self.about(event) | attempt | self._error(event.error)

    def emitted(self, event: CustomEmitted) -> dict[str, Any]:
        """Return a custom event of the program's."""
        return self.about(event) | {"emitted": event.name, "data": event.data if self._content else None}

    def noticed(self, event: CustomEmitted, fact: BudgetFact | LoopFact) -> dict[str, Any]:
        """Return what was noticed of a root run."""
        prefix = "loop" if isinstance(fact, LoopFact) else "budget"
        said = {name: value for name, value in msgspec.to_builtins(fact).items() if name not in _ABOUT}
        return self.about(event) | {f"{prefix}_{name}": value for name, value in said.items()}

    def _error(self, error: ErrorInfo | None) -> dict[str, Any]:
        if error is None:
            return {}
        traceback = {"error_traceback": error.traceback} if self._content else {}
        return {"error_type": error.type, "error_message": error.message or None, **traceback}

    def _trace(self, root_run_id: str) -> dict[str, str]:
        root = self._tree.get(root_run_id)
        parts = (
            (root.start.traceparent if root is not None and root.start is not None else None) or ""
        ).split("-")
        if tuple(map(len, parts)) != _TRACEPARENT_PARTS:
            return {}
        return {"trace_id": parts[1], "span_id": parts[2]}


def _model(model: ModelInfo | None) -> dict[str, Any]:
    return {} if model is None else {"model": model.name, "provider": model.provider}


def _usage(usage: TokenUsage | None) -> dict[str, Any]:
    if usage is None:
        return {}
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_creation_tokens": usage.cache_creation_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def _measured(node: RunNode) -> dict[str, Any]:
    fields = {
        "duration_ms": _milliseconds(node.duration),
        "ttft_ms": _milliseconds(node.time_to_first_token),
        "cost_usd": node.own_cost,
        "attempts": node.attempts if node.attempts > 1 else None,
        **_model(node.model),
    }
    total = node.usage
    if node.parent is None and node.children and total is not None:
        fields |= {
            "tree_input_tokens": total.input_tokens,
            "tree_output_tokens": total.output_tokens,
            "tree_cost_usd": node.cost,
        }
    return fields


def _milliseconds(seconds: float | None) -> float | None:
    return round(seconds * 1000, 3) if seconds is not None else None
