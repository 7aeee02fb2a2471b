"""Trees as HTML, as a notebook gets them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.runnables import RunnableLambda
from written_events import History

from tracebus import EventBus, RunState, RunTree, observe
from tracebus._html import ALIKE, DEEPEST, json_html, runs_html
from tracebus.events import RunKind, RunStarted


class Checked(HTMLParser):
    """Collects tags and text; every tag must be closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data


def tree_of(*runs):
    """A tree of (id, parent, name, error) in order."""
    tree, tell = RunTree(), History()
    for number, (run, parent, name, _) in enumerate(runs):
        tree.apply(tell.start(run, parent, at=number / 1000, name=name, inputs=name))
    for number, (run, _, name, error) in enumerate(reversed(runs)):
        failed = f"builtins.ValueError: {error}" if error else None
        tree.apply(tell.end(run, at=1 + number / 1000, error=failed, outputs=name))
    return tree


@given(st.text(), st.text())
def test_whatever_a_program_says_is_text(name, error):
    """Names, errors, inputs and outputs never become markup, whatever stands in them."""
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>" + name
    shown = Checked(tree_of(("a", None, hostile, hostile + error))._repr_html_())
    assert not {"script", "img"} & set(shown.tags)
    assert "<script>" in shown.text


def test_a_finished_tree_is_folded_and_an_error_is_not():
    """What ended well is one line; the way down to what failed is open."""
    assert "<details open" not in runs_html(
        list(tree_of(("a", None, "a", ""), ("b", "a", "b", "")).roots), content=False
    )
    failed = runs_html(list(tree_of(("a", None, "a", "no"), ("b", "a", "b", "no")).roots), content=False)
    assert failed.count("<details open") == 2
    assert failed.count("ValueError: no") == 1  # where it happened, not at everything it passed


def test_many_alike_are_one_row_and_tell_of_failures():
    """A failed tool among sixty is seen without unfolding."""
    runs = [("r", None, "agent", "")] + [(f"t{n}", "r", "tool", "no" if n == 7 else "") for n in range(60)]
    shown = Checked(runs_html(list(tree_of(*runs).roots), content=False)).text
    assert "✗ ≡ tool ×60" in shown  # noqa: RUF001
    assert "59✓" in shown
    assert "1✗" in shown
    assert ALIKE < 60


def test_a_deep_tree_is_cut_and_counted():
    """Thousands of levels neither raise nor vanish in silence."""
    runs = [("0", None, "n", "")] + [(str(n), str(n - 1), "n", "") for n in range(1, 3000)]
    shown = Checked(runs_html(list(tree_of(*runs).roots), content=False)).text
    assert f"{3000 - DEEPEST:,} more runs" in shown


def test_content_is_shown_only_where_asked():
    """A cell's display is kept in the notebook's file: inputs and outputs are in it on request."""
    tree = tree_of(("a", None, "secret-input", ""))
    assert "<pre>" not in runs_html(list(tree.roots), content=False)
    assert "<pre>secret-input</pre>" in tree.get("a")._repr_html_()


def test_what_one_holds_shows_itself():
    """An observed chain shows its last run, a state its document; before the first run there is nothing."""
    bus = EventBus()
    chain = observe(RunnableLambda(lambda x: x + 1, name="adder"), bus=bus)
    assert chain._repr_html_() is None
    chain.invoke(1)
    observe(RunnableLambda(lambda x: x, name="other"), bus=bus).invoke(1)
    assert "adder" in Checked(chain._repr_html_()).text
    assert "other" not in Checked(chain._repr_html_()).text
    state = RunState()
    for event in bus.recent():
        state.apply(event)
    assert "adder" in Checked(state._repr_html_()).text
    bus.close()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_folds(value):
    """Every document is well-formed HTML."""
    Checked(json_html(value, title="x"))


def test_the_bus_gives_what_it_still_holds():
    """Newest events with a gap for those the ring has let go."""
    bus = EventBus(capacity=4)
    for number in range(6):
        bus.publish(
            RunStarted(time=number, run_id=str(number), root_run_id=str(number), kind=RunKind.CHAIN, name="x")
        )
    held = bus.recent()
    assert held[0].missed == 2
    assert [event.run_id for event in held[1:]] == ["2", "3", "4", "5"]
    bus.close()


def test_colours_work_on_light_and_dark():
    """The text takes the page's colour: no background is set."""
    style = re.search(
        r"<style>(.*?)</style>", runs_html(list(tree_of(("a", None, "a", "")).roots), content=False)
    )[1]
    assert "background:#fff" not in style
    assert "body" not in style
    with pytest.raises(AssertionError):
        Checked("<b>")
