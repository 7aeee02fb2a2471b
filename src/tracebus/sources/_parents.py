"""Who is really the parent of a run that starts now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.runnables.config import var_child_runnable_config

if TYPE_CHECKING:
    from uuid import UUID


def executing_run() -> UUID | None:
    """Return the id of the innermost run whose code is executing in this context, if any.

    The parent a callback reports is not always it: `RunnableWithFallbacks.invoke` hands its
    children the config of its own caller (langchain#36072, unfixed in 1.8.1), and a call with
    callbacks of its own loses the parent altogether. LangChain's own context variable knows better.
    """
    config = var_child_runnable_config.get()
    if config is None:
        return None
    return getattr(config.get("callbacks"), "parent_run_id", None)
