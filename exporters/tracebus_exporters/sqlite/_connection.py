"""Opening the database file, and saying plainly why it cannot be opened."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from tracebus.exceptions import InvalidLogError
from tracebus_exporters.sqlite import _schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["explained", "open_for_reading", "open_for_writing"]

_BUSY_TIMEOUT = 10.0
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_JOURNAL_LIMIT = 64 * 1024 * 1024


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the log at *path*, creating file and directory for this user alone where they are missing.

    Raises:
        InvalidLogError: the place cannot be written, or the file is no log of ours.
    """
    with explained(path):
        _create(path)
        connection = _connect(path, "rw")
        try:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table, or never
            _use_wal(connection)
            # NORMAL: a killed process loses nothing; a power cut loses the last commits, harms none.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_LIMIT}")
            _schema.prepare(connection, str(path))
        except BaseException:
            connection.close()
            raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection | None:
    """Open the log at *path* without changing it; `None` where there is no file yet.

    Raises:
        InvalidLogError: the file cannot be read, or is no log of ours.
    """
    if not path.exists():
        return None
    with explained(path):
        try:
            return _checked(_connect(path, "ro"), path, "ro")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _UNWRITABLE:
                raise
        # A read-only directory: no shared-memory file can be made, so nobody can be writing either.
        return _checked(_connect(path, "ro&immutable=1"), path, "ro&immutable=1")


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ones that name *path* and a remedy.

    Raises:
        InvalidLogError: the place cannot be written or the file is no log of ours, or damaged.
        OSError: the disk is full or fails; `TimeoutError` where other writers kept it locked.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _explanation(error, path) from error
    except OSError as error:
        if isinstance(error, (FileNotFoundError, NotADirectoryError, PermissionError)) or (
            error.errno == errno.EROFS
        ):
            raise InvalidLogError(f"{path} cannot be opened ({error.strerror}); {_ELSEWHERE}") from error
        raise


_ELSEWHERE = "give a place that can be written as sqlite:PATH"


def _explanation(error: sqlite3.Error, path: Path) -> Exception:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _FULL:
        return OSError(errno.ENOSPC, f"the log cannot grow ({error}); free space or set max_size", str(path))
    if code in _UNWRITABLE:
        return InvalidLogError(f"{path} cannot be written ({error}); {_ELSEWHERE}")
    if code in _DAMAGED:
        return InvalidLogError(f"{path} is no SQLite database, or a damaged one ({error}); move it away")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return TimeoutError(f"{path} was kept locked by another process for {_BUSY_TIMEOUT:.0f} s")
    return InvalidLogError(f"{path}: {error}")


def _create(path: Path) -> None:
    """Make the file readable for its owner only before SQLite opens it (its side files copy the mode)."""
    if path.exists():
        return
    for folder in reversed([p for p in path.parents if not p.exists()]):
        folder.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # another process was faster
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(
        uri, uri=True, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; SQLite's own waiting does not cover this switch."""
    deadline = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _checked(connection: sqlite3.Connection, path: Path, mode: str) -> sqlite3.Connection | None:
    """Return *connection* where it leads to tables of this version, `None` where there are none yet."""
    try:
        _schema.check(connection, str(path))
        found = _schema.version(connection)
    except BaseException:
        connection.close()
        raise
    if found == len(_schema.MIGRATIONS):
        return connection
    connection.close()
    if found == 0:
        return None
    with contextlib.suppress(InvalidLogError):  # an older log where we may only read: it is read as it is
        open_for_writing(path).close()  # brings it to this version
    return _connect(path, mode)
