"""What every durable log must do, as checks to run against one of your own.

::

    @pytest.mark.parametrize("check", LOG_CHECKS, ids=lambda check: check.__name__)
    def test_my_log(check, tmp_path):
        check(lambda: MyLog(tmp_path / "log"))

A check is given a function that opens the same, at first empty, log again and again. It raises
`AssertionError` where the log breaks the contract of `tracebus.logs.Log`.
"""

from __future__ import annotations

from tracebus.testing.logs._following import FOLLOWING
from tracebus.testing.logs._samples import LogCheck, OpenLog, sample_run
from tracebus.testing.logs._storing import STORING
from tracebus.testing.logs._summaries import SUMMARIES

__all__ = ["LOG_CHECKS", "LogCheck", "OpenLog", "sample_run"]

LOG_CHECKS: tuple[LogCheck, ...] = (*STORING, *FOLLOWING, *SUMMARIES)
"""Every check of the contract."""
