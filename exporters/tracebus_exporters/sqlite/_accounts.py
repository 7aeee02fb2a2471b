"""Tokens and models of the runs that ended in a batch, added to them and to the runs above them.

Added up here and written once for each run: a batch of ten model runs under one agent changes eleven rows,
not ten times the agent's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.logs import tokens_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from tracebus.events import RunEnded
    from tracebus_exporters.sqlite._changes import Changes

__all__ = ["account", "first_ends"]

_MOST_ASKED = 500
_DEEPEST = 1_000
_COLUMNS = ("input_tokens", "output_tokens", "total_tokens")

_ADD_TOKENS = """
UPDATE runs SET
    input_tokens = CASE WHEN ?1 IS NULL THEN input_tokens ELSE coalesce(input_tokens, 0) + ?1 END,
    output_tokens = CASE WHEN ?2 IS NULL THEN output_tokens ELSE coalesce(output_tokens, 0) + ?2 END,
    total_tokens = CASE WHEN ?3 IS NULL THEN total_tokens ELSE coalesce(total_tokens, 0) + ?3 END
WHERE run_id = ?4
"""
_ADD_MODEL = """
UPDATE runs SET models = json_insert(models, '$[#]', ?)
WHERE run_id = ? AND NOT EXISTS (SELECT 1 FROM json_each(models) WHERE value = ?)
"""


def first_ends(connection: sqlite3.Connection, changes: Changes) -> list[RunEnded]:
    """Return the ends in *changes* of runs that have none in the log yet: the others are counted already."""
    ended = _known(connection, changes.ends, "ended IS NOT NULL")
    return [end for end in changes.ends if end.run_id not in ended]


def account(connection: sqlite3.Connection, ends: Sequence[RunEnded], changes: Changes) -> None:
    """Add what *ends* say of tokens and models to their runs, which are in the table, and to those above."""
    # A run above model runs that reports tokens itself repeats theirs.
    counted = set(_known(connection, ends, "total_tokens IS NOT NULL"))
    tokens: dict[str, list[int | None]] = {}
    models: dict[tuple[str, str], None] = {}
    above: dict[str, tuple[str, ...]] = {}
    for end in ends:
        name = end.model.name if end.model is not None else None
        counts = tokens_of(end.usage) if end.usage is not None and end.run_id not in counted else None
        if not name and not counts:
            continue
        parent = _parent(connection, end.run_id, changes)
        if parent is not None and parent not in above:
            above[parent] = tuple(_upwards(connection, parent, changes))
        for run_id in (end.run_id, *(above[parent] if parent is not None else ())):
            if name:
                models[name, run_id] = None
            if counts:
                _add(tokens.setdefault(run_id, [None, None, None]), counts)
                counted.add(run_id)
    connection.executemany(_ADD_TOKENS, [(*added, run_id) for run_id, added in tokens.items()])
    connection.executemany(_ADD_MODEL, [(*model, model[0]) for model in models])


def _add(added: list[int | None], counts: dict[str, int]) -> None:
    for place, column in enumerate(_COLUMNS):
        count = counts.get(column)
        if count is not None:
            added[place] = (added[place] or 0) + count


def _known(connection: sqlite3.Connection, ends: Sequence[RunEnded], condition: str) -> frozenset[str]:
    """Return the ids of the ended runs that the table has with *condition*, which is one of ours."""
    found: set[str] = set()
    for start in range(0, len(ends), _MOST_ASKED):
        ids = [end.run_id for end in ends[start : start + _MOST_ASKED]]
        marks = ",".join("?" * len(ids))
        rows: Iterable[tuple[str]] = connection.execute(
            f"SELECT run_id FROM runs WHERE run_id IN ({marks}) AND {condition}",  # noqa: S608 -- our own words
            ids,
        )
        found.update(run_id for (run_id,) in rows)
    return frozenset(found)


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
