"""A pytest plugin: what a test ran, as a tree when it fails, and to assert on.

::

    def test_the_agent_looks_before_it_answers(recorded_runs):
        agent.invoke({"messages": [("user", "When does the night bus leave?")]})
        recorded_runs.called("departures", stop="Old Square").never_called("pay")
        recorded_runs.asked_models_at_most(3).used_tokens_at_most(2_000).had_no_errors()

Installed with tracebus; it does nothing for tests that do not ask for it. `pytest --tracebus=failed` records
every test and keeps the runs of those that fail, `--tracebus=all` of all, as a log and a page each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.pytest._plugin import (
    pytest_addoption,
    pytest_configure,
    pytest_runtest_call,
    pytest_runtest_makereport,
    pytest_runtest_protocol,
    recorded_runs,
)

if TYPE_CHECKING:
    from tracebus.pytest._recorded import RecordedRuns, RunsAssertionError

__all__ = [
    "RecordedRuns",
    "RunsAssertionError",
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_protocol",
    "recorded_runs",
]


def __getattr__(name: str) -> Any:
    """Import what tests name only when they do: the plugin is loaded in every pytest of this environment."""
    if name in ("RecordedRuns", "RunsAssertionError"):
        from tracebus.pytest import _recorded  # noqa: PLC0415  lazy by design

        return getattr(_recorded, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
