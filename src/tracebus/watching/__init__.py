"""A reader of a bus that notices while root runs run: budgets nearly used up, agents that repeat themselves.

::

    observe(agent, budget=Budget(cost=0.50, tokens=200_000, seconds=60, model_calls=40))

Nothing is stopped: it becomes facts of the run, events called `tracebus.budget` and `tracebus.loop`, which
every view shows, and a line in the log. `Budget(on_exceeded=…)` is told soon, to cancel by itself.
"""

from __future__ import annotations

from tracebus.watching._budget import Budget
from tracebus.watching._facts import BudgetFact, LoopFact, fact_from, fact_of, is_fact
from tracebus.watching._levels import Level, budget_levels, fullest
from tracebus.watching._loops import Loops
from tracebus.watching._sentences import circles, news, news_in, said_of_loop, sentence
from tracebus.watching._watcher import Watcher, watch, watcher_of

__all__ = [
    "Budget",
    "BudgetFact",
    "Level",
    "LoopFact",
    "Loops",
    "Watcher",
    "budget_levels",
    "circles",
    "fact_from",
    "fact_of",
    "fullest",
    "is_fact",
    "news",
    "news_in",
    "said_of_loop",
    "sentence",
    "watch",
    "watcher_of",
]
