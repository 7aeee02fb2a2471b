from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tui_support import story

from tracebus.tree import RunTree
from tracebus_tui.model import FilterError, parse_filter


@pytest.fixture(scope="module")
def nodes():
    tree = RunTree()
    for event in story():
        tree.apply(event)
    return [node for root in tree.roots for node in root.walk()]


def hits(nodes, text):
    test = parse_filter(text, pinned=lambda node: node.run_id == "node")
    return {node.run_id for node in nodes if test is None or test(node)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind:tool", {"lookup"}),
        ("kind:model", {"chat", "talk"}),
        ("status:error", {"lookup", "broken"}),
        ("status:running", {"live", "talk"}),
        ("status:interrupted", {"graph"}),
        ("name:~^l.*p$", {"lookup"}),
        ("tokens:>1000", {"agent", "chat"}),
        ("tokens:>1k kind:model", {"chat"}),
        ("took:>3s", {"agent"}),
        ("took:<=500ms kind:retriever", {"search"}),
        ("ttft:<1s kind:model", {"chat", "talk"}),
        ("tag:prod", {"agent"}),
        ("model:gpt", {"chat", "talk"}),
        ("error:depot", {"lookup"}),
        ("depot", {"lookup"}),
        ("LOOK", {"lookup"}),
        ("run:item1", {"item1"}),
        ('text:"is late"', {"chat"}),
        ("kind:tool | kind:retriever", {"lookup", "search"}),
        ("!status:ok !status:running !status:error", {"graph"}),
        ("is:retried kind:tool", {"lookup"}),
        ("is:pinned", {"node"}),
        ("is:batch", {"item0", "item1", "item2"}),
    ],
)
def test_the_language(nodes, text, expected):
    """Fields, comparisons, regular expressions, quotation, negation, and, or."""
    assert hits(nodes, text) == expected


def test_nothing_is_no_filter():
    """Blank text asks for nothing."""
    assert parse_filter("  ") is None


@pytest.mark.parametrize("text", ["kund:tool", "tokens:>many", "took:>late", "name:~(", "is:purple"])
def test_what_makes_no_sense_is_said(text):
    """A wrong field, number or expression is named with what would be right."""
    with pytest.raises(FilterError, match=r"field|number|expression|known"):
        parse_filter(text)


@pytest.mark.parametrize("text", ["tokens:", "tokens:>", "kind:", '"half', "!", "status:err"])
def test_a_filter_that_is_being_typed_is_no_error(nodes, text):
    """Every prefix of a filter can be applied, and finds none but the runs there are."""
    assert set(hits(nodes, text)) <= set(hits(nodes, ""))


@given(st.text(max_size=30))
def test_no_text_breaks_it(text):
    """Whatever is typed is a filter or a `FilterError`."""
    with contextlib.suppress(FilterError):
        found = parse_filter(text)
        assert found is None or callable(found)
