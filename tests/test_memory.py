"""How much memory plain JSON is taken to take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracebus.memory import bytes_of

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


def letters(value):
    """Return how many characters the texts in *value* have."""
    if isinstance(value, str):
        return len(value)
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(letters, inside))


@given(json)
def test_every_text_counts_and_every_container_once(value):
    """At least by its letters; what was seen before only as a place in a list."""
    seen = set()
    assert bytes_of([value], seen) >= letters(value)
    again = bytes_of([value], seen)
    assert again == (bytes_of([[]], set()) if isinstance(value, dict | list) else bytes_of([value], set()))


def test_a_huge_payload_is_not_looked_through():
    """Lists of lists without end cost nobody time: what was looked at counts."""
    deep = inner = []
    for _ in range(10_000):
        inner.append([])
        inner = inner[0]
    inner.append(deep)  # a cycle, too
    assert bytes_of([deep], set()) < 1_000_000


def test_long_lists_count_by_their_items():
    """Also where they are longer than what is looked through."""
    assert bytes_of([[1.5] * 100_000], set()) > 1_000_000
