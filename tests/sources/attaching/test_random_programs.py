"""Random programs, whose steps note what they saw of themselves, and the runs recorded of them.

The same programs by the million: `benchmarks/sources/random_programs.py`.
"""

from __future__ import annotations

import functools
import logging

import pytest
from tests.programs.check import run_program
from tests.programs.values import differences

from tracebus.sources.attaching import _wiring

PROGRAMS = 40


@pytest.mark.filterwarnings("ignore")  # the programs leave coroutines behind, as programs do
@pytest.mark.parametrize("part", range(4))
def test_what_is_recorded_agrees_with_what_the_steps_saw(monkeypatch, part):
    """Cancelled, shielded, gathered, broken off, closed elsewhere: one end each, the right one, below its caller."""
    short = functools.partial(_wiring.RunTracker, cancel_grace=0.02)
    monkeypatch.setattr(_wiring, "RunTracker", short)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    size, wrong, steps = PROGRAMS // 4, [], 0
    for seed in range(part * size, part * size + size):
        report = run_program(seed)
        steps += report.steps
        wrong += [f"seed {seed}: {line}" for line in report.contradictions]
    assert not wrong
    assert steps > size / 2


@pytest.mark.filterwarnings("ignore")
def test_a_program_gives_and_does_the_same_observed_or_not():
    """Values, streams, errors, which steps ran and who called them: of programs that nothing cuts short."""
    assert not [f"seed {seed}: {line}" for seed in range(PROGRAMS) for line in differences(seed)]
