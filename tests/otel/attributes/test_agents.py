"""Agents and workflows: what they are called, what is known of them, what they answered."""

from __future__ import annotations

import json

import pytest

from tracebus.events import ModelInfo, TokenUsage

_TOOLS = [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {}}}]


def _messages(*pairs):
    return {"messages": [{"type": kind, "content": text} for kind, text in pairs]}


def _agent(story, name="LangGraph", parent=None, **metadata):
    return story.start(
        "agent", name, parent, metadata={"ls_integration": "langchain_create_agent", **metadata}
    )


@pytest.mark.parametrize("name", ["LangGraph", "AgentExecutor"])
def test_a_class_name_is_no_agents_name(story, recorded, name):
    """An agent nobody named is `invoke_agent`, and its tools name no agent either."""
    agent = _agent(story, name)
    story.end(story.start("tool", "look", agent))
    story.end(agent)
    spans = recorded(story.events)
    assert set(spans) == {"invoke_agent", "execute_tool look"}
    for span in spans.values():
        assert "gen_ai.agent.name" not in span.attributes


def test_an_agents_own_name_wins_over_the_runs(story, recorded):
    """`run_name` names this run; the agent is who it was."""
    story.end(_agent(story, "step1", lc_agent_name="planner"))
    span = recorded(story.events)["invoke_agent planner"]
    assert span.attributes["gen_ai.agent.name"] == "planner"
    assert span.attributes["langchain.run.name"] == "step1"


def test_the_programs_metadata_names_and_describes(story, recorded):
    """`agent_name`, `agent_description` and `workflow_name` in the metadata are what the program says."""
    agent = _agent(story, "planner", lc_agent_name="planner", agent_name="atlas", agent_description="Plans.")
    story.end(
        story.start("tool", "look", agent, metadata={"agent_name": "atlas", "agent_description": "Plans."})
    )
    story.end(agent)
    flow = story.start("graph", "LangGraph", metadata={"workflow_name": "nightly"})
    story.end(story.start("graph", "inner", flow, metadata={"workflow_name": "nightly"}))
    story.end(flow)
    spans = recorded(story.events)
    assert set(spans) == {
        "invoke_agent atlas", "execute_tool look", "invoke_workflow nightly", "invoke_workflow inner",
    }  # fmt: skip
    assert spans["invoke_agent atlas"].attributes["gen_ai.agent.description"] == "Plans."
    assert spans["execute_tool look"].attributes["gen_ai.agent.name"] == "atlas"


def test_what_a_run_inherits_is_said_of_another(story, recorded):
    """LangChain hands metadata down: an inner agent is not called what the outer one is."""
    outer = _agent(story, "LangGraph", lc_agent_name="outer", agent_name="renamed")
    inherited = {"lc_agent_name": "outer", "agent_name": "renamed"}
    tool = story.start("tool", "ask", outer, metadata=inherited)
    named = _agent(story, "inner", tool, **{**inherited, "lc_agent_name": "inner"})
    story.end(named)
    nameless = _agent(story, "LangGraph", tool, **inherited)
    story.end(story.start("tool", "look", nameless, metadata=inherited))
    story.end(nameless)
    story.end(tool)
    story.end(outer)
    spans = recorded(story.events)
    assert set(spans) == {
        "invoke_agent renamed", "execute_tool ask", "invoke_agent inner", "invoke_agent", "execute_tool look",
    }  # fmt: skip
    assert "gen_ai.agent.name" not in spans["execute_tool look"].attributes


def test_a_chain_the_program_calls_an_agent_is_one(story, recorded):
    """`metadata["agent_name"]` makes a chain or a graph an agent; steps inside inherit the word alone."""
    said = {"agent_name": "router"}
    root = story.start("chain", "RunnableSequence", metadata=said)
    story.end(story.start("chain", "step", root, metadata=said))
    story.end(root)
    spans = recorded(story.events, openinference=True)
    assert set(spans) == {"invoke_agent router", "step"}
    assert spans["invoke_agent router"].attributes["openinference.span.kind"] == "AGENT"


def test_a_run_can_be_left_out(story, recorded):
    """`metadata["otel_trace"] = False` makes no span of a run and of those that inherit it; the tree holds."""
    root = story.start("graph", "desk")
    hidden = story.start("chain", "secret", root, metadata={"otel_trace": False})
    story.model(hidden, metadata={"otel_trace": False})
    story.end(story.start("tool", "look", hidden, metadata={"otel_trace": True}))
    story.end(hidden)
    story.end(root)
    spans = recorded(story.events)
    assert set(spans) == {"invoke_workflow desk", "execute_tool look"}
    assert spans["execute_tool look"].parent.span_id == spans["invoke_workflow desk"].context.span_id


