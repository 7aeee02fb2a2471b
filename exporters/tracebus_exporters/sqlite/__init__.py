"""The embedded log: one SQLite database in WAL mode, written by many processes at once.

`sqlite:` lies in the user's state directory, `sqlite:PATH` where you say. Options:
`max_size` (default 1GB), `max_age` (default 30d), `off` for either being no limit.
"""

from __future__ import annotations

from tracebus_exporters.sqlite._log import SqliteLog, from_url

__all__ = ["SqliteLog", "from_url"]
