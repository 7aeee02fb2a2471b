"""Soak: random programs whose steps note what they saw, held against the recorded runs and LangChain's word.

    python benchmarks/sources/random_programs.py --programs 1000 [--seed 0] [--grace 0.02]

Beside each, a program that nothing cuts short is run observed and not, and must give and do the same.
Prints every contradiction with the seed of its program, and the sums. The graces are shortened, so that a
program of milliseconds meets what a program of minutes would.
"""

from __future__ import annotations

import argparse
import functools
import logging
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.programs.check import run_program
from tests.programs.values import differences

from tracebus.sources.attaching import _wiring


def main() -> int:
    """Run the programs; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first program's; the next ones count on")
    parser.add_argument("--grace", type=float, default=0.02, help="seconds; the library's own is 0.5")
    parser.add_argument("--minutes", type=float, default=0, help="go on for so long instead")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    _wiring.RunTracker = functools.partial(_wiring.RunTracker, cancel_grace=options.grace)  # type: ignore[misc,assignment]  # for the soak only
    began, number, runs, told, steps, unknowable, late, wrong = time.monotonic(), 0, 0, 0, 0, 0, 0, 0
    alarms = 0
    while number < options.programs or time.monotonic() - began < options.minutes * 60:
        seed = options.seed + number
        report = run_program(seed)
        number += 1
        runs, steps, unknowable = runs + report.runs, steps + report.steps, unknowable + report.unknowable
        late, told, alarms = late + report.late, told + report.told, alarms + report.alarms
        found = report.contradictions + differences(seed)
        wrong += len(found)
        for line in found:
            print(f"seed {seed}: {line}", flush=True)
    print(
        f"{number} programs, and as many that run observed and not: {runs} runs, the ends of {told} told by "
        f"LangChain, {steps} steps that noted themselves: {wrong} contradictions; "
        f"{unknowable} steps ended in the moment their caller was cancelled or stopped reading, "
        f"{late} streams were closed by somebody after they had been given up; "
        f"{alarms} were said to run in circles, which none does"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
