"""Durable logs: stores of events that can be written, read again and followed live.

::

    from tracebus import open_log

    log = open_log("sqlite:")            # or jsonl:PATH, redis://host:6379/0, a third party's scheme
    log.append(events)
    for event in log.read(after=0, limit=100): ...
    async for event in log.follow(): ...

Every log is an exporter too, so its URL is good for `to=`.
"""

from __future__ import annotations

from tracebus.logs._finished import FinishedRuns, Progress
from tracebus.logs._follow import follow_by_polling
from tracebus.logs._index import (
    find_run_by_scan,
    find_runs_by_scan,
    read_run_by_scan,
    summarise,
    the_only_run,
    tokens_of,
)
from tracebus.logs._load import load_run
from tracebus.logs._log import Log, Retention
from tracebus.logs._losses import Losses
from tracebus.logs._named import named_run
from tracebus.logs._open import default_log_path, known_logs, open_log
from tracebus.logs._part_cache import PartCache
from tracebus.logs._parts import Part, Place, Places, Taken, ids_in, put_together, take_apart
from tracebus.logs._place import require_writable
from tracebus.logs._runs import MODEL_KINDS, RunQuery, RunStatus, RunSummary, thread_of
from tracebus.logs._url import LogUrl, Options, parse_duration, parse_log_url, parse_moment, parse_size

__all__ = [
    "MODEL_KINDS",
    "FinishedRuns",
    "Log",
    "LogUrl",
    "Losses",
    "Options",
    "Part",
    "PartCache",
    "Place",
    "Places",
    "Progress",
    "Retention",
    "RunQuery",
    "RunStatus",
    "RunSummary",
    "Taken",
    "default_log_path",
    "find_run_by_scan",
    "find_runs_by_scan",
    "follow_by_polling",
    "ids_in",
    "known_logs",
    "load_run",
    "named_run",
    "open_log",
    "parse_duration",
    "parse_log_url",
    "parse_moment",
    "parse_size",
    "put_together",
    "read_run_by_scan",
    "require_writable",
    "summarise",
    "take_apart",
    "the_only_run",
    "thread_of",
    "tokens_of",
]
