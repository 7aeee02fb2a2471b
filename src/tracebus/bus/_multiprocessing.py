"""The end of a multiprocessing child, which runs no exit handlers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["at_end_of_child"]

_LAST = -100
"""Finalizers run from the highest priority to the lowest."""

_registered: set[Callable[[], None]] = set()


def at_end_of_child(callback: Callable[[], None]) -> None:
    """Call *callback* at the end of this process and of those it forks, if multiprocessing made them.

    Such a child ends by `os._exit`, after the finalizers of `multiprocessing.util`; it forgets those
    of its parent and calls its "after forkers" first, which is where ours are put in again. Does
    nothing while the program has not imported multiprocessing.
    """
    util = sys.modules.get("multiprocessing.util")
    if util is None or callback in _registered:
        return

    def register(_: object = None) -> None:
        util.Finalize(None, callback, exitpriority=_LAST)

    _registered.add(callback)
    util.register_after_fork(callback, register)
    if sys.modules["multiprocessing.process"].parent_process() is not None:
        register()
