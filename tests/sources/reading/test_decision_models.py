"""Decision models: LangChain reports them as chains, and they are models."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

import tracebus
from tracebus import RunTree, observe
from tracebus.events import RunEnded, RunKind, RunStarted
from tracebus.sources.reading._classify import chain_kind

decisions = pytest.importorskip(
    "langchain_core.decisions", reason="needs a langchain-core with decision models"
)

USAGE = {
    "input_tokens": 120,
    "output_tokens": 4,
    "total_tokens": 124,
    "input_token_details": {"cache_read": 100},
}
ASKED = {
    "state": "The lights are off.",
    "questions": {"urgent": decisions.Noul(instructions="Is it urgent?")},
}


class Decides(decisions.BaseDecisionModel):
    model: str = "gpt-4o"
    usage: Any = USAGE

    @property
    def _provider(self):
        return "openai"

    def _classify(self, state, questions):
        answers = {key: {"type": "noul", "noul": 0.9} for key in questions}
        return decisions.ClassifierResponse.model_validate(
            {"model": "gpt-4o-2024", "answers": answers, "usage": self.usage, "request_id": "r1"}
        )


def of_the_model(events):
    start = next(event for event in events if isinstance(event, RunStarted) and event.name == "Decides")
    return start, next(
        event for event in events if isinstance(event, RunEnded) and event.run_id == start.run_id
    )


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "batch", "astream_events", "normalize"])
async def test_a_decision_model_is_a_model_by_every_way(watch, how):
    """Kind, model, usage, response id and answers are the same whichever way it runs."""
    chain = RunnableLambda(lambda asked: asked, name="ask") | Decides()
    observed = observe(chain, bus=watch.bus)
    match how:
        case "invoke":
            observed.invoke(ASKED)
        case "ainvoke":
            await observed.ainvoke(ASKED)
        case "stream":
            list(observed.stream(ASKED))
        case "batch":
            observed.batch([ASKED])
    if how == "astream_events":
        events = [event async for event in tracebus.astream(chain, ASKED)]
    elif how == "normalize":
        events = [event async for event in tracebus.normalize(chain.astream_events(ASKED, version="v2"))]
    else:
        events = watch.check().events
    start, end = of_the_model(events)
    assert start.kind is RunKind.CHAT_MODEL
    assert (start.model.provider, start.model.name) == ("openai", "gpt-4o")
    assert start.inputs["state"] == "The lights are off."
    assert start.inputs["questions"]["urgent"]["instructions"] == "Is it urgent?"
    assert (end.usage.input_tokens, end.usage.output_tokens, end.usage.cache_read_tokens) == (120, 4, 100)
    assert (end.model.name, end.response_id) == ("gpt-4o-2024", "r1")
    assert end.outputs["answers"] == {"urgent": {"type": "noul", "noul": 0.9}}
    tree = RunTree()
    for event in events:
        tree.apply(event)
    assert tree.roots[0].usage.input_tokens == 120
    assert tree.roots[0].cost > 0
    assert tree.get(start.run_id).text == "urgent: yes with probability 0.9"


def test_usage_nobody_reported_is_unknown(watch):
    """It is not zero."""
    observe(Decides(usage=None), bus=watch.bus).invoke(ASKED)
    assert of_the_model(watch.check().events)[1].usage is None


def test_a_failing_decision_model_is_an_error(watch):
    """The exception is the program's, and the run's."""
    with pytest.raises(Exception, match="usage"):
        observe(Decides(usage="many"), bus=watch.bus).invoke(ASKED)
    assert watch.check().outcomes() == {"Decides": "error"}


@pytest.mark.parametrize(
    ("run_type", "kind"),
    [
        ("prompt", RunKind.PROMPT),
        ("parser", RunKind.PARSER),
        ("tool", RunKind.TOOL),
        ("retriever", RunKind.RETRIEVER),
        ("embedding", RunKind.EMBEDDING),
        ("llm", RunKind.CHAT_MODEL),
        ("chain", RunKind.CHAIN),
        (None, RunKind.CHAIN),
        ("oracle", RunKind.UNKNOWN),
    ],
)
def test_every_run_type_counts(run_type, kind):
    """What LangChain says a run is, is what it is."""
    assert chain_kind(run_type, "step", (), {}) is kind
