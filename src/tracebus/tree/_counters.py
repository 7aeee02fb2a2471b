"""The counters a run adds to its ancestors (runs, tokens, cost), packed in one integer.

Every start and end changes a dozen counters of every ancestor. Kept as lanes of 64 bits in one
integer they change by a single addition, which is exact and is undone by a subtraction. The lanes of
a sum never overflow or go negative, because every amount entering is clamped; a *change* may
be a negative integer, which adds up the same.

The low lanes count runs, the high ones tokens and money.
"""

from __future__ import annotations

import struct
from operator import attrgetter
from typing import Protocol

import msgspec

from tracebus.events import TokenUsage
from tracebus.tree._status import RunStatus, StatusCounts

_LANE = 64
_MASK = (1 << _LANE) - 1
_LARGEST = 1 << 52
"""A run's largest amount in one lane (4,500 dollars): 4,096 such runs fit before a lane overflows."""

PICO = 1_000_000_000_000
"""Money is counted in whole 1e-12 dollars, so that taking a cost back leaves no residue."""

_FIELDS = (
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_tokens",
    "cache_creation_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
)
_STATUSES = tuple(RunStatus)
_RETRIES = len(_STATUSES)
_RUN_BITS = _LANE * (_RETRIES + 1)
_RUN_MASK = (1 << _RUN_BITS) - 1

# Lanes above the counts of runs.
_REPORTED, _UNKNOWN, _PRICED, _UNPRICED, _KNOWN = range(5)
_TOKENS = _KNOWN + len(_FIELDS)
_COST = _TOKENS + len(_FIELDS)
_USAGE_LANES = _COST + 1

_unpack_counts = struct.Struct(f"<{_RETRIES + 1}Q").unpack
_unpack_usage = struct.Struct(f"<{_USAGE_LANES}Q").unpack
_pack_usage = struct.Struct(f"<{_USAGE_LANES}Q").pack
_fields = attrgetter(*_FIELDS)

STATUS_UNIT = {status: 1 << (_LANE * lane) for lane, status in enumerate(_STATUSES)}
"""What one run in a state counts."""
RETRY_UNIT = 1 << (_LANE * _RETRIES)
_UNKNOWN_UNIT = 1 << (_LANE * _UNKNOWN)
_REPORTED_LANE = _MASK << (_LANE * _REPORTED)


class Counted(Protocol):
    """What is counted of a run in the tree."""

    @property
    def status(self) -> RunStatus:
        """What is known about it."""
        ...

    @property
    def known_below(self) -> int:
        """What its children add up to, as far as it has heard."""
        ...

    @property
    def own_retries(self) -> int:
        """What its own retries count."""
        ...

    @property
    def own_counters(self) -> int:
        """What the run itself used."""
        ...

    @property
    def bears_usage(self) -> bool:
        """Whether own usage, or the want of it, counts."""
        ...


def share(node: Counted) -> int:
    """Return what *node* and its descendants add to its parent.

    A run's own usage counts only where no descendant reported any: a model that calls a model
    reports the tokens of the inner one again.
    """
    below = node.known_below
    own = STATUS_UNIT[node.status] + node.own_retries
    if not node.bears_usage:
        return below + own
    usage = below >> _RUN_BITS
    if not usage & _REPORTED_LANE:
        usage = node.own_counters or _UNKNOWN_UNIT
    return (usage << _RUN_BITS) + (below & _RUN_MASK) + own


def pack_usage(usage: TokenUsage, cost: float | None, *, complete: bool) -> int:
    """Return one run's *usage* and *cost* in dollars as counters.

    Not *complete* marks every sum it enters as partial.
    """
    tokens = _fields(usage)
    amounts = [number or 0 for number in tokens]
    amounts.append(round(cost * PICO) if cost is not None else 0)
    if max(amounts) > _LARGEST or min(amounts) < 0:
        amounts = [min(max(amount, 0), _LARGEST) for amount in amounts]
    known = [number is not None for number in tokens]
    lanes = _pack_usage(1, not complete, cost is not None, cost is None, *known, *amounts)
    return int.from_bytes(lanes, "little")


def counts_of(counters: int) -> StatusCounts:
    """Return the runs in *counters* by state."""
    return StatusCounts(*_run_lanes(counters)[:_RETRIES])


def retries_of(counters: int) -> int:
    """Return how many retries *counters* count."""
    lanes: tuple[int, ...] = _run_lanes(counters)
    return lanes[_RETRIES]


def usage_of(counters: int) -> TokenUsage | None:
    """Return the tokens in *counters*; `None` where no run reported any."""
    if not counters >> _RUN_BITS & _REPORTED_LANE:
        return None
    lanes = _usage_lanes(counters)
    sums = zip(_FIELDS, lanes[_KNOWN:_TOKENS], lanes[_TOKENS:_COST], strict=True)
    return msgspec.convert({field: tokens for field, known, tokens in sums if known}, TokenUsage)


def usage_is_partial(counters: int) -> bool:
    """Tell whether some but not all ended model runs in *counters* reported their usage."""
    lanes = _usage_lanes(counters)
    return bool(lanes[_REPORTED] and lanes[_UNKNOWN])


def cost_of(counters: int) -> float | None:
    """Return the dollars in *counters*; `None` where no run has a known price."""
    lanes = _usage_lanes(counters)
    return lanes[_COST] / PICO if lanes[_PRICED] else None


def cost_is_partial(counters: int) -> bool:
    """Tell whether some but not all ended model runs in *counters* have a known cost."""
    lanes = _usage_lanes(counters)
    return bool(lanes[_PRICED] and (lanes[_UNPRICED] or lanes[_UNKNOWN]))


def own_cost(own_usage: int) -> float | None:
    """Return the dollars in what `pack_usage` packed."""
    return cost_of(own_usage << _RUN_BITS)


def _run_lanes(counters: int) -> tuple[int, ...]:
    return _unpack_counts((counters & _RUN_MASK).to_bytes(_RUN_BITS // 8, "little"))


def _usage_lanes(counters: int) -> tuple[int, ...]:
    return _unpack_usage((counters >> _RUN_BITS).to_bytes(_USAGE_LANES * _LANE // 8, "little"))
