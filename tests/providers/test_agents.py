"""Real clients in agents: v3 streams, and middleware that asks models of its own."""

from __future__ import annotations

import anthropic_wire
import openai_wire
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from wire import as_json

from tracebus import RunTree, observe
from tracebus.events import RunKind, TokenUsage

agents = pytest.importorskip("langchain.agents", reason="needs langchain")
middleware = pytest.importorskip("langchain.agents.middleware")

pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")

QUESTION = {"messages": [("user", "hi")]}


@tool
def look(q: str) -> str:
    """Look up."""
    return f"found {q}"


def models_of(watch):
    return [watch.ends[run.run_id] for run in watch.started if run.kind is RunKind.CHAT_MODEL]


# -- v3 ----------------------------------------------------------------------------------------------


def script_openai(server):
    server.script(
        openai_wire.chat_stream(
            *openai_wire.tool_deltas([("c1", "look", ['{"q"', ': "bus"}'])]), used=openai_wire.usage(10, 5)
        ),
        openai_wire.chat_stream(*openai_wire.text_deltas("At ", "noon."), used=openai_wire.usage(20, 6)),
    )


def script_anthropic(server):
    first, last = anthropic_wire.usage(10, 1), anthropic_wire.usage(10, 5)
    server.script(
        anthropic_wire.stream(
            anthropic_wire.tool_block(0, "look", "c1", '{"q"', ': "bus"}'),
            stop="tool_use",
            start_usage=first,
            end_usage=last,
        ),
        anthropic_wire.stream(
            anthropic_wire.text_block(0, "At ", "noon."),
            start_usage=anthropic_wire.usage(20, 1),
            end_usage=anthropic_wire.usage(20, 6),
        ),
    )


@pytest.mark.skipif(
    not hasattr(BaseChatModel, "_chat_model_stream_v3"), reason="needs a langchain-core with v3 streams (1.4)"
)
@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_an_agent_streamed_by_v3(  # noqa: PLR0917 -- what is compared
    watch, server, openai_model, anthropic_model, provider, asynchronous
):
    """Text and arguments once, tokens of every call, the model that answered."""
    model = openai_model(stream_usage=True) if provider == "openai" else anthropic_model()
    (script_openai if provider == "openai" else script_anthropic)(server)
    agent = observe(agents.create_agent(model, [look], name="desk"), bus=watch.bus)
    if asynchronous:
        stream = await agent.astream_events(QUESTION, version="v3")
        assert (await stream.output())["messages"][-1].text == "At noon."
    else:
        assert agent.stream_events(QUESTION, version="v3").output["messages"][-1].text == "At noon."
    await watch.await_until_all_ended(runs=6)
    first, second = models_of(watch)
    assert (first.usage.input_tokens, first.usage.output_tokens) == (10, 5)
    assert (second.usage.input_tokens, second.usage.output_tokens) == (20, 6)
    wire = openai_wire if provider == "openai" else anthropic_wire
    assert {end.model.name for end in (first, second)} == {wire.MODEL}
    tree = RunTree()
    for event in watch.events:
        tree.apply(event)
    calling, answering = (tree.get(end.run_id) for end in (first, second))
    assert [(call.name, call.args) for call in calling.tool_calls] == [("look", '{"q": "bus"}')]
    assert answering.text == "At noon."
    assert watch.run("look").inputs == {"q": "bus"}


def test_input_tokens_of_an_anthropic_stream_that_stand_in_its_first_event_only(
    watch, server, anthropic_model
):
    """LangChain's message says them, or nobody does: never 0."""
    events = anthropic_wire.events(
        anthropic_wire.text_block(0, "Noon."), start_usage=anthropic_wire.usage(25, 1)
    )
    for event in events:
        if event["type"] == "message_delta":
            event["usage"] = {"output_tokens": 7}
    server.script(anthropic_wire.as_events(events, named=True))
    list(observe(anthropic_model(), bus=watch.bus).stream("When?"))
    (end,) = models_of(watch.check())
    assert end.usage.output_tokens == 7
    assert end.usage.input_tokens in (25, None)


