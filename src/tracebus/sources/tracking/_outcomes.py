"""Which outcome an exception means."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError as FutureCancelledError

from tracebus.events import Outcome


def outcome_of(error: BaseException) -> Outcome:
    """Return how a run that raised *error* ended.

    LangGraph's control flow is told by class name, so that LangGraph need not be installed: a
    `GraphBubbleUp` pauses the graph (an interrupt), its subclass `ParentCommand` merely hands over
    to the parent graph.
    """
    if isinstance(error, asyncio.CancelledError | FutureCancelledError):
        return Outcome.CANCELLED
    if isinstance(error, GeneratorExit):
        return Outcome.ABANDONED
    bases = {base.__name__ for base in type(error).__mro__ if base.__module__.startswith("langgraph")}
    if "ParentCommand" in bases:
        return Outcome.OK
    if "GraphBubbleUp" in bases:
        return Outcome.INTERRUPTED
    return Outcome.ERROR
