"""What is a count of tokens, wherever it comes from."""

from __future__ import annotations

import pytest

from tracebus.tokens import token_count


@pytest.mark.parametrize("count", [0, 7, 10**12])
def test_a_count_stays_as_it_is(count):
    """Nothing used is a count, too."""
    assert token_count(count) == count


@pytest.mark.parametrize("odd", [10**12 + 1, 2**63, -1, True, False, 1.5, float("nan"), "7", None, [7]])
def test_what_counts_no_tokens_is_none(odd):
    """A flag is an `int` to Python and no count of anything."""
    assert token_count(odd) is None
