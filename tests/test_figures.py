"""Figures short enough for a column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebus import figures


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0µs"),
        (0.00085, "850µs"),
        (0.0012, "1.2ms"),
        (0.012, "12ms"),
        (0.39, "0.39s"),
        (9.994, "9.99s"),
        (9.996, "10.0s"),
        (41.2, "41.2s"),
        (185, "3m05s"),
        (7500, "2h05m"),
    ],
)
def test_durations_change_unit_with_size(seconds, shown):
    """Each size of duration is shown in the unit one reads it in."""
    assert figures.duration(seconds) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (97, "97"),
        (999, "999"),
        (1234, "1.2k"),
        (9950, "10k"),
        (129_400, "129k"),
        (999_600, "1.0M"),
        (1.5e9, "1.5G"),
    ],
)
def test_counts_are_rounded_to_two_or_three_digits(number, shown):
    """Large counts lose digits, never their size."""
    assert figures.count(number) == shown


@pytest.mark.parametrize(
    ("cost", "shown"),
    [
        (0, "$0"),
        (0.00001, "<$0.0001"),
        (0.0003, "$0.0003"),
        (0.034, "$0.034"),
        (1.87, "$1.87"),
        (1520.4, "$1520"),
    ],
)
def test_money_never_looks_free_when_it_is_not(cost, shown):
    """Only what costs nothing is shown as nothing."""
    assert figures.dollars(cost) == shown


@given(st.floats(0, 359_000), st.integers(0, 10**11))
def test_figures_fit_their_columns(seconds, number):
    """Durations up to a hundred hours take seven cells, counts up to a hundred billion four."""
    assert len(figures.duration(seconds)) <= 7
    assert len(figures.count(number)) <= 4
