"""Root runs told by hand."""

from __future__ import annotations

import pytest

from tracebus.events import ErrorInfo, Outcome, RunEnded, RunKind, RunStarted

SECOND = 1_000_000_000


class Runs:
    """Makes the events of root runs, numbered as one log has them."""

    def __init__(self) -> None:
        self.seq = 0

    def started(self, run_id, root=None, parent=None, *, at=0.0, kind=RunKind.CHAIN, **fields):
        return RunStarted(
            seq=self._next(),
            time=int(at * SECOND) + 1,
            run_id=run_id,
            root_run_id=root or run_id,
            parent_run_id=parent or root,
            kind=kind,
            name=run_id,
            **fields,
        )

    def ended(self, run_id, root=None, parent=None, *, at=1.0, failed=False, **fields):
        return RunEnded(
            seq=self._next(),
            time=int(at * SECOND) + 1,
            run_id=run_id,
            root_run_id=root or run_id,
            parent_run_id=parent or root,
            outcome=Outcome.ERROR if failed else Outcome.OK,
            error=ErrorInfo(type="ValueError", message="no") if failed else None,
            **fields,
        )

    def root(self, run_id, *, at=0.0, took=1.0, failed=False, inside_failed=False, **fields):
        """Return a root run with one run inside."""
        inside = f"{run_id}.1"
        return [
            self.started(run_id, at=at, **fields),
            self.started(inside, run_id, at=at),
            self.ended(inside, run_id, at=at + took, failed=failed or inside_failed),
            self.ended(run_id, at=at + took, failed=failed),
        ]

    def _next(self):
        self.seq += 1
        return self.seq


@pytest.fixture
def runs():
    return Runs()


@pytest.fixture(scope="session")
def new_runs():
    return Runs
