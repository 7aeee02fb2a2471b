"""Runs of a batch call know the batch, their place in it, and its size."""

from __future__ import annotations

import pytest
from langchain_core.runnables import RunnableLambda

from tracebus import observe
from tracebus.testing import ScriptedChatModel, ScriptedLLM

INPUTS = [{"n": index} for index in range(4)]


async def run_batch(how, chain, inputs, **kwargs):
    match how:
        case "batch":
            return chain.batch(inputs, **kwargs)
        case "abatch":
            return await chain.abatch(inputs, **kwargs)
        case "batch_as_completed":
            return list(chain.batch_as_completed(inputs, **kwargs))
        case "abatch_as_completed":
            return [pair async for pair in chain.abatch_as_completed(inputs, **kwargs)]


ALL = ["batch", "abatch", "batch_as_completed", "abatch_as_completed"]


@pytest.mark.parametrize("how", ALL)
@pytest.mark.parametrize("sequence", [False, True])
async def test_every_root_of_a_batch_knows_its_place(watch, how, sequence):
    """The index is the input's, however the runs are scheduled; `RunnableSequence` goes step by step."""
    step = RunnableLambda(lambda x: x["n"], name="step")
    chain = observe(step | RunnableLambda(str) if sequence else step, bus=watch.bus)
    results = await run_batch(how, chain, INPUTS)
    assert len(results) == 4
    watch.check()
    roots = [event for event in watch.started if event.parent_run_id is None]
    assert len({event.batch.id for event in roots}) == 1
    assert {(event.batch.index, event.batch.size) for event in roots} == {(i, 4) for i in range(4)}
    for root in roots:
        first = next(e for e in watch.started if e.root_run_id == root.run_id and e.name == "step")
        assert first.inputs["n"] == root.batch.index


@pytest.mark.parametrize("how", ALL)
async def test_the_configs_of_a_batch_stay_the_users(watch, how):
    """Tags, metadata and run ids given per input arrive; nothing is added the program could see."""
    seen = []

    def look(value, config):
        seen.append((value["n"], sorted(config["tags"]), dict(config["metadata"])))
        return value

    configs = [{"tags": [f"t{i}"], "metadata": {"i": i}} for i in range(4)]
    await run_batch(how, observe(RunnableLambda(look), bus=watch.bus), INPUTS, config=configs)
    assert sorted(seen) == [(i, [f"t{i}"], {"i": i}) for i in range(4)]
    assert all("run_id" not in config for config in configs)


async def test_exceptions_of_a_batch_are_returned_as_without_us(watch):
    """`return_exceptions` works, and each run has its own outcome."""

    def odd(value):
        if value["n"] % 2:
            raise ValueError("odd")
        return value["n"]

    results = observe(RunnableLambda(odd, name="odd"), bus=watch.bus).batch(INPUTS, return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["int", "ValueError"] * 2
    watch.check()
    by_index = {event.batch.index: str(watch.ends[event.run_id].outcome) for event in watch.started}
    assert by_index == {0: "ok", 1: "error", 2: "ok", 3: "error"}


def test_a_wrong_number_of_configs_is_langchains_complaint(watch):
    """Bad input raises exactly what it raises without us."""
    with pytest.raises(ValueError, match="config must be a list of the same length"):
        observe(RunnableLambda(str), bus=watch.bus).batch(INPUTS, config=[{}])


def test_models_that_drop_the_run_ids_are_counted_in_order(watch):
    """`BaseLLM.batch` generates all prompts in one call without the ids: places go by order."""
    answers = observe(ScriptedLLM(script=["a", "b"]), bus=watch.bus).batch(["x", "y"])
    assert answers == ["a", "b"]
    watch.check()
    assert [(e.batch.index, e.batch.size, e.inputs["prompts"]) for e in watch.started] == [
        (0, 2, ["x"]),
        (1, 2, ["y"]),
    ]


def test_an_empty_batch_is_empty(watch):
    """No inputs, no runs."""
    assert observe(ScriptedChatModel(script=["x"]), bus=watch.bus).batch([]) == []
    assert watch.check().started == []


def test_a_batch_inside_a_step_does_not_claim_the_step(watch):
    """Runs inside a batch member are no members themselves."""
    inner = RunnableLambda(lambda x: x, name="inner")
    chain = observe(RunnableLambda(lambda x: inner.invoke(x), name="member"), bus=watch.bus)
    chain.batch(INPUTS)
    watch.check()
    assert {event.name for event in watch.started if event.batch is not None} == {"member"}
