"""Opening the file, and writing to it all or nothing."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, BinaryIO

from tracebus.events import decode_json
from tracebus.exceptions import InvalidEventError, InvalidLogError

try:
    import fcntl
except ImportError:  # Windows: one writing process at a time
    fcntl = None  # type: ignore[assignment]  # checked before use

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["append_lines", "locked", "opened"]

_BLOCK = 64 * 1024


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO | None]:
    """Open the file for reading; `None` where there is none yet."""
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    except OSError as error:
        raise InvalidLogError(f"{path} cannot be read ({error.strerror})") from error
    with file:
        yield file


@contextlib.contextmanager
def locked(path: Path) -> Iterator[BinaryIO]:
    """Open the file for appending, other writers kept out, and not one that was just rotated away."""
    while True:
        with _created(path) as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, path):
                yield file
                return


def _created(path: Path) -> BinaryIO:
    try:
        for folder in reversed([p for p in path.parents if not p.exists()]):
            folder.mkdir(mode=0o700, exist_ok=True)
        return os.fdopen(os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600), "r+b")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        why = error.strerror or error
        raise InvalidLogError(
            f"{path} cannot be opened ({why}); give a place that can be written as jsonl:PATH"
        ) from error


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.fstat(file.fileno()).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def append_lines(file: BinaryIO, data: bytes) -> None:
    """Write *data* behind the last whole line, all or nothing."""
    size = _after_last_line(file)
    descriptor = file.fileno()
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _after_last_line(file: BinaryIO) -> int:
    """Return where the next line begins, after dealing with a last line that does not end.

    A whole event is given its end: an editor may have taken it. Anything else is what a killed writer
    left, which nobody was told is stored: it goes.
    """
    size = file.seek(0, os.SEEK_END)
    start = _start_of_last_line(file, size)
    if start == size:
        return size
    file.seek(start)
    try:
        decode_json(file.read(size - start))
    except InvalidEventError:
        os.ftruncate(file.fileno(), start)
        return start
    os.write(file.fileno(), b"\n")
    return size + 1


def _start_of_last_line(file: BinaryIO, size: int) -> int:
    """Return where what stands behind the last line break begins: at *size* where nothing does."""
    end = size
    while end > 0:
        start = max(0, end - _BLOCK)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