def test_two_choices_of_a_stream(watch, server, openai_model):
    """LangChain's pieces do not say whose they are: one text; but each choice's reason, and usage once."""
    chunk = openai_wire.chat_chunk
    pieces = [
        chunk({"content": text}, index=index)
        for text, index in (("At", 0), ("No", 1), (" noon", 0), ("pe", 1))
    ]
    ends = [chunk({}, index=0, finish="stop"), chunk({}, index=1, finish="length")]
    server.script(openai_wire.chat_stream(*pieces, *ends, used=openai_wire.usage(19, 10)))
    list(observe(openai_model(n=2, stream_usage=True), bus=watch.bus).stream("When?"))
    (end,) = models_of(watch.check())
    assert watch.started[0].model.parameters["n"] == 2
    assert [message["content"] for message in end.outputs["messages"]] == ["AtNo noonpe"]  # and two reasons
    assert end.finish_reasons == ("stop", "length")
    assert end.model.name == openai_wire.MODEL
    assert (end.usage.input_tokens, end.usage.output_tokens) == (19, 10)


# -- decisions ---------------------------------------------------------------------------------------


def decided(*answers):
    """Answer a request for decisions."""
    used = {"input_tokens": 120, "output_tokens": 4}
    said = {"model": "gpt-decides-1", "answers": list(answers), "usage": used}
    return as_json(said, x_request_id="req_7")


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_openai_s_decisions_are_a_model_run(watch, server, openai_model, asynchronous):
    """The real client, on its own wire: usage and the request's id, no LangSmith needed."""
    decisions = pytest.importorskip(
        "langchain_openai.decisions", reason="needs a langchain-openai with decisions"
    )
    server.script(decided({"name": "urgent", "type": "predicate", "probability": 0.9}))
    asks = openai_model(decisions.OpenAIDecisions, model="gpt-decides")
    asked = {"input": "Help!", "questions": {"urgent": decisions.Predicate(instructions="Is it urgent?")}}
    observed = observe(asks, bus=watch.bus)
    answer = await observed.ainvoke(asked) if asynchronous else observed.invoke(asked)
    assert answer.answers["urgent"].probability == 0.9
    run = watch.check().started[0]
    assert (run.kind, run.model.provider, run.model.name) == (RunKind.CHAT_MODEL, "openai", "gpt-decides")
    assert run.inputs["questions"]["urgent"]["instructions"] == "Is it urgent?"
    (end,) = models_of(watch)
    assert end.usage == TokenUsage(input_tokens=120, output_tokens=4, total_tokens=124)
    assert (end.model.name, end.response_id) == ("gpt-decides-1", "req_7")
    assert end.outputs["answers"]["urgent"]["probability"] == 0.9


def classifier(answer):
    """Return a decision model of langchain-core's that always answers *answer*."""
    decisions = pytest.importorskip(
        "langchain_core.decisions", reason="needs a langchain-core with decision models"
    )

    class Decides(decisions.BaseDecisionModel):
        model: str = "judge-1"

        @property
        def _provider(self):
            return "acme"

        def _classify(self, state, questions):
            return decisions.ClassifierResponse.model_validate(
                {
                    "model": "judge-1",
                    "answers": dict.fromkeys(questions, answer),
                    "usage": {"input_tokens": 30, "output_tokens": 1, "total_tokens": 31},
                }
            )

    return Decides()


