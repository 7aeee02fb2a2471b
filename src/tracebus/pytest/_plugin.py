"""The hooks: when recording begins, and what becomes of it. Imports nothing heavy before it is asked for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from tracebus.pytest._recorded import RecordedRuns
    from tracebus.pytest._recorder import Recording

__all__ = [
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_protocol",
    "recorded_runs",
]

_RECORDING: pytest.StashKey[Recording] = pytest.StashKey()
_FAILED: pytest.StashKey[bool] = pytest.StashKey()


_PATIENCE = 2.0
"""Seconds the end of a test waits for its events."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--tracebus`, `--tracebus-dir` and `--tracebus-update`, and their lines for the ini file."""
    group = parser.getgroup("tracebus", "what LangChain code did in a test")
    group.addoption(
        "--tracebus",
        choices=("off", "failed", "all"),
        help="Record every test, and keep the runs of failed or of all tests as a log and a page each.",
    )
    group.addoption(
        "--tracebus-dir",
        metavar="DIR",
        help="Where they are kept.  [default: .tracebus, below the root directory]",
    )
    group.addoption(
        "--tracebus-update", action="store_true", help="Write the shapes that tests compare with anew."
    )
    parser.addini("tracebus", "off, failed or all: as --tracebus", default="off")
    parser.addini("tracebus_dir", "as --tracebus-dir", default=".tracebus")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse what the ini file says wrong."""
    if config.getini("tracebus") not in ("off", "failed", "all"):
        raise pytest.UsageError(
            f"the ini option tracebus is off, failed or all, not {config.getini('tracebus')!r}"
        )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Record from before the test's fixtures to after them."""
    if _mode(item.config) != "off":
        _begin(item)
    try:
        return (yield)
    finally:
        recording = item.stash.get(_RECORDING, None)
        if recording is not None:
            recording.stop()
            del item.stash[_RECORDING]


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Have what a test's runs print come while that test's output is taken, and not in the next one's."""
    try:
        return (yield)
    finally:
        bus = sys.modules.get("tracebus.bus")  # a test that never imported it has nothing to deliver
        if bus is not None:
            bus.flush(_PATIENCE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the tree under the output of a test that failed, and keep its runs."""
    report = yield
    recording = item.stash.get(_RECORDING, None)
    if recording is None:
        return report
    if report.failed:
        item.stash[_FAILED] = True
        if text := recording.told():
            report.sections.append(("tracebus", text))
    mode = _mode(item.config)
    failed = item.stash.get(_FAILED, False)
    if (report.failed or report.when == "teardown") and (mode == "all" or (mode == "failed" and failed)):
        kept = recording.keep(_directory(item.config), item.nodeid, failed=failed)
        if kept and report.failed:
            report.sections.append(("tracebus kept", kept))
    return report


@pytest.fixture
def recorded_runs(request: pytest.FixtureRequest) -> RecordedRuns:
    """Record what LangChain code does in this test, on every thread, and say it when the test fails."""
    return _begin(request.node).runs


def _begin(item: Any) -> Recording:
    """Return the recording of the test, begun where it was not yet."""
    recording: Recording | None = item.stash.get(_RECORDING, None)
    if recording is None:
        from tracebus.pytest._recorder import Recording  # noqa: PLC0415  imports LangChain

        recording = item.stash[_RECORDING] = Recording(
            Path(item.path), item.nodeid, update=bool(item.config.getoption("--tracebus-update"))
        )
    return recording


def _mode(config: pytest.Config) -> str:
    return str(config.getoption("--tracebus") or config.getini("tracebus"))


def _directory(config: pytest.Config) -> Path:
    return config.rootpath / str(config.getoption("--tracebus-dir") or config.getini("tracebus_dir"))
