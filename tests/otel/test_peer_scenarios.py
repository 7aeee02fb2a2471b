"""The official instrumentation's own scenarios: which of its facts hold, and which are otherwise on purpose."""

from __future__ import annotations

import pytest

pytest.importorskip("langchain", reason="needs langchain (create_agent) and langgraph")
pytest.importorskip("langgraph", reason="needs langchain (create_agent) and langgraph")

import peer_facts

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("fact", peer_facts.FACTS, ids=lambda fact: f"{fact.of}: {fact.says}")
def test_the_peers_fact_holds_or_is_otherwise_on_purpose(fact):
    """Each fact of the peer's tests holds here, or the table in the documents says what we do instead."""
    assert fact.is_held() is not bool(fact.instead)
