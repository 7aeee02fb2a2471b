"""The filters of `astream_events`, applied to our events: v3 streams have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import RunKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracebus.events import RunStarted

__all__ = ["FILTERS", "Filter", "is_filtered"]

FILTERS = (
    "include_names",
    "include_types",
    "include_tags",
    "exclude_names",
    "exclude_types",
    "exclude_tags",
)
_CHAINS = frozenset((RunKind.GRAPH, RunKind.AGENT, RunKind.NODE, RunKind.UNKNOWN))
"""Kinds that LangChain's filters know as `chain`."""


def is_filtered(arguments: Mapping[str, Any]) -> bool:
    """Tell whether a call's *arguments* filter its stream."""
    return any(arguments.get(name) is not None for name in FILTERS)


class Filter:
    """Which runs a call's *arguments* choose, as LangChain's v2 has it: any `include`, and no `exclude`."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._chosen = {name: found for name in FILTERS if (found := arguments.get(name)) is not None}

    def shows(self, run: RunStarted) -> bool:
        """Tell whether *run* is chosen."""
        about = {
            "names": {run.name},
            "types": {str(run.kind), "chain" if run.kind in _CHAINS else str(run.kind)},
            "tags": set(run.tags),
        }
        met = {
            name: not about[name.partition("_")[2]].isdisjoint(self._chosen[name]) for name in self._chosen
        }
        includes = [found for name, found in met.items() if name.startswith("include")]
        excludes = [found for name, found in met.items() if name.startswith("exclude")]
        return (any(includes) or not includes) and not any(excludes)
