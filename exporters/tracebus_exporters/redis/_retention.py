"""Trimming every stream of the log to one position, so that what stays is contiguous."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tracebus_exporters.redis._packing import unpack_index
from tracebus_exporters.redis._script import PART_LAG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus.logs import Retention
    from tracebus_exporters.redis._settings import Keys

__all__ = ["prune"]

_PAGE = 1000


def prune(client: Any, keys: Keys, retention: Retention) -> int:
    """Remove the oldest entries until *retention* holds; return how many positions that freed."""
    floor = _floor(client, keys)
    cut = floor
    if retention.max_age is not None:
        cut = _cut_by_age(client, keys, time.time_ns() - int(retention.max_age * 1e9), cut)
    roots = sorted({fields[b"r"].decode() for _, fields in _index(client, keys)} - {""})
    if cut > floor:
        _trim(client, keys, roots, cut)
    head = int(client.get(keys.seq) or 0)
    while retention.max_size is not None and cut < head and _size(client, keys, roots) > retention.max_size:
        cut = min(head, cut + max(1, (head - cut) // 10))
        _trim(client, keys, roots, cut)
    return cut - floor


def _floor(client: Any, keys: Keys) -> int:
    """Return the last position before the oldest event, by the index."""
    for seq, fields in _index(client, keys):
        return seq - int(fields[b"n"])
    return int(client.get(keys.seq) or 0)


def _cut_by_age(client: Any, keys: Keys, oldest: int, cut: int) -> int:
    """Return the last position of the index with nothing younger before it."""
    for seq, fields in _index(client, keys):
        if any(event.time >= oldest for event in unpack_index(seq, fields)):
            break
        cut = seq
    return cut


def _trim(client: Any, keys: Keys, roots: list[str], cut: int) -> None:
    pipeline = client.pipeline(transaction=False)
    for key in (keys.index, *map(keys.run, roots)):
        # An entry stays whole: its id is the position of its last event.
        pipeline.xtrim(key, minid=f"{cut + 1}-0", approximate=False)
    pipeline.execute()
    _trim_parts(client, keys, roots, cut)


def _trim_parts(client: Any, keys: Keys, roots: list[str], cut: int) -> None:
    """Remove what the events left refer to no more."""
    pipeline = client.pipeline(transaction=False)
    for root in roots:
        pipeline.zrangebyscore(keys.stamps(root), "-inf", cut + 1 - PART_LAG)
    unused = pipeline.execute()
    pipeline = client.pipeline(transaction=False)
    for root, gone in zip(roots, unused, strict=True):
        if gone:
            pipeline.hdel(keys.parts(root), *gone)
            pipeline.zrem(keys.stamps(root), *gone)
    pipeline.execute()


def _size(client: Any, keys: Keys, roots: list[str]) -> int:
    pipeline = client.pipeline(transaction=False)
    for key in (keys.index, *map(keys.run, roots)):
        pipeline.xlen(key)
        pipeline.memory_usage(key)
    answers = pipeline.execute()
    # An emptied stream still takes some bytes; it holds nothing that could be removed.
    size = sum(size or 0 for length, size in zip(answers[::2], answers[1::2], strict=True) if length)
    left = [root for root, length in zip(roots, answers[2::2], strict=True) if length]
    for root in left:
        pipeline.memory_usage(keys.parts(root))
        pipeline.memory_usage(keys.stamps(root))
    return size + sum(found or 0 for found in pipeline.execute())


def _index(client: Any, keys: Keys) -> Iterator[tuple[int, dict[bytes, bytes]]]:
    start = "-"
    while entries := client.xrange(keys.index, start, "+", count=_PAGE):
        for name, fields in entries:
            yield int(name.partition(b"-")[0]), fields
        start = f"({entries[-1][0].decode()}"
