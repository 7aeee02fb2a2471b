"""What is cut when there is too much, and that too much costs nothing."""

from __future__ import annotations

import collections.abc
import sys

import msgspec
import numpy as np
import pytest

from tracebus.capture import Capture, snapshot, to_json


def json_of(value, **arguments):
    result, cuts = to_json(value, Capture(**arguments), "/inputs")
    return result, [(cut.path, cut.reason, cut.size) for cut in cuts]


def test_long_strings_are_shortened_visibly():
    """A string keeps its beginning and ends in an ellipsis; its length is noted."""
    value, cuts = json_of({"a": "x" * 100}, max_string=10)
    assert value == {"a": "x" * 9 + "…"}
    assert cuts == [("/inputs/a", "length", 100)]
    assert json_of("x" * 10, max_string=10) == ("x" * 10, [])


def test_long_containers_keep_their_first_items():
    """Lists and objects are shortened and their sizes noted."""
    value, cuts = json_of({"a": list(range(20)), "b": dict.fromkeys("abcdef", 1)}, max_items=3)
    assert value == {"a": [0, 1, 2], "b": {"a": 1, "b": 1, "c": 1}}
    assert cuts == [("/inputs/a", "items", 20), ("/inputs/b", "items", 6)]


def test_deep_nesting_is_cut():
    """Containers nested too deeply are described, not entered."""
    value: list = []
    for _ in range(10_000):
        value = [value]
    result, cuts = json_of(value, max_depth=3)
    assert result == [[["<list of 1 items>"]]]
    assert cuts == [("/inputs/0/0/0", "depth", 1)]


def test_the_deepest_policy_needs_no_recursion_to_spare():
    """At the greatest depth allowed there is room left on the interpreter's stack."""
    value: dict = {}
    for _ in range(10_000):
        value = {"a": [value]}

    def low_on_stack(frames):
        return low_on_stack(frames - 1) if frames else json_of(value, max_depth=100)

    result, cuts = low_on_stack(sys.getrecursionlimit() // 3)
    assert [reason for _, reason, _ in cuts] == ["depth"]
    assert msgspec.json.decode(msgspec.json.encode(result)) == result


def test_no_stack_left_costs_the_payload_only():
    """Where the interpreter's stack runs out, the payload is noted as unserialisable."""
    value: list = []
    for _ in range(90):
        value = [value]

    def to_the_bottom():
        try:
            return to_the_bottom()
        except RecursionError:
            return to_json(value, Capture(max_depth=100), "/inputs")

    _, cuts = to_the_bottom()
    assert {cut.reason for cut in cuts} <= {"unserialisable", "depth"}


def test_the_whole_payload_has_a_budget():
    """When the budget is used up, every container that lost something says so."""
    value, cuts = json_of({"a": ["x" * 50] * 10, "b": "y"}, max_size=120)
    assert len(value["a"]) < 10
    assert "b" not in value
    assert {(path, reason) for path, reason, _ in cuts if path.count("/") <= 2} == {
        ("/inputs/a", "size"),
        ("/inputs", "size"),
    }


@pytest.mark.parametrize(
    "value",
    [
        ["\x00" * 1_000] * 1_000,
        [["é" * 10] * 100] * 100,
        {f"\x01{n}" * 50: n for n in range(1_000)},
        [2**64 - 1] * 1_000,
        [[2**64 - 1] * 1_000] * 1_000,
        [-1.2345678901234567e-300] * 1_000,
        [[[[[[]] * 50] * 50] * 50] * 50] * 50,
        [[{"": {}}] * 500] * 500,
        ["\U0001f600" * 100] * 1_000,
        [b""] * 1_000,
    ],
    ids=range(10),
)
@pytest.mark.parametrize("size", [1, 100, 5_000, 100_000])
def test_the_encoded_size_is_bounded(value, size):
    """Six bytes for each character allowed, plus some kilobytes, hold whatever the payload is."""
    result, cuts = json_of(value, max_size=size)
    bound = 6 * size + 4_096
    assert len(msgspec.json.encode(result)) <= bound
    assert len(msgspec.msgpack.encode(result)) <= bound
    assert len(cuts) <= 101


def test_the_list_of_cuts_is_bounded():
    """After a hundred cuts one more says how many there were."""
    _, cuts = json_of([b"x"] * 1_000)
    assert len(cuts) == 101
    assert cuts[-1] == ("/cuts", "items", 1_000)


def test_pointers_into_long_keys_stay_short():
    """A long key is shortened, and a very long pointer names the nearest ancestor instead."""
    value: object = b"x"
    for _ in range(20):
        value = {"k" * 200: value}
    result, cuts = json_of(value)
    assert "k" * 200 in result
    assert all(len(path) <= 1_024 for path, _, _ in cuts)
    assert cuts[-1][1] == "binary"
    result, cuts = json_of({"k" * 1_000: 1})
    assert [len(key) for key in result] == [256]
    assert cuts[0][1:] == ("length", 1_000)


class Counted(collections.abc.Sequence):
    """A sequence that counts how often it was asked."""

    def __init__(self, size, make):
        self.size, self.make, self.asked = size, make, 0

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        self.asked += 1
        return self.make(index)


def test_of_a_huge_sequence_only_the_beginning_is_asked_for():
    """The work is bounded by what is kept, not by what is there."""
    huge = Counted(10**12, lambda index: index)
    value, cuts = json_of(huge, max_items=50)
    assert value == list(range(50))
    assert cuts == [("/inputs", "items", 10**12)]
    assert huge.asked <= 51


def test_a_tree_without_end_is_bounded_by_the_budget():
    """Each level a thousand items, each item again a thousand: the budget ends it."""
    asked = []

    def endless(index):
        asked.append(index)
        return Counted(10**6, endless)

    value, cuts = json_of(Counted(10**6, endless), max_size=10_000, max_items=10, max_depth=100)
    assert isinstance(value, list)
    assert cuts
    assert len(asked) <= 40_000


def test_an_infinite_iterable_ends():
    """A collection that never stops yielding is cut like a long one."""

    class Endless(collections.abc.Sequence):
        def __len__(self):
            raise OverflowError

        def __getitem__(self, index):
            return 1

    assert json_of(Endless(), max_items=5)[0] == [1] * 5


def test_of_a_huge_array_only_the_beginning_is_converted():
    """A billion numbers, none of which exists in memory, are not converted to be thrown away."""
    huge = np.broadcast_to(np.float64(0.5), (1_000_000_000,))
    value, cuts = json_of(huge, max_items=5)
    assert value == [0.5] * 5
    assert cuts == [("/inputs", "items", 1_000_000_000)]
    wide = np.broadcast_to(np.int8(1), (100_000, 100_000))
    value, cuts = json_of(wide, max_items=2)
    assert value == [[1, 1], [1, 1]]
    assert cuts[-1] == ("/inputs", "items", 100_000)


def test_many_secrets_in_one_text_are_found_in_linear_work():
    """Text made to be hard for the patterns is got through (the suite's timeout is the witness)."""
    for hard in (
        '"',
        "'",
        '\\"',
        "a=",
        "?a=",
        '"a":',
        '{"password":',
        "://a:",
        "authorization:",
        "-",
        '"a":"\\',
    ):
        value, _ = json_of(hard * 30_000)
        assert isinstance(value, str)


def test_a_snapshot_shortens_only_what_the_policy_would():
    """What the hot path left out is noted like everything else."""
    value, cuts = json_of({"a": snapshot(list(range(5_000)))}, max_items=2_000)
    assert len(value["a"]) == 1_000
    assert cuts == [("/inputs/a", "items", 5_000)]
