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

_LONGEST_SHOWN = 80
_LATEST = re.compile(r"last(?:~(\d{1,4}))?")


def named_run(log: Log, name: str) -> RunSummary:
    """Return the run called *name*: an id, its beginning or its end, `last`, or `last~2`, two before it.

    Raises:
        UnknownRunError: there is none.
        InvalidLogError: there are several.
    """
    if not name:
        raise UnknownRunError(f"no run has an empty id; list those of {log.url} with: tracebus runs")
    latest = _LATEST.fullmatch(name)
    if latest is None:
        found = log.find_run(name)
        if found is None:
            raise UnknownRunError(f"no run {_shown(name)} in {log.url}; list them with: tracebus runs")
        return found
    back = int(latest[1] or 0)
    listed = log.runs(RunQuery(limit=back + 1))
    if len(listed) <= back:
        few = {0: "are no runs", 1: "is only one root run"}
        held = few.get(len(listed), f"are only {len(listed)} root runs")
        raise UnknownRunError(f"there {held} in {log.url} yet")
    return listed[back]


def _shown(name: str) -> str:
    if len(name) <= _LONGEST_SHOWN:
        return repr(name)
    return f"{name[:_LONGEST_SHOWN]!r}… ({len(name)} characters)"
