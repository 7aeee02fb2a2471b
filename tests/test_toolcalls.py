"""Which streamed pieces make up one tool call."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebus.toolcalls import StreamedCalls, is_whole_object


def put_together(pieces):
    calls, args = StreamedCalls(), {}
    for index, id_, name, part in pieces:
        if (call := calls.take(index, id_, name, part)) is not None:
            args.setdefault(call.key, []).append(part)
    return [(call.id, call.name, "".join(args[call.key])) for call in calls]


@pytest.mark.parametrize(
    ("how", "pieces"),
    [
        ("the id first, then the index", [(0, "c1", "f", '{"a"'), (0, None, None, ": 1}")]),
        ("id and name every time", [(0, "c1", "f", '{"a"'), (0, "c1", "f", ": 1}")]),
        ("no index, the id every time", [(None, "c1", "f", '{"a"'), (None, "c1", None, ": 1}")]),
        ("no index, the id once", [(None, "c1", "f", '{"a"'), (None, None, None, ": 1}")]),
        ("the id later", [(0, None, "f", '{"a"'), (0, "c1", None, ": 1}")]),
        ("an empty last piece with the name", [(0, "c1", "f", '{"a": 1}'), (0, None, "f", "")]),
        ("name before arguments", [(0, "c1", "f", ""), (0, "c1", "f", '{"a": 1}')]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_call(how, pieces):
    """However a provider repeats things, its one call is one."""
    assert put_together(pieces) == [("c1", "f", '{"a": 1}')]


@pytest.mark.parametrize(
    ("how", "pieces", "ids"),
    [
        ("whole calls under index 0, no ids", [(0, None, "f", '{"a": 1}'), (0, None, "g", '{"b": 2}')], (None, None)),
        ("whole calls under index 0", [(0, "c1", "f", '{"a": 1}'), (0, "c2", "g", '{"b": 2}')], ("c1", "c2")),
        (
            "pieces under index 0, the id on each",
            [(0, "c1", "f", "{"), (0, "c2", "g", "{"), (0, "c1", None, '"a": 1}'), (0, "c2", None, '"b": 2}')],
            ("c1", "c2"),
        ),
        ("no index, no ids, one after the other",
            [(None, None, "f", '{"a"'), (None, None, None, ": 1}"), (None, None, "g", '{"b"'), (None, None, None, ": 2}")],
            (None, None)),
        ("interleaved by index",
            [(1, "c1", "f", "{"), (2, "c2", "g", "{"), (1, None, None, '"a": 1}'), (2, None, None, '"b": 2}')],
            ("c1", "c2")),
        ("one id for all, by index", [(0, "c", "f", '{"a": 1}'), (1, "c", "g", '{"b": 2}')], ("c", "c")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_two_calls(how, pieces, ids):
    """Two calls stay two, whatever tells them apart."""
    assert put_together(pieces) == [(ids[0], "f", '{"a": 1}'), (ids[1], "g", '{"b": 2}')]


def test_the_same_tool_twice_without_ids():
    """A whole call is over: the same name again is another call."""
    found = put_together([(0, None, "f", '{"a": 1}'), (0, None, "f", '{"a": 2}')])
    assert [args for _, _, args in found] == ['{"a": 1}', '{"a": 2}']


def test_what_cannot_be_told_belongs_to_none():
    """Two calls are open and a piece says nothing: it is nobody's, and neither is certain any more."""
    calls = StreamedCalls()
    first, second = calls.take(None, None, "f", '{"a"'), calls.take(None, None, "g", '{"b"')
    assert calls.take(None, None, None, ": 1") is None
    assert not first.certain
    assert not second.certain


def test_every_call_has_a_key_of_its_own():
    """The key is the provider's index where that is free."""
    calls = StreamedCalls()
    keys = [
        calls.take(*piece).key for piece in [(3, "a", "f", "{}"), (3, "b", "f", "{}"), (4, "c", "f", "{}")]
    ]
    assert len(set(keys)) == 3
    assert keys[0] == 3


_arguments = st.dictionaries(st.text(max_size=3), st.text(max_size=4) | st.integers(), max_size=3).map(
    json.dumps
)


@given(st.lists(_arguments, min_size=1, max_size=4), st.sampled_from(["index", "id", "both"]), st.data())
def test_interleaved_calls_come_out_whole(arguments, told_by, data):
    """By index or by id, pieces of calls mixed in any order are put together as they were."""
    queues = [list(args) for args in arguments]
    pieces = []
    while any(queues):
        which = data.draw(st.sampled_from([at for at, queue in enumerate(queues) if queue]))
        index = None if told_by == "id" else which
        id_ = None if told_by == "index" else f"c{which}"
        pieces.append((index, id_, None, queues[which].pop(0)))
    assert sorted(args for _, _, args in put_together(pieces)) == sorted(arguments)


@given(_arguments)
def test_an_object_is_whole_at_its_last_bracket(args):
    """Not before, whatever brackets its strings hold."""
    assert is_whole_object(args)
    assert not is_whole_object(args[:-1])
