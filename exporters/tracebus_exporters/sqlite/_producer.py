"""The processes that write to the log, and how it is known that one of them is gone."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

__all__ = ["BEAT_EVERY", "LOST_AFTER", "Producer"]

BEAT_EVERY = 5.0
"""Seconds between two signs of life of a process that writes."""

LOST_AFTER = 15.0
"""Seconds without one after which its open runs are shown as lost."""


class Producer:
    """This process, as the log knows it."""

    def __init__(self, row: int, now: int) -> None:
        self.id = row
        self._beaten = now

    @classmethod
    def register(cls, connection: sqlite3.Connection, now: int) -> Producer:
        """Add this process to the table of producers."""
        cursor = connection.execute(
            "INSERT INTO producers (host, pid, program, started, heartbeat) VALUES (?, ?, ?, ?, ?)",
            (socket.gethostname(), os.getpid(), Path(sys.argv[0]).name if sys.argv else "", now, now),
        )
        assert cursor.lastrowid is not None
        return cls(cursor.lastrowid, now)

    def beat_if_due(self, connection: sqlite3.Connection, now: int) -> None:
        """Note a sign of life, where the last one is a while ago."""
        if now - self._beaten >= BEAT_EVERY * 0.5e9:
            self.beat(connection, now)

    def beat(self, connection: sqlite3.Connection, now: int) -> None:
        """Note a sign of life."""
        connection.execute("UPDATE producers SET heartbeat = ?, closed = NULL WHERE id = ?", (now, self.id))
        self._beaten = now

    def close(self, connection: sqlite3.Connection, now: int) -> None:
        """Note that nothing more will come of this process."""
        connection.execute("UPDATE producers SET heartbeat = ?, closed = ? WHERE id = ?", (now, now, self.id))