def test_a_workflow_has_its_name_in_both_attributes(story, recorded):
    """v0.1.0 calls it `gen_ai.agent.name`; the old name stays beside it; OpenInference's agents stay agents."""
    story.end(story.start("graph", "desk"))
    span = recorded(story.events, openinference=True)["invoke_workflow desk"]
    assert span.attributes["gen_ai.agent.name"] == span.attributes["gen_ai.workflow.name"] == "desk"
    assert "agent.name" not in span.attributes
    before = recorded(story.events, semconv="1.41")["invoke_workflow desk"].attributes
    assert "gen_ai.agent.name" not in before
    assert before["gen_ai.workflow.name"] == "desk"


def _asked(story, agent, model="gpt-5", reason="stop", **parameters):
    run = story.start(
        "chat_model", "M", agent, model=ModelInfo(provider="openai", name=model, parameters=parameters),
        inputs=_messages(("system", "Be kind."), ("human", "hi")),
    )  # fmt: skip
    story.end(run, finish_reasons=(reason,), usage=TokenUsage(input_tokens=3, output_tokens=2))


def test_an_agents_own_calls_tell_of_it(story, recorded):
    """Model, instructions, tools and finish reasons of an agent are those of its own calls, not a sub-agent's."""
    agent = _agent(story, "guide")
    _asked(story, agent, reason="tool_calls", temperature=0.5, seed=1, tools=_TOOLS)
    inner = _agent(story, "inner", agent)
    _asked(story, inner, "small", reason="length")
    story.end(inner)
    _asked(story, agent, temperature=0.5, seed=2, tools=_TOOLS)
    story.end(agent, outputs=_messages(("human", "hi"), ("ai", "Hello.")))
    spans = recorded(story.events, content=True)
    found = spans["invoke_agent guide"].attributes
    assert found["gen_ai.request.model"] == "gpt-5"
    assert found["gen_ai.request.temperature"] == 0.5
    assert "gen_ai.request.seed" not in found  # two calls, two seeds
    assert found["gen_ai.response.finish_reasons"] == ("stop",)
    assert json.loads(found["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be kind."}]
    (tool,) = json.loads(found["gen_ai.tool.definitions"])
    assert (tool["name"], tool["description"]) == ("look", "Looks.")
    assert spans["invoke_agent inner"].attributes["gen_ai.request.model"] == "small"
    bare = recorded(story.events)["invoke_agent guide"].attributes
    assert not {"gen_ai.system_instructions", "gen_ai.tool.definitions"} & bare.keys()


def test_an_agent_of_several_models_names_none(story, recorded):
    """The conventions want a model on an agent only where there is one."""
    agent = _agent(story, "guide")
    _asked(story, agent, "large")
    _asked(story, agent, "small")
    story.end(agent)
    assert "gen_ai.request.model" not in recorded(story.events)["invoke_agent guide"].attributes


@pytest.mark.parametrize("kind", ["agent", "graph"])
def test_the_output_is_what_was_answered(story, recorded, kind):
    """Of a state that holds the whole conversation the last message is the answer."""
    history = _messages(("human", "Which bus?"), ("ai", ""), ("tool", "N7"), ("ai", "Take the N7."))
    run = story.start(kind, "guide", inputs=_messages(("human", "Which bus?")))
    story.end(run, outputs={**history, "structured_response": {"line": "N7"}})
    (span,) = recorded(story.events, content=True).values()
    assert json.loads(span.attributes["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Take the N7."}], "finish_reason": ""}
    ]


def test_one_failure_is_one_event(story, logged):
    """An exception is told where it happened, and not again by what it passed; a new one is told again."""
    root = story.start("graph", "desk")
    agent = _agent(story, "guide", root)
    step = story.start("chain", "step", agent)
    model = story.model(step, ended=False)
    for run in (model, step, agent, root):
        story.fail(run, "reset", "ConnectionError")
    records, _ = logged(story.events)
    told = [record.event_name for record in records if "exception" in record.event_name]
    assert told == ["gen_ai.client.inference.exception"]


def test_what_was_raised_because_of_it_is_the_same_failure(story, logged):
    """An exception raised from another is one failure with it; two attempts that failed are two."""
    root = story.start("graph", "desk")
    for _ in range(2):
        story.fail(story.start("tool", "look", root), "closed", "OSError")
    story.fail(root, "no answer", "RuntimeError", "OSError: closed\n\nThe above…\nRuntimeError: no answer")
    records, _ = logged(story.events)
    assert [record.event_name for record in records] == ["gen_ai.execute_tool.exception"] * 2


def test_a_failure_of_its_own_is_told_all_the_same(story, logged):
    """A workflow that survives its tool's failure and fails itself later has two events."""
    root = story.start("graph", "desk")
    story.fail(story.start("tool", "look", root), "closed", "OSError")
    step = story.start("chain", "step", root)
    story.fail(step, "too deep", "RecursionError", "RecursionError: too deep")
    story.fail(root, "too deep", "RecursionError", "RecursionError: too deep")
    records, _ = logged(story.events)
    assert [(r.event_name, r.attributes["exception.message"]) for r in records] == [
        ("gen_ai.execute_tool.exception", "closed"),
        ("gen_ai.client.operation.exception", "too deep"),
    ]
