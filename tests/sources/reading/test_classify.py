"""Which kind a chain callback speaks of, by what LangGraph and LangChain say in metadata."""

from __future__ import annotations

import pytest

from tracebus.events import RunKind
from tracebus.sources.reading._classify import UNSAID, chain_kind, retry_attempt, run_name

NODE = {"ls_integration": "langgraph", "langgraph_node": "work", "langgraph_checkpoint_ns": "ns:1"}
INSIDE = {**NODE, "checkpoint_ns": "ns:1"}
AGENT = {"ls_integration": "langchain_create_agent", "lc_agent_name": "boss"}


@pytest.mark.parametrize(
    ("run_type", "name", "tags", "metadata", "parent", "kind"),
    [
        (None, "anything", [], {}, None, "chain"),
        ("prompt", "p", [], {}, None, "prompt"),
        ("parser", "p", [], INSIDE, RunKind.NODE, "parser"),
        (UNSAID, "AgentExecutor", [], {}, None, "agent"),
        (UNSAID, "LangGraph", [], {}, None, "graph"),
        (UNSAID, "boss", [], {"ls_integration": "langgraph"}, None, "graph"),
        (UNSAID, "work", ["graph:step:1"], NODE, RunKind.GRAPH, "node"),
        (UNSAID, "team", ["seq:step:1"], INSIDE, RunKind.NODE, "graph"),
        (UNSAID, "team", [], INSIDE, RunKind.TOOL, "graph"),
        (UNSAID, "Prompt", ["seq:step:1"], INSIDE, RunKind.CHAIN, "chain"),  # langgraph's own helper
        (UNSAID, "RunnableSequence", [], INSIDE, RunKind.NODE, "chain"),
        (None, "my_lambda", ["seq:step:1"], INSIDE, RunKind.NODE, "chain"),
        (UNSAID, "boss", [], AGENT, None, "agent"),
        (UNSAID, "calc", [], {**INSIDE, **AGENT, "lc_agent_name": "calc"}, RunKind.TOOL, "agent"),
        (UNSAID, "LangGraph", [], {"ls_integration": "langchain_create_agent"}, None, "agent"),
        (UNSAID, "model", ["graph:step:1"], {**AGENT, "langgraph_node": "model"}, RunKind.AGENT, "node"),
    ],
)
def test_the_kind_of_a_chain(run_type, name, tags, metadata, parent, kind):  # noqa: PLR0917  # a table
    """As measured on langgraph 1.2 and langchain 1.4."""
    assert str(chain_kind(run_type, name, tags, metadata, parent)) == kind


def test_attempts_are_read_from_tags():
    """Only well-formed ones."""
    assert retry_attempt(["a", "retry:attempt:3"]) == 3
    assert retry_attempt(["retry:attempt:x", "retry:"]) is None


def test_names_are_chosen_as_langchain_chooses_them():
    """The given name, the serialised one, the class, or none."""
    assert run_name("given", {"name": "other"}) == "given"
    assert run_name(None, {"name": "other"}) == "other"
    assert run_name(None, {"id": ["langchain", "Thing"]}) == "Thing"
    assert run_name(None, None) == "Unnamed"
