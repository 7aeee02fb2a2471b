"""Which run the calling code is in, for `tracebus.propagate`."""

from __future__ import annotations

from langchain_core.runnables.config import var_child_runnable_config

from tracebus import propagate
from tracebus.propagate import RemoteParent
from tracebus.sources.callbacks import _scope
from tracebus.sources.reading._odd import run_key


def current_run() -> RemoteParent | None:
    """Return the observed run that LangChain's own context variable names."""
    config = var_child_runnable_config.get()
    callbacks = None if config is None else config.get("callbacks")
    parent_run_id = getattr(callbacks, "parent_run_id", None)
    handler = _scope.current_handler()
    if parent_run_id is None or handler is None:
        return None
    for recorder in handler.recorders:
        if (run := recorder.tracker.get(run_key(parent_run_id))) is not None:
            return RemoteParent(run_id=run.id, root_run_id=run.root_id)
    return None


propagate.register(current_run)
