from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonpatch
import jsonpointer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracebus.runstate import PatchError, apply, escape, pointer, split_pointer

SUITE = Path(__file__).parents[2].parent / "shared" / "data" / "json-patch-tests"


needs_recent_jsonpatch = pytest.mark.skipif(
    not hasattr(jsonpatch, "JsonPatchWithAppend"),
    reason="needs jsonpatch 1.47: earlier ones know no append and index into strings",
)


def official_cases():
    for name in ("tests.json", "spec_tests.json"):
        path = SUITE / name
        if not path.exists():
            reason = f"needs the official suite, {name}, in ../shared/data/json-patch-tests"
            yield pytest.param({}, marks=pytest.mark.skip(reason=reason), id=name)
            continue
        for number, case in enumerate(json.loads(path.read_text())):
            if not case.get("disabled"):
                yield pytest.param(case, id=f"{name}-{number}")


@pytest.mark.parametrize("case", list(official_cases()))
def test_the_official_suite(case):
    """Every case of json-patch-tests comes out as it says; a failing one leaves the document alone."""
    document = copy.deepcopy(case["doc"])
    if "expected" in case:
        assert typed(apply(document, case["patch"])) == typed(case["expected"])
    elif "error" in case:
        with pytest.raises(PatchError):
            apply(document, case["patch"])
        assert typed(document) == typed(case["doc"])
    else:
        apply(document, case["patch"])


def typed(value):
    """JSON tells `true` from `1`; Python's `==` does not."""
    return json.dumps(value, sort_keys=True)


_leaf = st.none() | st.booleans() | st.integers(0, 3) | st.text(alphabet="a/~0-é", max_size=2)
_json = st.recursive(
    _leaf,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(alphabet="a/~0-é", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
_token = st.sampled_from(("a", "", "0", "1", "2", "-", "~", "/", "00", "é", "a/", "-1", "1e0"))
_path = st.lists(_token, max_size=3).map(lambda tokens: pointer(*tokens))
_plain = st.fixed_dictionaries({"op": st.sampled_from(("add", "replace")), "path": _path, "value": _json})
_remove = st.fixed_dictionaries({"op": st.just("remove"), "path": _path.filter(bool)})
_moving = st.fixed_dictionaries({"op": st.sampled_from(("move", "copy")), "path": _path, "from": _path})
_test = st.fixed_dictionaries({"op": st.just("test"), "path": _path, "value": _json})


@needs_recent_jsonpatch
@settings(max_examples=200)
@given(_json, st.lists(_plain | _remove, max_size=4))
def test_own_operations_agree_with_jsonpatch_and_fail_without_a_trace(document, operations):
    """The fast path gives what the reference implementation gives, and all or nothing."""
    before = typed(document)
    order = list(document) if isinstance(document, dict) else None
    try:
        expected = jsonpatch.apply_patch(document, operations)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError):
        with pytest.raises(PatchError):
            apply(document, operations)
        assert typed(document) == before
        assert order is None or list(document) == order
    else:
        assert typed(apply(document, operations)) == typed(expected)


@settings(max_examples=100)
@given(_json, st.lists(_plain | _remove | _moving | _test, max_size=4))
def test_any_failure_leaves_the_document_alone(document, operations):
    """With foreign operations too, a patch that fails has not happened."""
    before = typed(document)
    try:
        apply(document, operations)
    except PatchError:
        assert typed(document) == before


def test_the_caller_s_object_is_changed_in_place():
    """No copy of the document is made, and the object handed in is the one handed back."""
    document = {"runs": {"a": {"text": []}}}
    inner = document["runs"]["a"]["text"]
    assert apply(document, [{"op": "add", "path": "/runs/a/text/-", "value": "x"}]) is document
    assert inner == ["x"]


def test_foreign_operations_keep_the_caller_s_object():
    """A `move` changes the document handed in as well."""
    document = {"a": 1}
    assert apply(document, [{"op": "move", "from": "/a", "path": "/b"}]) is document
    assert document == {"b": 1}


def test_values_are_not_shared():
    """Applying one patch to two documents gives two documents."""
    operations = [{"op": "add", "path": "/list", "value": [{"n": []}]}]
    first, second = apply({}, operations), apply({}, operations)
    first["list"][0]["n"].append(1)
    assert second == {"list": [{"n": []}]}
    assert operations[0]["value"] == [{"n": []}]


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"op": "add", "path": "/a/b/c", "value": 1}, "operation 1 ('add' at '/a/b/c')"),
        ({"op": "add", "path": "/a/b/c", "value": 1}, "the object has no member 'b'"),
        ({"op": "replace", "path": "/l/9", "value": 1}, "the array has no index 9 (it ends at 1)"),
        ({"op": "replace", "path": "/l/01", "value": 1}, "'01' is no array index"),
        ({"op": "remove", "path": "/l/²"}, "'²' is no array index"),
        ({"op": "add", "path": "x", "value": 1}, "a JSON Pointer is empty or starts with '/'"),
        ({"op": "add", "path": "/~2", "value": 1}, "'~' is written '~0'"),
        ({"op": "add", "path": "/s/x", "value": 1}, "but a string"),
        ({"op": "add", "path": "/a"}, "the member 'value' is missing"),
        ({"op": "add", "path": None, "value": 1}, "'path' is a JSON Pointer, a string, not null"),
        ({"op": "grow", "path": "/a", "value": 1}, "not 'grow'"),
        ({"op": "append", "path": "/s", "value": "x"}, "append=True"),
        ({"op": "test", "path": "/s", "value": "x"}, "operation 1 ('test' at '/s')"),
        ({"op": ["unhashable"], "path": "/s"}, "is one of add, remove"),
        ("add", "an operation is a JSON object"),
    ],
)
def test_errors_name_the_operation_the_path_and_the_reason(operation, message):
    """Whoever reads the message knows which operation failed, where, and why."""
    document = {"a": {}, "l": [1, 2], "s": "text"}
    with pytest.raises(PatchError) as caught:
        apply(document, [{"op": "add", "path": "/new", "value": 1}, operation])
    assert message in str(caught.value)
    assert caught.value.index == 1
    assert document == {"a": {}, "l": [1, 2], "s": "text"}


