"""Calls a function that may hang on a thread of its own, and waits no longer than a timeout."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def within(timeout: float, function: Callable[..., Any], *arguments: Any) -> bool:
    """Call *function* on a daemon thread; tell whether it returned within *timeout* seconds.

    An exception it raises is raised here. Where no thread can be started any more (an interpreter
    shutting down), it is called in place.
    """
    done = threading.Event()
    failures: list[Exception] = []

    def call() -> None:
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001  handed to the caller below
            failures.append(error)
        finally:
            done.set()

    try:
        threading.Thread(target=call, name="tracebus-otel-call", daemon=True).start()
    except RuntimeError:
        call()
    finished = done.wait(max(0.0, timeout))
    if failures:
        raise failures[0]
    return finished
