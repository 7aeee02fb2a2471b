"""Pairs of runs to compare, written by hand."""

from __future__ import annotations

from itertools import count

from written_events import History

from tracebus import RunTree
from tracebus.events import ModelInfo, TokenUsage

_ids = count(1)


def step(name, *below, kind="chain", given=None, made=None, error=None, took=1, model=None, tokens=None):
    """Return a run as nested data, for `tree`."""
    return {
        "name": name, "below": below, "kind": kind, "given": given, "made": made,
        "error": error, "took": took, "model": model, "tokens": tokens,
    }  # fmt: skip


def tree(root):
    """Return the `RunNode` of what `step` returned."""
    runs, tell = RunTree(), History()
    top = _told(tell, root, None)
    for event in tell.events:
        runs.apply(event)
    return runs.get(top)


def _told(tell, data, parent):
    run_id = f"run-{next(_ids)}"
    model = ModelInfo(provider="x", name=data["model"]) if data["model"] else None
    tell.start(run_id, parent, kind=data["kind"], name=data["name"], inputs=data["given"], model=model)
    for below in data["below"]:
        _told(tell, below, run_id)
    usage = TokenUsage(input_tokens=data["tokens"]) if data["tokens"] else None
    failed = f"ValueError: {data['error']}" if data["error"] else None
    tell.end(run_id, at=data["took"], error=failed, outputs=data["made"], usage=usage)
    return run_id
