"""Events of whole root runs, written by hand: some fine, some slow, some failed."""

from __future__ import annotations

import pytest
from written_events import History


class Runs(History):
    """Makes the events of root runs, numbered as one log has them."""

    epoch = 1

    def started(self, run_id, root=None, parent=None, **fields):
        return self.start(run_id, parent or root, root=root, **fields)

    def ended(self, run_id, root=None, parent=None, *, failed=False, **fields):
        return self.end(run_id, error="ValueError: no" if failed else None, **fields)

    def root(self, run_id, *, at=0.0, took=1.0, failed=False, inside_failed=False, **fields):
        """Return a root run with one run inside."""
        inside = f"{run_id}.1"
        return [
            self.started(run_id, at=at, **fields),
            self.started(inside, run_id, at=at),
            self.ended(inside, run_id, at=at + took, failed=failed or inside_failed),
            self.ended(run_id, at=at + took, failed=failed),
        ]


@pytest.fixture
def runs():
    return Runs()


@pytest.fixture(scope="session")
def new_runs():
    return Runs
