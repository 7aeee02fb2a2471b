"""Questions to the table of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tracebus.events import RunKind
from tracebus.exceptions import InvalidLogError
from tracebus.logs import RunSummary, the_only_run

if TYPE_CHECKING:
    import sqlite3

    from tracebus.logs import RunQuery

__all__ = ["find", "lost", "runs"]

_GONE = "(producers.closed IS NOT NULL OR producers.heartbeat < :silent_since)"
_STATUS = f"CASE WHEN runs.ended IS NULL AND {_GONE} THEN 'lost' ELSE runs.status END"
_COLUMNS = (
    "run_id", "parent_run_id", "root_run_id", "name", "kind", "status", "started", "ended",
    "tags", "thread_id", "models", "input_tokens", "output_tokens", "total_tokens", "error_type",
    "error_message", "events", "descendants", "first_seq", "last_seq",
)  # fmt: skip
_SELECT = (
    f"SELECT {', '.join(_COLUMNS)} ".replace("status", _STATUS).replace("started", "runs.started")
    + "FROM runs JOIN producers ON producers.id = runs.producer"
)
_decode_names = msgspec.json.Decoder(tuple[str, ...]).decode

_CONDITIONS = {
    "since": "runs.started >= :since",
    "until": "runs.started < :until",
    "name": "name LIKE :name ESCAPE '\\'",
    "kind": "kind = :kind",
    "tag": "EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag)",
    "model": "EXISTS (SELECT 1 FROM json_each(models) WHERE value LIKE :model ESCAPE '\\')",
    "thread_id": "thread_id = :thread_id",
    "min_tokens": "total_tokens >= :min_tokens",
    "max_tokens": "total_tokens <= :max_tokens",
    "min_duration": "ended - runs.started >= :min_duration * 1e9",
    "max_duration": "ended - runs.started <= :max_duration * 1e9",
}
_PATTERNS = ("name", "model")
_LONGEST_PATTERN = 10_000
"""Characters; SQLite takes 50,000 bytes."""


def runs(connection: sqlite3.Connection, query: RunQuery, silent_since: int) -> list[RunSummary]:
    """Return the runs *query* asks for, the latest started first.

    Raises:
        InvalidLogError: a name or model is too long to look for.
    """
    given = {field: value for field, value in msgspec.structs.asdict(query).items() if value is not None}
    conditions = ["first_seq IS NOT NULL"]
    if query.roots_only:
        conditions.append("parent_run_id IS NULL")
    conditions += [condition for field, condition in _CONDITIONS.items() if field in given]
    if query.status is not None:
        conditions.append(_status_condition(query.status))
    for field in _PATTERNS:
        if field in given:
            if len(given[field]) > _LONGEST_PATTERN:
                size = f"{len(given[field])} characters, at most {_LONGEST_PATTERN}"
                raise InvalidLogError(f"the part of a {field} to look for is too long: {size}")
            given[field] = f"%{_escaped(given[field])}%"
    given = {field: _storable(value) for field, value in given.items()}
    given |= {"silent_since": silent_since, "limit": -1 if query.limit is None else query.limit}
    where = " AND ".join(conditions)
    rows = connection.execute(
        f"{_SELECT} WHERE {where} ORDER BY runs.started DESC, first_seq DESC LIMIT :limit", given
    )
    return [_summary(row) for row in rows]


def find(connection: sqlite3.Connection, run_id: str, silent_since: int) -> RunSummary | None:
    """Return the run of this id, or of the one id that begins with it, or else ends with it."""
    if len(run_id) > _LONGEST_PATTERN:
        return None
    for condition in (
        "run_id = :id",
        "run_id >= :id AND run_id < :id || char(1114111)",
        "run_id LIKE :end ESCAPE '\\'",
    ):
        rows = connection.execute(
            f"{_SELECT} WHERE {condition} AND first_seq IS NOT NULL ORDER BY run_id LIMIT 5",
            {"id": run_id, "end": f"%{_escaped(run_id)}", "silent_since": silent_since},
        ).fetchall()
        if rows:
            return the_only_run(run_id, [_summary(row) for row in rows])
    return None


def lost(connection: sqlite3.Connection, silent_since: int) -> frozenset[str]:
    """Return the ids of open runs of processes that ended or have been silent."""
    rows = connection.execute(
        "SELECT run_id FROM producers JOIN runs ON runs.producer = producers.id "  # noqa: S608 -- our words
        f"WHERE {_GONE} AND runs.ended IS NULL AND first_seq IS NOT NULL",
        {"silent_since": silent_since},
    )
    return frozenset(row[0] for row in rows)


def _status_condition(status: str) -> str:
    match status:
        case "running":
            return f"ended IS NULL AND NOT {_GONE}"
        case "lost":
            return f"ended IS NULL AND {_GONE}"
        case _:
            return "status = :status"


def _escaped(text: str) -> str:
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text


def _summary(row: tuple[Any, ...]) -> RunSummary:
    fields = dict(zip(_COLUMNS, row, strict=True))
    fields["kind"] = RunKind(fields["kind"])
    fields["tags"] = _decode_names(fields["tags"])
    fields["models"] = _decode_names(fields["models"])
    return RunSummary(**fields)


def _storable(value: Any) -> Any:
    """Return *value* as SQLite can compare it: a date after the year 2262 is past its integers."""
    return max(-_LARGEST, min(value, _LARGEST)) if isinstance(value, int) else value


_LARGEST = 2**63 - 1
