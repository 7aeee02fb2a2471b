"""Runs as an outline: one line a run, in plain text, for a test's report, an answer to an agent, a terminal.

Everything is sanitised; nothing is styled.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tracebus import figures
from tracebus.signs import STATUS
from tracebus.text import first_line
from tracebus.watching import news_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from tracebus.tree import RunNode

__all__ = ["Row", "described", "names_above", "outline", "rows"]

_NAME = 60
_DEEPEST = 30
_AROUND = 4
"""Rows shown before and after a marked one, where not all are."""


class Row(NamedTuple):
    """A run, and the lines that lead to it."""

    lead: str
    node: RunNode


def rows(root: RunNode) -> Iterator[Row]:
    """Yield the run and all below it, parents first, each with its branch drawn."""
    pending = [(root, "", "")]
    while pending:
        node, indent, branch = pending.pop()
        yield Row(indent + branch, node)
        below = indent + {"": "", "├─ ": "│  ", "╰─ ": "   "}[branch]
        if len(below) > _DEEPEST * 3:
            below = "… " + below[-(_DEEPEST - 1) * 3 :]
        last = len(node.children) - 1
        pending.extend(
            (child, below, "╰─ " if number == last else "├─ ")
            for number, child in reversed(list(enumerate(node.children)))
        )


def outline(
    roots: Sequence[RunNode],
    *,
    marked: Collection[str] = (),
    limit: int = 60,
    ids: bool = False,
    describe: Callable[[RunNode], str] | None = None,
) -> Iterator[str]:
    """Yield *roots* with the runs below them, a line each.

    Args:
        roots: the runs to begin with.
        marked: ids of runs to point at with an arrow.
        limit: lines at most. Of more, those that failed or are marked are shown with what is around them.
        ids: show the last eight characters of every run's id, by which commands find it.
        describe: what to say of a run; `described` where not given.
    """
    every = [row for root in roots for row in rows(root)]
    shown = range(len(every)) if len(every) <= limit else _chosen(every, marked, limit)
    before = -1
    for number in shown:
        if number > before + 1:
            yield _skipped(number - before - 1)
        row = every[number]
        arrow = ("→ " if row.node.run_id in marked else "  ") if marked else ""
        told = (describe or described)(row.node)
        yield f"{arrow}{row.lead}{told}" + (f"  [{row.node.run_id[-8:]}]" if ids else "")
        before = number
    if before + 1 < len(every):
        yield _skipped(len(every) - before - 1)


def names_above(node: RunNode, most: int = 12) -> list[str]:
    """Return the names of the runs *node* is in, the root's first; of more than *most* not those between."""
    names = [above.name for above in islice(node.ancestors(), most + 1)]
    if len(names) > most:
        names = [*names[: most - 1], "…", node.root.name]
    return names[::-1]


def described(node: RunNode) -> str:
    """Return a run on one line: how it ended, name, kind, model, time, tokens, cost, attempts, error."""
    parts = [f"{STATUS[node.status]} {first_line(node.name, _NAME) or '?'}"]
    if node.kind.value not in ("chain", "unknown"):
        parts.append(node.kind.value)
    if node.is_model and node.model is not None and node.model.name and node.model.name != node.name:
        parts.append(first_line(node.model.name, _NAME))
    parts += filter(None, (_took(node), _tokens(node), _cost(node)))
    if node.attempts > 1:
        parts.append(f"attempt {node.attempts}")
    if node.custom_events:
        parts += (f"[{line}]" for line in news_in(node.custom_events))
    if node.error is not None:
        parts.append(first_line(f"{node.error.type.rpartition('.')[2]}: {node.error.message}", 200))
    return "  ".join(parts)


def _took(node: RunNode) -> str:
    return figures.duration(node.duration) if node.duration is not None else ""


def _tokens(node: RunNode) -> str:
    usage = node.usage
    if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
        return ""
    counts = ("?" if n is None else figures.count(n) for n in (usage.input_tokens, usage.output_tokens))
    return ">".join(counts) + " tokens"


def _cost(node: RunNode) -> str:
    return figures.dollars(node.cost) if node.cost is not None else ""


def _chosen(every: Sequence[Row], marked: Collection[str], limit: int) -> list[int]:
    """Return which rows to show: the first ones, what is marked or failed, and what is around that."""
    spots = [n for n, row in enumerate(every) if row.node.run_id in marked]
    spots += [n for n, row in enumerate(every) if row.node.error is not None and not row.node.children]
    chosen: set[int] = set()
    for spot in spots:
        near = set(range(max(0, spot - _AROUND), min(len(every), spot + _AROUND + 1)))
        if len(chosen | near) > limit:
            break
        chosen |= near
    for number in range(len(every)):
        if len(chosen) >= limit:
            break
        chosen.add(number)
    return sorted(chosen)


def _skipped(number: int) -> str:
    return f"  … {number} {'run' if number == 1 else 'runs'} more"