def test_a_removed_member_comes_back_where_it_stood():
    """Undoing a removal keeps the order of the members."""
    document = {"a": 1, "b": 2, "c": 3}
    with pytest.raises(PatchError):
        apply(document, [{"op": "remove", "path": "/a"}, {"op": "remove", "path": "/nowhere"}])
    assert list(document) == ["a", "b", "c"]


@needs_recent_jsonpatch
def test_append_extends_a_string_where_allowed():
    """The extension agrees with jsonpatch's own."""
    operations = [{"op": "append", "path": "/t/0", "value": "lo"}]
    document = {"t": ["Hel"]}
    assert apply(document, operations, append=True) == {"t": ["Hello"]}
    assert jsonpatch.JsonPatchWithAppend(operations).apply({"t": ["Hel"]}) == {"t": ["Hello"]}


@needs_recent_jsonpatch
def test_append_beside_foreign_operations():
    """A mixed patch goes through jsonpatch and still understands the extension."""
    operations = [
        {"op": "test", "path": "/t", "value": "a"},
        {"op": "append", "path": "/t", "value": "b"},
    ]
    assert apply({"t": "a"}, operations, append=True) == {"t": "ab"}


def test_append_to_something_else_fails_without_a_trace():
    """Only strings grow by strings."""
    document = {"t": [1]}
    with pytest.raises(PatchError, match="extends a string by a string, not a number by a string"):
        apply(document, [{"op": "append", "path": "/t/0", "value": "x"}], append=True)
    assert document == {"t": [1]}


@given(st.lists(st.text(max_size=5), max_size=4))
def test_pointers_round_trip(tokens):
    """Any member's name survives being written into a pointer and read back."""
    assert split_pointer(pointer(*tokens)) == tuple(tokens)


def test_escape_is_rfc_6901_s():
    """`~` first, so that an escaped slash is not escaped again."""
    assert escape("a/b~c~1") == "a~1b~0c~01"
