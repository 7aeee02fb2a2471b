"""A pytest plugin that observes the whole test process and writes every test's result to a file.

`TRACEBUS_CONFORMANCE_OBSERVE` says by whom: `tracebus`; `bystander`, a handler that does nothing, attached
as LangChain attaches its own; `both`, tracebus beside a handler that notes how LangChain says runs ended.
"""

from __future__ import annotations

import collections
import gc
import json
import os
from contextvars import ContextVar
from pathlib import Path

_results: dict[str, str] = {}
_events: list = []
_bus = None
_told: dict[str, str] = {}
_told_again: list[str] = []


def pytest_configure(config):
    """Install tracebus where the environment asks for it."""
    global _bus
    who = os.environ.get("TRACEBUS_CONFORMANCE_OBSERVE")
    if who in ("tracebus", "both"):
        import tracebus

        _bus = tracebus.install(to=_events.extend)
    if who in ("bystander", "both"):
        from langchain_core.tracers.context import register_configure_hook

        register_configure_hook(ContextVar("bystander", default=_bystander()), inheritable=True)  # noqa: B039  # LangChain reads nothing but a default


def _bystander():
    """Return a handler that notes ends by run id.

    The first word on a run is its end, as for LangChain's own tracers: a model whose v3 stream was read to
    its last piece says `on_llm_end`, and when its loop is closed while that call is still waited for,
    `on_llm_error` with the `CancelledError` of the task that waits.
    """
    from langchain_core.callbacks import BaseCallbackHandler

    class Bystander(BaseCallbackHandler):
        run_inline = True

        def _ended(self, *args, run_id, **kwargs):
            _note_end(str(run_id), "ok")

        def _failed(self, error, *args, run_id, **kwargs):
            _note_end(str(run_id), type(error).__name__)

        on_chain_end = on_llm_end = on_tool_end = on_retriever_end = _ended
        on_chain_error = on_llm_error = on_tool_error = on_retriever_error = _failed

    return Bystander()


def _note_end(run_id, said):
    if (before := _told.setdefault(run_id, said)) != said:
        _told_again.append(f"{before}, then {said}")


def pytest_runtest_logreport(report):
    """Note the worst of a test's phases."""
    before = _results.get(report.nodeid, "passed")
    if report.when == "call" or report.outcome != "passed":
        _results[report.nodeid] = report.outcome if before == "passed" else before


def pytest_sessionfinish(session):
    """Write the results, and what became of the runs."""
    gc.collect()
    Path(os.environ["TRACEBUS_CONFORMANCE_REPORT"]).write_text(json.dumps({**_results, "runs": _runs()}))


def _runs():
    if _bus is None:
        return "{}"
    _bus.flush(30)
    count = collections.Counter(type(event).__name__ for event in _events)
    snapshot = _bus.snapshot()
    ends = {event.run_id: event for event in _events if type(event).__name__ == "RunEnded"}
    names = {event.run_id: event.name for event in _events if type(event).__name__ == "RunStarted"}
    return json.dumps(
        {
            "started": count["RunStarted"],
            "ended": count["RunEnded"],
            "open": [f"{run.kind} {run.name} {run.run_id}" for run in snapshot.open],
            "callback_errors": _bus.statistics().counters.get("callback_errors", 0),
            "told_again": collections.Counter(_told_again),
            "compared": len(_told.keys() & ends.keys()),
            "contradictions": [
                f"{names.get(run_id)}: LangChain says {said}, recorded {ends[run_id].outcome} {ends[run_id].error}"
                for run_id, said in _told.items()
                if run_id in ends and not _agrees(said, ends[run_id])
            ],
        }
    )


def _agrees(said, end):
    if said == "CancelledError" and str(end.outcome) == "error":
        # LangGraph cancels nodes whose time, or their step's, is over; only the graph's error says for what.
        return end.error.type.endswith(".NodeTimeoutError") or "step_timeout" in end.error.message
    return str(end.outcome) in _allowed(said)


def _allowed(said):
    """Return the outcomes that agree with an end LangChain tells: `ok`, or the exception's class."""
    if said == "ok":  # a tool that reports its error politely, a graph below which something interrupted
        return {"ok", "error", "interrupted", "abandoned"}
    if said in ("CancelledError", "GeneratorExit"):
        return {"cancelled", "abandoned"}
    return {"error", "interrupted", "ok"}  # an interrupt, a command to the parent graph
