"""Tokens and models of the runs that ended in a batch, added to them and to the runs above them.

Added up here and written once for each run: a batch of ten model runs under one agent changes eleven rows,
not ten times the agent's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.logs import tokens_of
from tracebus_exporters.sqlite._changes import Added

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from tracebus.events import RunEnded
    from tracebus_exporters.sqlite._changes import Changes

__all__ = ["ADD_MODEL", "ADD_TOKENS", "account"]

_MOST_ASKED = 500
_DEEPEST = 1_000

ADD_TOKENS = """
UPDATE runs SET
    input_tokens = CASE WHEN ?1 IS NULL THEN input_tokens ELSE coalesce(input_tokens, 0) + ?1 END,
    output_tokens = CASE WHEN ?2 IS NULL THEN output_tokens ELSE coalesce(output_tokens, 0) + ?2 END,
    total_tokens = CASE WHEN ?3 IS NULL THEN total_tokens ELSE coalesce(total_tokens, 0) + ?3 END
WHERE run_id = ?4
"""
ADD_MODEL = """
UPDATE runs SET models = json_insert(models, '$[#]', ?1)
WHERE run_id = ?2 AND NOT EXISTS (SELECT 1 FROM json_each(models) WHERE value = ?1)
"""


def account(connection: sqlite3.Connection, changes: Changes) -> None:
    """Note in *changes* what its ends add to their runs and to those above; the table is as it was before.

    What is added to a run of which the batch has no event is in `Changes.added`.
    """
    ended, counted = _known(connection, changes.ends)
    above: dict[str, tuple[str, ...]] = {}
    for end in changes.ends:
        if end.run_id in ended:
            continue  # counted already
        name = end.model.name if end.model is not None else None
        # A run above model runs that reports tokens itself repeats theirs.
        counts = tokens_of(end.usage) if end.usage is not None and end.run_id not in counted else None
        if not name and not counts:
            continue
        parent = _parent(connection, end.run_id, changes)
        if parent is not None and parent not in above:
            above[parent] = tuple(_upwards(connection, parent, changes))
        for run_id in (end.run_id, *(above[parent] if parent is not None else ())):
            added = changes.added.get(run_id)
            if added is None:
                added = changes.added[run_id] = Added()
            if name:
                added.models[name] = None
            if counts:
                counted.add(run_id)
                for column, count in counts.items():
                    added.tokens[column] = added.tokens.get(column, 0) + count


def _known(connection: sqlite3.Connection, ends: Sequence[RunEnded]) -> tuple[set[str], set[str]]:
    """Return the ids of those of the ended runs that have an end in the log already, and that have tokens."""
    ended: set[str] = set()
    counted: set[str] = set()
    for start in range(0, len(ends), _MOST_ASKED):
        ids = [end.run_id for end in ends[start : start + _MOST_ASKED]]
        marks = ",".join("?" * len(ids))
        rows: Iterable[tuple[str, int, int]] = connection.execute(
            f"SELECT run_id, ended IS NOT NULL, total_tokens IS NOT NULL FROM runs WHERE run_id IN ({marks})",  # noqa: S608 -- question marks
            ids,
        )
        for run_id, has_end, has_tokens in rows:
            if has_end:
                ended.add(run_id)
            if has_tokens:
                counted.add(run_id)
    return ended, counted


def _upwards(connection: sqlite3.Connection, run_id: str, changes: Changes) -> Iterator[str]:
    """Yield the run and those above it; a damaged log's circle ends somewhere."""
    current: str | None = run_id
    for _ in range(_DEEPEST):
        if current is None:
            return
        yield current
        current = _parent(connection, current, changes)


def _parent(connection: sqlite3.Connection, run_id: str, changes: Changes) -> str | None:
    changed = changes.runs.get(run_id)
    if changed is not None and changed.owned:
        return changed.parent
    found = connection.execute("SELECT parent_run_id FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    return None if found is None else found[0]
