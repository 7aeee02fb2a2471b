"""Who is really the parent of a run that starts now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.runnables.config import var_child_runnable_config

from tracebus.sources.reading._odd import run_key

if TYPE_CHECKING:
    from collections.abc import Hashable


def executing_run() -> Hashable | None:
    """Return the key (see `run_key`) of the innermost run whose code executes in this context.

    The parent a callback reports is not always it: `RunnableWithFallbacks.invoke` hands its
    children the config of its own caller (langchain#36072, unfixed in 1.8.1), and a call with
    callbacks of its own loses the parent altogether. LangChain's own context variable knows better.
    """
    config = var_child_runnable_config.get()
    if config is None:
        return None
    run_id = getattr(config.get("callbacks"), "parent_run_id", None)
    return None if run_id is None else run_key(run_id)
