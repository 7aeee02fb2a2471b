"""Calling the program's own code, a `repr` or an attribute, with a limit on the time it may take.

A lazy data frame computes, an object of an ORM asks its database, a remote handle waits for the network:
none of that may keep events from being delivered. Python cannot stop a call, so it is made in a thread of
ours that is left behind where it takes too long; the class is then remembered as slow for a while.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from tracebus.capture._text import type_name

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SlowError", "is_trusted", "within_patience"]

PATIENCE = 2.0
"""Seconds a call may take, and the calls of one class together within `WINDOW`."""
WINDOW = 20.0
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 3_600.0
"""Seconds a slow class is described by its type before it is tried again, doubled each time."""
_MOST_IDLE = 4

_logger = logging.getLogger("tracebus")


class SlowError(Exception):
    """The value's own code takes too long."""


class _Record:
    """How long a class's own code has taken lately."""

    __slots__ = ("kind", "pause", "since", "slow_until", "spent")

    def __init__(self, kind: type, now: float) -> None:
        self.kind = weakref.ref(kind)
        self.since = now
        self.spent = 0.0
        self.slow_until = 0.0
        self.pause = _FIRST_PAUSE


class _Helper:
    """A thread that makes one call after another."""

    def __init__(self) -> None:
        self._asked, self._answered = threading.Semaphore(0), threading.Semaphore(0)
        self._call: Callable[[], Any] = int
        self._result: Any = None
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="tracebus settling", daemon=True).start()

    def call(self, function: Callable[[], Any], seconds: float) -> Any:
        """Return what *function* returns, or raise what it raises; `SlowError` after *seconds*."""
        self._call = function
        self._asked.release()
        if not self._answered.acquire(timeout=seconds):
            raise SlowError
        result, error = self._result, self._error
        self._result = self._error = None
        if error is not None:
            raise error
        return result

    def _run(self) -> None:
        while True:
            self._asked.acquire()
            try:
                self._result = self._call()
            except BaseException as error:  # noqa: BLE001  # raised where it was asked for
                self._error = error
            self._call = int
            self._answered.release()


_idle: list[_Helper] = []
_records: dict[int, _Record] = {}
"""By the class's `id`: its hash may be the program's code."""
_MOST_RECORDS = 1_024


def _forget_helpers() -> None:
    """Begin anew in a forked child, where the threads do not exist."""
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_helpers)


def is_trusted(kind: type) -> bool:
    """Tell whether code of *kind* is Python's or numpy's own, which takes its time for nobody."""
    try:
        module: object = type.__getattribute__(kind, "__module__")
    except AttributeError:
        return False
    return type(module) is str and module.partition(".")[0] in _TRUSTED


_TRUSTED = (sys.stdlib_module_names | {"numpy"}) - {"__main__"}


def within_patience(kind: type, function: Callable[[], Any]) -> Any:
    """Return what *function*, which runs code of *kind*, returns; raise what it raises.

    Raises:
        SlowError: it takes too long, or *kind* did lately.
    """
    now = time.monotonic()
    record = _records.get(id(kind))
    if record is None or record.kind() is not kind:
        if len(_records) >= _MOST_RECORDS:
            _records.clear()
        record = _records[id(kind)] = _Record(kind, now)
    if now < record.slow_until:
        raise SlowError
    if now - record.since > WINDOW:
        record.since, record.spent = now, 0.0
    try:
        helper = _idle.pop() if _idle else _Helper()
    except RuntimeError:  # no thread to be had: the process ends, which waits for nobody longer than told
        return function()
    try:
        return helper.call(function, PATIENCE)
    except SlowError:
        _mark(kind, record)
        raise
    finally:
        took = time.monotonic() - now
        record.spent += took
        if took < PATIENCE and len(_idle) < _MOST_IDLE:
            _idle.append(helper)
        if record.spent > PATIENCE and record.slow_until <= now:
            _mark(kind, record)


def _mark(kind: type, record: _Record) -> None:
    first = record.pause == _FIRST_PAUSE
    record.slow_until = time.monotonic() + record.pause
    record.pause = min(2 * record.pause, _LONGEST_PAUSE)
    if first:
        _logger.warning(
            "describing a %s takes more than %g s: such values are shown by their type alone",
            type_name(kind),
            PATIENCE,
        )
