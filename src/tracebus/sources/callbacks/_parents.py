"""The run whose code is executing when a run starts: its real parent."""

from __future__ import annotations

from langchain_core.runnables.config import var_child_runnable_config


def executing_run() -> object:
    """Return the id of the innermost run whose code executes in this context; `None` where none does.

    The parent a callback reports is not always it: `RunnableWithFallbacks.invoke` hands its
    children the config of its own caller (langchain#36072, unfixed in 1.8.1), and a call with
    callbacks of its own loses the parent altogether. LangChain's own context variable knows better.
    """
    config = var_child_runnable_config.get()
    return None if config is None else getattr(config.get("callbacks"), "parent_run_id", None)
