"""Calling the program's own code, a `repr`, an attribute or a redaction function, with a limit on its time.

A lazy data frame computes, an object of an ORM asks its database, a remote handle waits for the network:
none of that may keep events from being delivered. Python cannot stop a call, so it is made in a thread of
ours that is left behind where it takes too long; the class or the policy is then remembered as slow for a
while.
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

__all__ = ["SlowError", "is_trusted", "redacted_in_time", "within_patience"]

PATIENCE = 2.0
"""Seconds a call may take, and the calls of one class together within `WINDOW`."""
REDACTION_PATIENCE = 30.0
"""Seconds the redaction function may take for one payload: it may load a model first, and is asked often."""
WINDOW = 20.0
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 3_600.0
"""Seconds a slow class is described by its type before it is tried again, doubled each time."""
_MOST_IDLE = 4

_logger = logging.getLogger("tracebus")


class SlowError(Exception):
    """The value's own code takes too long."""


class _Record:
    """How long a class's own code, or a policy's function, has taken lately."""

    __slots__ = ("owner", "pause", "since", "slow_until", "spent")

    def __init__(self, owner: object, now: float) -> None:
        self.owner = weakref.ref(owner)
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
        self.free = True
        """Whether it has answered what it was asked last."""
        threading.Thread(target=self._run, name="tracebus settling", daemon=True).start()

    def call(self, function: Callable[[], Any], seconds: float) -> Any:
        """Return what *function* returns, or raise what it raises; `SlowError` after *seconds*."""
        self._call = function
        self.free = False
        self._asked.release()
        if not self._answered.acquire(timeout=seconds):
            raise SlowError
        self.free = True
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
"""By the `id` of the class or policy: its hash may be the program's code."""
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
    record = _record_of(kind)
    _begin(record)
    now = time.monotonic()
    if now - record.since > WINDOW:
        record.since, record.spent = now, 0.0
    try:
        return _called(function, PATIENCE)
    except SlowError:
        record.spent += PATIENCE
        raise
    finally:
        record.spent += time.monotonic() - now
        if record.spent > PATIENCE and _mark(record):
            _logger.warning(
                "describing a %s takes more than %g s: such values are shown by their type alone",
                type_name(kind),
                PATIENCE,
            )


def redacted_in_time(policy: object, function: Callable[[], Any]) -> Any:
    """Return what *function*, which has *policy*'s redaction function look at one payload, returns.

    Raises:
        SlowError: it takes too long, or that function did lately.
    """
    record = _record_of(policy)
    _begin(record)
    try:
        return _called(function, REDACTION_PATIENCE)
    except SlowError:
        if _mark(record):
            _logger.warning(
                "Capture(redact=...) takes more than %g s for one payload: for a while, all it would be "
                "asked about is left out",
                REDACTION_PATIENCE,
            )
        raise


def _record_of(owner: object) -> _Record:
    record = _records.get(id(owner))
    if record is None or record.owner() is not owner:
        if len(_records) >= _MOST_RECORDS:
            _records.clear()
        record = _records[id(owner)] = _Record(owner, time.monotonic())
    return record


def _begin(record: _Record) -> None:
    if time.monotonic() < record.slow_until:
        raise SlowError


def _called(function: Callable[[], Any], seconds: float) -> Any:
    try:
        helper = _idle.pop()
    except IndexError:
        try:
            helper = _Helper()
        except RuntimeError:  # no thread to be had: the process ends, which waits for nobody longer than told
            return function()
    try:
        return helper.call(function, seconds)
    finally:
        # One that was left, by its time or by an interrupt, would give its answer to another's question.
        if helper.free and len(_idle) < _MOST_IDLE:
            _idle.append(helper)


def _mark(record: _Record) -> bool:
    """Remember the owner of *record* as slow for a while; return whether it is for the first time."""
    now = time.monotonic()
    if now < record.slow_until:
        return False
    first = record.pause == _FIRST_PAUSE
    record.slow_until = now + record.pause
    record.pause = min(2 * record.pause, _LONGEST_PAUSE)
    return first
