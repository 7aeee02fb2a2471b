"""Runs by hand."""

from __future__ import annotations

from itertools import count

from tracebus import RunTree
from tracebus.events import ErrorInfo, ModelInfo, Outcome, RunEnded, RunKind, RunStarted, TokenUsage

_ids = count(1)


def step(name, *below, kind="chain", given=None, made=None, error=None, took=1, model=None, tokens=None):
    """Return a run as nested data, for `tree`."""
    return {
        "name": name, "below": below, "kind": kind, "given": given, "made": made,
        "error": error, "took": took, "model": model, "tokens": tokens,
    }  # fmt: skip


def tree(root):
    """Return the `RunNode` of what `step` returned."""
    runs = RunTree()
    events = list(_events(root, None, None))
    for seq, event in enumerate(events, 1):
        runs.apply(_at(event, seq))
    return runs.get(events[0].run_id)


def _events(data, parent, root):
    run_id = f"run-{next(_ids)}"
    root = root or run_id
    ids = {"run_id": run_id, "parent_run_id": parent, "root_run_id": root}
    model = ModelInfo(provider="x", name=data["model"]) if data["model"] else None
    yield RunStarted(
        time=1, kind=RunKind(data["kind"]), name=data["name"], inputs=data["given"], model=model, **ids
    )
    for below in data["below"]:
        yield from _events(below, run_id, root)
    error = ErrorInfo(type="ValueError", message=data["error"]) if data["error"] else None
    yield RunEnded(
        time=1 + data["took"] * 1_000_000_000,
        outcome=Outcome.ERROR if error else Outcome.OK,
        outputs=data["made"],
        error=error,
        usage=TokenUsage(input_tokens=data["tokens"]) if data["tokens"] else None,
        **ids,
    )


def _at(event, seq):
    import msgspec

    return msgspec.structs.replace(event, seq=seq)
