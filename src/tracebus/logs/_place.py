"""Whether a file can be written where a log is to lie, asked before anything is written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tracebus.exceptions import InvalidLogError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["require_writable"]


def require_writable(path: Path, scheme: str) -> None:
    """Refuse a *path* that no log could be written to; create nothing.

    Raises:
        InvalidLogError: it is a directory, or it or the directory it is to be in cannot be written.
    """
    why = _why_not(path)
    if why is not None:
        raise InvalidLogError(
            f"{path} cannot be opened ({why}); give a place that can be written as {scheme}:PATH"
        )


def _why_not(path: Path) -> str | None:
    try:
        if path.is_dir():
            return "it is a directory"
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            return "this user may not write it"
        folder = next(parent for parent in path.parents if parent.exists())
        if not folder.is_dir():
            return f"{folder} is no directory"
        return None if os.access(folder, os.W_OK | os.X_OK) else f"this user may not write in {folder}"
    except (OSError, ValueError) as error:
        return str(error)
