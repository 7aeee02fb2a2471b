"""The shape of runs: names, kinds, order and outcomes, without times, ids or texts.

A plain text that is the same every time the program does the same, and that diffs well in review::

    agent LangGraph: ok
      node model: ok
        chat_model ChatOpenAI: ok, calls search
      node tools: ok
        tool search: error TimeoutError
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.text import first_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tracebus.tree import RunNode

__all__ = ["shape_of"]

_NAME = 100
_DEEPEST = 40
"""Levels drawn by indentation; of those below, the number is written instead."""


def shape_of(roots: Iterable[RunNode]) -> str:
    """Return the shape of *roots* and the runs below them, ending in a line break; empty without any.

    Runs that go on at the same time have an order of their own, so that chance has none: the members of a
    batch by their input, a graph's nodes of one step and what runs in parallel by name, tools by the place
    of their call in the model's answer. A run more than 40 levels deep is indented as far as those 40, and
    says how deep it is.
    """
    tops = list(roots)
    asked = _asked(tops)
    lines: list[str] = []
    pending = [(root, 0) for root in reversed(_ordered(tops, None, asked))]
    while pending:
        node, depth = pending.pop()
        lines.append(_lead(depth) + _line(node))
        pending.extend((child, depth + 1) for child in reversed(_ordered(node.children, node, asked)))
    return "".join(f"{line}\n" for line in lines)


def _lead(depth: int) -> str:
    return "  " * depth if depth <= _DEEPEST else f"{'  ' * _DEEPEST}… {depth}: "


def _line(node: RunNode) -> str:
    outcome = node.status.value
    if node.error is not None:
        outcome += f" {first_line(node.error.type.rpartition('.')[2], _NAME)}"
    calls = [first_line(call.name, _NAME) for call in node.tool_calls] if node.is_model else []
    more = f", calls {', '.join(calls)}" if calls else ""
    again = f", attempt {node.attempts}" if node.attempts > 1 else ""
    return f"{node.kind.value} {first_line(node.name, _NAME)}: {outcome}{again}{more}"


def _asked(roots: Iterable[RunNode]) -> dict[str, int]:
    """Return the ids of the tool calls models asked for, each with its place in the answer."""
    return {
        call.id: place
        for root in roots
        for node in root.walk()
        if node.is_model
        for place, call in enumerate(node.tool_calls)
        if call.id is not None
    }


def _ordered(nodes: Sequence[RunNode], parent: RunNode | None, asked: Mapping[str, int]) -> list[RunNode]:
    """Return siblings in the order of their start, those that chance put in order in one of their own."""
    if parent is not None and parent.name.startswith("RunnableParallel"):
        return sorted(nodes, key=_name)
    ordered: list[RunNode] = []
    for _, group in _grouped(nodes):
        ordered += (
            sorted(group, key=lambda node: (_place(node, asked), _name(node))) if len(group) > 1 else group
        )
    return ordered


def _grouped(nodes: Sequence[RunNode]) -> Iterator[tuple[object, list[RunNode]]]:
    """Yield neighbours that belong to one step, one batch or one answer's tool calls, together."""
    group: list[RunNode] = []
    key: object = None
    for node in nodes:
        own = _group(node)
        if group and (own is None or own != key):
            yield key, group
            group = []
        group.append(node)
        key = own
    if group:
        yield key, group


def _group(node: RunNode) -> object:
    """Return what runs that may overlap share; `None` for a run that has its place by its start."""
    if node.batch is not None:
        return ("batch", node.batch.id)
    step = node.metadata.get("langgraph_step")
    if node.kind.value == "node" and step is not None:
        return ("step", step)
    if node.start is not None and node.start.tool_call_id is not None:
        return ("tools", None)
    return None


def _place(node: RunNode, asked: Mapping[str, int]) -> int:
    if node.batch is not None:
        return node.batch.index
    call = node.start.tool_call_id if node.start is not None else None
    if call is None:  # a node that runs one tool call
        calls = (below.start.tool_call_id for below in node.children if below.start is not None)
        call = next((found for found in calls if found is not None), None)
    return asked.get(call, 0) if call is not None else 0


def _name(node: RunNode) -> tuple[str, str]:
    return node.name, node.kind.value