def test_a_routed_agent_shows_who_decided_and_who_answered(watch, server, openai_model):
    """`ModelRouterMiddleware`: the decision before the agent, the chosen model in it."""
    if not hasattr(middleware, "ModelRouterMiddleware"):
        pytest.skip("needs a langchain with ModelRouterMiddleware")
    chosen = {"type": "choice", "choice": "fast", "probabilities": {"fast": 0.9}, "confidence": 0.9}
    router = middleware.ModelRouterMiddleware(
        choices={"fast": middleware.ModelChoice(model=openai_model(model="gpt-small"), criteria="short")},
        instructions="Which?",
        classifier=classifier(chosen),
    )
    server.script(openai_wire.chat("Noon."))
    agent = agents.create_agent(openai_model(model="gpt-large"), [], middleware=[router], name="desk")
    observe(agent, bus=watch.bus).invoke(QUESTION)
    watch.check()
    assert watch.parents()["Decides"] == "ModelRouterMiddleware.before_agent"
    assert [run.model.name for run in watch.started if run.kind is RunKind.CHAT_MODEL] == [
        "judge-1",
        "gpt-small",
    ]
    assert sum(end.usage.total_tokens for end in models_of(watch)) == 31 + 29


@pytest.mark.parametrize("risk", [0.1, 0.9])
def test_a_tool_call_that_is_judged(watch, server, openai_model, risk):
    """`AutoModeMiddleware`: the judge is a model run below the tools' node; what it forbids does not run."""
    if not hasattr(middleware, "AutoModeMiddleware"):
        pytest.skip("needs a langchain with AutoModeMiddleware")
    judge = middleware.AutoModeMiddleware(tools=[look], classifier=classifier({"type": "noul", "noul": risk}))
    call = openai_wire.tool_call("look", '{"q": "bus"}', "c1")
    server.script(openai_wire.chat(tool_calls=[call], finish="tool_calls"), openai_wire.chat("Noon."))
    agent = agents.create_agent(openai_model(), [look], middleware=[judge], name="desk")
    observe(agent, bus=watch.bus).invoke(QUESTION)
    assert watch.check().parents()["Decides"] == "tools"
    assert [run.name for run in watch.started if run.kind is RunKind.TOOL] == (["look"] if risk < 0.5 else [])


def test_a_refusal_that_is_an_error(watch):
    """`ModelRefusalMiddleware`: the model answered, the agent failed."""
    from tracebus.testing import ScriptedChatModel

    if not hasattr(middleware, "ModelRefusalMiddleware"):
        pytest.skip("needs a langchain with ModelRefusalMiddleware")

    class Refuses(ScriptedChatModel):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            result = super()._generate(messages, stop, run_manager, **kwargs)
            refusal = [{"type": "refusal", "refusal": "I won't."}]
            result.generations[0].message = AIMessage(refusal, response_metadata={"output_version": "v1"})
            return result

    agent = agents.create_agent(
        Refuses(script=["x"]), [], middleware=[middleware.ModelRefusalMiddleware()], name="desk"
    )
    with pytest.raises(Exception, match=r"(?i)refus|won't"):
        observe(agent, bus=watch.bus).invoke(QUESTION)
    outcomes = watch.check().outcomes()
    assert (outcomes["Refuses"], outcomes["model"], outcomes["desk"]) == ("ok", "error", "error")


def test_tools_that_are_selected_by_a_model(watch, server, openai_model):
    """`LLMToolSelectorMiddleware`: its model is a run below the agent's model node, beside the answer's."""
    if not hasattr(middleware, "LLMToolSelectorMiddleware"):
        pytest.skip("needs a langchain with LLMToolSelectorMiddleware")
    selector = middleware.LLMToolSelectorMiddleware(model=openai_model(model="gpt-small"), max_tools=1)
    server.script(openai_wire.chat('{"tools": ["look"]}'), openai_wire.chat("Noon."))
    agent = agents.create_agent(openai_model(model="gpt-large"), [look], middleware=[selector], name="desk")
    observe(agent, bus=watch.bus).invoke(QUESTION)
    asked = [run.model.name for run in watch.check().started if run.kind is RunKind.CHAT_MODEL]
    assert asked == ["gpt-small", "gpt-large"]
    above = {run.run_id: run for run in watch.started}
    for run in watch.started:
        if run.kind is RunKind.CHAT_MODEL:
            while run.kind is not RunKind.NODE:
                run = above[run.parent_run_id]  # noqa: PLW2901 -- up to the node
            assert run.name == "model"
