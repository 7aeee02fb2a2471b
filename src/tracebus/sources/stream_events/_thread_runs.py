"""Where one run ends and the next begins in the stream of a server's thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracebus.sources.stream_events._forms import Part

__all__ = ["begins_run", "ends_run", "is_done"]

_ENDS = ("completed", "failed", "interrupted")
_BEGINS = ("started", "running")


def begins_run(mode: str, part: Part) -> bool:
    """Tell whether *part*, of the stream mode *mode*, is the first of a run."""
    about = part.data if isinstance(part.data, Mapping) else {}
    if mode == "metadata":
        return "run_id" in about and "status" not in about
    return mode == "lifecycle" and not part.namespace and about.get("event") in _BEGINS


def ends_run(namespace: tuple[str, ...], about: Mapping[str, Any]) -> bool:
    """Tell whether a graph's lifecycle event *about* is the end of the outermost one."""
    return not namespace and about.get("event") in _ENDS


def is_done(about: Mapping[str, Any]) -> bool:
    """Tell whether metadata of a joined stream say that its run is over."""
    return about.get("status") == "run_done"
