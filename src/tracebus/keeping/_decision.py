"""Whether a held run is kept, and for which reasons."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING

from tracebus.events import CustomEmitted, Kept, RunEnded, RunStarted, settle
from tracebus.tree import RunTree
from tracebus.watching import Loops
from tracebus.watching._circles import loops_in
from tracebus.watching._facts import LOOP

if TYPE_CHECKING:
    from tracebus.keeping._held import HeldRun
    from tracebus.keeping._rules import Rules
    from tracebus.tree import RunNode

__all__ = ["reasons_of", "sampled_flag", "share_of", "verdict"]

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})(?:-.*)?")
_SAMPLED = 1
_WEIGHED: dict[type, tuple[str, ...]] = {RunStarted: ("model",), RunEnded: ("usage",)}
"""What a run's tokens and cost are made of."""
_RANDOM_DIGITS = 14
"""Hexadecimal digits at the end of a trace id that are random, which samplers of OpenTelemetry compare."""
_SPAN: int = 16**_RANDOM_DIGITS


def verdict(run: HeldRun, rules: Rules, now: int) -> Kept | None:
    """Return why *run* is kept; `None` where it is not."""
    reasons = reasons_of(run, rules, now)
    if reasons:
        return Kept(reasons=reasons)
    if rules.share and share_of(run) < rules.share:
        return Kept(reasons=("share",), share=rules.share)
    return None


def reasons_of(run: HeldRun, rules: Rules, now: int) -> tuple[str, ...]:
    """Return which of *rules* are true of *run* as it stands; `share` is none of them."""
    found = []
    if rules.errors and run.failed:
        found.append("error")
    if rules.slower_than is not None and run.lasted(now) > rules.slower_than:
        found.append("slow")
    if rules.cost is not None or rules.tokens is not None:
        found += _used(run, rules)
    if rules.loops and _went_in_circles(run):
        found.append("loop")
    if rules.sampled and sampled_flag(run.trace) is True:
        found.append("sampled")
    return tuple(found)


def _went_in_circles(run: HeldRun) -> bool:
    """Tell by what was noticed while it ran, or where nobody watched, by looking now."""
    noticed = any(isinstance(event, CustomEmitted) and event.name == LOOP for event in run.events)
    return noticed or bool(loops_in(run.events, Loops()))


def _used(run: HeldRun, rules: Rules) -> list[str]:
    root = _folded(run)
    found: list[str] = []
    if root is None:
        return found
    if rules.cost is not None and (root.cost or 0.0) > rules.cost:
        found.append("cost")
    if rules.tokens is not None and (usage := root.usage) is not None:
        total = (usage.input_tokens or 0) + (usage.output_tokens or 0)
        if total > rules.tokens:
            found.append("tokens")
    return found


def _folded(run: HeldRun) -> RunNode | None:
    tree = RunTree()
    for event in run.events:
        tree.apply(settle(event, _WEIGHED.get(type(event), ())))
    return tree.get(run.top)


def share_of(run: HeldRun) -> float:
    """Return a number from 0 to 1, the same for all runs of a trace: what `share` is compared with.

    By the random digits of the trace id, as OpenTelemetry's consistent sampling has it: the caller's, or the
    one that the spans of a root run without a caller get, a hash of its id.
    """
    found = _TRACEPARENT.fullmatch(run.trace) if run.trace else None
    trace = found[1] if found else blake2b(run.id.encode("utf-8", "replace"), digest_size=16).hexdigest()
    # From the other end: samplers keep the traces with the largest of these numbers.
    number: int = _SPAN - 1 - int(trace[-_RANDOM_DIGITS:], 16)
    return number / _SPAN


def sampled_flag(traceparent: str | None) -> bool | None:
    """Return the sampled flag of a W3C `traceparent`; `None` where there is none to read."""
    found = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    return None if found is None else bool(int(found[2], 16) & _SAMPLED)
