"""The tables of the embedded log, and how older ones become newer ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.exceptions import InvalidLogError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

__all__ = ["APPLICATION_ID", "MIGRATIONS", "check", "prepare", "version"]

APPLICATION_ID = 0x54524255
"""`TRBU` in the database's header (SQLite's `application_id`), so that `file` and we know it."""

_VERSION_1 = """
CREATE TABLE producers (
    id INTEGER PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    program TEXT NOT NULL,
    started INTEGER NOT NULL,
    heartbeat INTEGER NOT NULL,
    closed INTEGER
);

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    parent_run_id TEXT,
    root_run_id TEXT NOT NULL,
    producer INTEGER NOT NULL REFERENCES producers (id),
    name TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL DEFAULT 'unknown',
    status TEXT NOT NULL DEFAULT 'running',
    started INTEGER,
    ended INTEGER,
    tags TEXT NOT NULL DEFAULT '[]',
    thread_id TEXT,
    models TEXT NOT NULL DEFAULT '[]',
    input_tokens INTEGER,
    output_tokens INTEGER,
    total_tokens INTEGER,
    error_type TEXT,
    error_message TEXT,
    events INTEGER NOT NULL DEFAULT 0,
    descendants INTEGER NOT NULL DEFAULT 0,
    first_seq INTEGER,
    last_seq INTEGER,
    stored INTEGER NOT NULL
);
CREATE INDEX runs_roots_by_start ON runs (started) WHERE parent_run_id IS NULL;
CREATE INDEX runs_by_start ON runs (started);
CREATE INDEX runs_by_thread ON runs (thread_id, started) WHERE thread_id IS NOT NULL;
CREATE INDEX runs_open ON runs (producer) WHERE ended IS NULL;
CREATE INDEX runs_by_end ON runs (last_seq);

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    root INTEGER NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX events_by_root ON events (root);

CREATE VIEW run_list AS
SELECT
    run_id, name, kind,
    CASE WHEN ended IS NULL AND (closed IS NOT NULL OR heartbeat < (unixepoch() - 15) * 1000000000)
        THEN 'lost' ELSE status END AS status,
    strftime('%Y-%m-%dT%H:%M:%fZ', runs.started / 1e9, 'unixepoch') AS started_at,
    (ended - runs.started) / 1e9 AS seconds,
    input_tokens, output_tokens, total_tokens, models, tags, thread_id,
    error_type, error_message, events, descendants, parent_run_id, root_run_id, host, pid, program
FROM runs JOIN producers ON producers.id = runs.producer
WHERE first_seq IS NOT NULL;

CREATE VIEW event_list AS
SELECT
    seq,
    strftime('%Y-%m-%dT%H:%M:%fZ', (data ->> 'time') / 1e9, 'unixepoch') AS at,
    data ->> 'type' AS type,
    data ->> 'run_id' AS run_id,
    data ->> 'name' AS name,
    data ->> 'text' AS text,
    data ->> 'outcome' AS outcome,
    data
FROM events;
"""

_VERSION_2 = """
CREATE TABLE parts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    stamp INTEGER NOT NULL,
    data TEXT NOT NULL,
    is_run INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX parts_by_stamp ON parts (stamp);
ALTER TABLE events ADD COLUMN parts TEXT
"""
"""Long texts and messages are stored once, in `parts`; `events.parts` says where they belong."""

MIGRATIONS: tuple[str, ...] = (_VERSION_1, _VERSION_2)
"""Step n takes a database from version n to n + 1 (`user_version`); a step, once released, stays as it is."""


def prepare(connection: sqlite3.Connection, path: str, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Bring the database to the newest version, creating the tables of an empty one.

    Safe against other processes doing the same: they wait for the write lock, then find it done.

    Raises:
        InvalidLogError: it belongs to another program, or to a newer tracebus.
    """
    if version(connection) == len(migrations):
        check(connection, path, migrations)
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        check(connection, path, migrations)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        for step in migrations[version(connection) :]:
            _run(connection, step)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def check(connection: sqlite3.Connection, path: str, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Refuse a database that is no log of ours, or one of a newer tracebus.

    Raises:
        InvalidLogError: it is such a one.
    """
    # In this order: tables and id appear in one commit, perhaps between the two looks at them.
    if not _empty(connection) and _pragma(connection, "application_id") != APPLICATION_ID:
        raise InvalidLogError(f"{path} is an SQLite database of another program; choose another file")
    if version(connection) > len(migrations):
        raise InvalidLogError(f"{path} was written by a newer tracebus; upgrade this one to use it")


def _run(connection: sqlite3.Connection, script: str) -> None:
    """Run the statements of *script* inside the open transaction (`executescript` would commit it)."""
    for statement in script.split(";\n"):
        if statement.strip():
            connection.execute(statement)


def _empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def version(connection: sqlite3.Connection) -> int:
    """Return the version of the database's tables, 0 where it has none."""
    return _pragma(connection, "user_version")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
