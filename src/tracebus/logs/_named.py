"""Finds the run a user names: an id, the beginning or end of one, `last`, `last~2`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tracebus.exceptions import UnknownRunError
from tracebus.logs._runs import RunQuery

if TYPE_CHECKING:
    from tracebus.logs._log import Log
    from tracebus.logs._runs import RunSummary

__all__ = ["named_run"]

_LATEST = re.compile(r"last(?:~(\d{1,4}))?")


def named_run(log: Log, name: str) -> RunSummary:
    """Return the run called *name*: an id, its beginning or its end, `last`, or `last~2`, two before it.

    Raises:
        UnknownRunError: there is none.
        InvalidLogError: there are several.
    """
    latest = _LATEST.fullmatch(name)
    if latest is None:
        found = log.find_run(name)
        if found is None:
            raise UnknownRunError(f"no run {name!r} in {log.url}; list them with: tracebus runs")
        return found
    back = int(latest[1] or 0)
    listed = log.runs(RunQuery(limit=back + 1))
    if len(listed) <= back:
        held = f"only {len(listed)} root runs" if listed else "no runs"
        raise UnknownRunError(f"there are {held} in {log.url} yet")
    return listed[back]
