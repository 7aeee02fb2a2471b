"""Which batch call a root run belongs to.

LangChain tells the callbacks of a batch nothing of the batch: its runs are unrelated roots. So the
observed Runnable gives every input's run an id beforehand and remembers its place here.
"""

from __future__ import annotations

import itertools
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tracebus.events import BatchMembership
from tracebus.sources.reading._odd import run_key

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from langchain_core.runnables import RunnableConfig

__all__ = ["BatchCall", "current_batch", "membership"]


class BatchCall:
    """A running `batch`, `abatch`, `batch_as_completed` or `abatch_as_completed`."""

    __slots__ = ("_arrivals", "_indices", "_recognised", "id", "size")

    def __init__(self, size: int) -> None:
        self.id = str(uuid4())
        self.size = size
        self._indices: dict[Hashable, int] = {}
        self._arrivals = itertools.count()
        self._recognised = False

    def configs(self, config: Any) -> Any:
        """Return *config* with a run id for every input, where the user gave none himself."""
        given: Sequence[RunnableConfig | None]
        if isinstance(config, list | tuple):
            if len(config) != self.size:
                return config  # LangChain's own complaint is the right one
            given = config
        elif config is None or config.get("run_id") is None:
            given = [config] * self.size
        else:
            return config  # one id for the first input, as LangChain warns: left as it is
        return [self._with_run_id(index, one) for index, one in enumerate(given)]

    def member(self, key: Hashable, *, top_level: bool) -> BatchMembership | None:
        """Return the membership of the run.

        Where the Runnable dropped the ids given to it (`BaseLLM.batch` does), the top-level runs
        take their places in the order they begin.
        """
        index = self._indices.get(key)
        if index is not None:
            self._recognised = True
        elif self._recognised or not top_level:
            return None
        else:
            index = next(self._arrivals)
        return BatchMembership(id=self.id, index=index, size=self.size) if index < self.size else None

    def _with_run_id(self, index: int, config: RunnableConfig | None) -> RunnableConfig:
        own: Any = dict(config or {})
        if own.get("run_id") is None:
            own["run_id"] = uuid4()
        self._indices[run_key(own["run_id"])] = index
        return own  # type: ignore[no-any-return]  # a copy of a RunnableConfig is one


current_batch: ContextVar[BatchCall | None] = ContextVar("tracebus_batch", default=None)


def membership(key: Hashable, *, top_level: bool) -> BatchMembership | None:
    """Return the place of a run (by its key) in the batch call around it, if any."""
    batch = current_batch.get()
    return None if batch is None else batch.member(key, top_level=top_level)
