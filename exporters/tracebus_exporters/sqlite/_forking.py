"""No fork while a thread of ours is inside SQLite.

SQLite's own locks are copied by a fork as they are: one that another thread held at that moment is never
released in the child, which then waits for ever where it opens a database.
"""

from __future__ import annotations

import os
import time
import weakref
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading

__all__ = ["keep_out_of_forks"]

_PATIENCE = 2.0
"""Seconds a fork waits for all of them together: as long as transactions take, and no hold-up."""


class _Locked(Protocol):
    @property
    def use(self) -> threading.RLock | threading.Lock:
        """What is held while SQLite is used."""


_users: weakref.WeakSet[_Locked] = weakref.WeakSet()
_held: list[threading.RLock | threading.Lock] = []


def keep_out_of_forks(user: _Locked) -> None:
    """Have forks wait until *user* is out of SQLite."""
    _users.add(user)


def _before() -> None:
    deadline = time.monotonic() + _PATIENCE
    for user in list(_users):
        lock = user.use
        if lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            _held.append(lock)


def _after() -> None:
    while _held:
        _held.pop().release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
