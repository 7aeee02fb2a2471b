"""The messages of failed assertions on runs."""

from __future__ import annotations

import difflib
import textwrap
from typing import TYPE_CHECKING, Any

from tracebus.outline import outline
from tracebus.text import sanitise
from tracebus.transcript import as_json, given, put_out

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tracebus.tree import RunNode

__all__ = ["RunsAssertionError", "dedented", "difference", "failure", "short", "times"]

_LONGEST = 2_000
_LINE = 200


class RunsAssertionError(AssertionError):
    """What a test expected of its runs does not hold; the message ends in the tree around the place."""

    __module__ = "tracebus.pytest"  # where tests import it from


def failure(message: str, roots: Sequence[RunNode], spots: Collection[RunNode]) -> RunsAssertionError:
    """Return the error to raise: *message*, the tree with *spots* marked, and what the first was given."""
    marked = {node.run_id for node in spots}
    tree = "\n".join(outline(roots, marked=marked)) if roots else "(no run was recorded)"
    texts = "".join(_around(node) for node in list(spots)[:1])
    return RunsAssertionError(f"{sanitise(message)}\n\n{tree}{texts}")


def _around(node: RunNode) -> str:
    """Return what the run at the place was given and put out."""
    parts = [("given", given(node)), ("put out", put_out(node))]
    return "".join(f"\n\n→ {node.name} {title}:\n{_clipped(text)}" for title, text in parts if text)


def _clipped(text: str) -> str:
    return sanitise(
        text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n… {len(text) - _LONGEST} characters more"
    )


def short(value: Any) -> str:
    """Return *value* as JSON on one line."""
    try:
        text = " ".join(as_json(value).split())
    except TypeError:
        text = repr(value)
    text = repr(value) if text.startswith("(no JSON form") else text
    return text if len(text) <= _LINE else f"{text[: _LINE - 1]}…"


def times(number: int) -> str:
    """Return a number of times in words."""
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def difference(expected: Iterable[str], found: Iterable[str]) -> str:
    """Return two lists of lines with what differs marked."""
    lines = difflib.ndiff([*expected], [*found])
    return "\n".join(["  - expected, + found", *(f"  {line}" for line in lines if not line.startswith("?"))])


def dedented(text: str) -> str:
    """Return *text* as a test writes it within its own indentation."""
    return textwrap.dedent(text).strip("\n") + "\n"
