"""A pytest plugin that observes the whole test process and writes every test's result to a file."""

from __future__ import annotations

import collections
import gc
import json
import os
from pathlib import Path

_results: dict[str, str] = {}
_events: list = []
_bus = None


def pytest_configure(config):
    """Install tracebus where the environment asks for it."""
    global _bus
    if os.environ.get("TRACEBUS_CONFORMANCE_OBSERVE"):
        import tracebus

        _bus = tracebus.install(to=_events.extend)


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
    _bus.flush(10)
    count = collections.Counter(type(event).__name__ for event in _events)
    snapshot = _bus.snapshot()
    return json.dumps(
        {
            "started": count["RunStarted"],
            "ended": count["RunEnded"],
            "open": [f"{run.kind} {run.name} {run.run_id}" for run in snapshot.open],
            "callback_errors": _bus.statistics().counters.get("callback_errors", 0),
        }
    )
