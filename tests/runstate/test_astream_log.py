from __future__ import annotations

import asyncio
import contextlib
import warnings

import jsonpatch
import pytest
from langchain_core.load import dumpd
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableGenerator, RunnableLambda, RunnableParallel
from langchain_core.tools import tool
from langchain_core.tracers.log_stream import RunLog, RunLogPatch

from tracebus.runstate import apply, astream_log
from tracebus.testing import ScriptedChatModel, ScriptedLLM, ScriptedToolCall, Turn


def model(*script):
    return ScriptedChatModel(script=list(script) or ["Hello, dear world"])


def prompt():
    return ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", "{q}")])


async def numbers(inputs):
    async for _ in inputs:
        for number in range(4):
            yield {"n": [number], "total": number}


@tool
def double(n: int) -> int:
    """Double a number."""
    return 2 * n


def named(name):
    return RunnableLambda(lambda value: value).with_config(run_name=name)


CHAINS = {
    "prompt, model, parser": (lambda: prompt() | model() | StrOutputParser(), {"q": "Who?"}),
    "model": (model, "hi"),
    "reasoning and tools": (
        lambda: model(Turn(reasoning="Hm, hm", tool_calls=[ScriptedToolCall("double", {"n": 2})])),
        "hi",
    ),
    "llm": (lambda: ScriptedLLM(script=["one two three"]), "hi"),
    "json": (lambda: model('{"a": [1, 2], "b": "text"}') | JsonOutputParser(), "hi"),
    "branches": (
        lambda: RunnableParallel(one=prompt() | model("a b c") | StrOutputParser(), two=lambda x: x["q"]),
        {"q": "x"},
    ),
    "dictionaries": (lambda: RunnableGenerator(numbers), 1),
    "lambdas of one name": (lambda: named("step") | named("step") | named("step"), 3),
    "tool": (lambda: double, {"n": 4}),
    "tagged": (
        lambda: prompt() | model().with_config(tags=["keep"], metadata={"m": 1}) | StrOutputParser(),
        {"q": "x"},
    ),
}
FILTERS = [
    {},
    {"include_types": ["llm"]},
    {"exclude_names": ["StrOutputParser"]},
    {"include_tags": ["keep"]},
    {"exclude_types": ["prompt"], "include_names": ["ScriptedChatModel", "step"]},
    {"with_streamed_output_list": False},
]


async def langchains_own(chain, value, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [item async for item in chain.astream_log(value, **options)]


async def ours(chain, value, **options):
    return [item async for item in astream_log(chain, value, **options)]


def summed(patches):
    log = patches[0]
    for patch in patches[1:]:
        log = log + patch
    return log


def comparable(state):
    """Leave out what differs from one run of a chain to the next: ids and times."""

    def clean(value):
        if isinstance(value, dict):
            return {
                key: bool(member) if key in ("id", "start_time", "end_time") else clean(member)
                for key, member in value.items()
            }
        return [clean(member) for member in value] if isinstance(value, list) else value

    return clean(dumpd(state))


@pytest.mark.parametrize("options", FILTERS, ids=str)
@pytest.mark.parametrize("case", CHAINS)
async def test_the_accumulated_state_is_langchains(case, options):
    """Every chain ends in the state LangChain's own implementation accumulates, under every filter."""
    make, value = CHAINS[case]
    expected = summed(await langchains_own(make(), value, **options)).state
    found = summed(await ours(make(), value, **options)).state
    # Branches race: their chunks come in the order the loop happens to take them.
    for state in (found, expected) if case == "branches" else ():
        state["streamed_output"].sort(key=str)
    assert comparable(found) == comparable(expected)


@pytest.mark.parametrize("case", [case for case in CHAINS if case != "branches"])
async def test_every_state_on_the_way_is_langchains(case):
    """With `diff=False` each log in turn equals LangChain's, also when looked at later."""
    make, value = CHAINS[case]
    expected = [comparable(log.state) for log in await langchains_own(make(), value, diff=False)]
    logs = await ours(make(), value, diff=False)
    found = [comparable(log.state) for log in logs]
    assert found == expected
    assert all(isinstance(log, RunLog) for log in logs)


async def test_states_read_on_the_way_stay_as_they_were():
    """A state that was read is not changed by what follows."""
    chain = prompt() | model() | StrOutputParser()
    logs = astream_log(chain, {"q": "x"}, diff=False)
    seen = [(log.state, comparable(log.state)) async for log in logs]
    assert len(seen) > 5
    assert all(comparable(state) == then for state, then in seen)


async def test_patches_are_langchains_own_class_and_apply_anywhere():
    """What is yielded is a `RunLogPatch`, accepted by LangChain's `+`, jsonpatch and `apply`."""
    patches = await ours(prompt() | model() | StrOutputParser(), {"q": "x"})
    assert isinstance(patches[0], RunLogPatch)
    assert all(type(patch) is RunLogPatch for patch in patches[1:])
    expected = comparable(summed(patches).state)
    theirs = RunLog(state=None)
    for patch in patches:
        theirs = theirs + patch
    assert comparable(theirs.state) == expected
    by_jsonpatch, by_apply = None, None
    for patch in patches:
        by_jsonpatch = jsonpatch.apply_patch(by_jsonpatch, patch.ops)
        by_apply = apply(by_apply, patch.ops)
    assert comparable(by_jsonpatch) == expected
    assert comparable(by_apply) == expected


async def test_names_with_slash_and_tilde_are_escaped():
    """LangChain's own stream cannot be applied for such a name; ours names the run by its key."""
    log = summed(await ours(named("a/b~c") | named("~1"), 1))
    assert set(log.state["logs"]) == {"a/b~c", "~1"}
    assert log.state["logs"]["a/b~c"]["final_output"] == {"output": 1}


async def test_runs_never_share_a_key():
    """The second `step` and a run called `step:2` are two entries; LangChain overwrites one."""
    log = summed(await ours(named("step") | named("step:2") | named("step") | named("end"), 1))
    entries = log.state["logs"]
    assert [entry["name"] for entry in entries.values()] == ["step", "step:2", "step", "end"]
    assert len({entry["id"] for entry in entries.values()}) == 4


async def test_an_older_log_can_be_continued():
    """`+` makes a new value: going on from an older log does not disturb the newer one."""
    patches = await ours(model("a b"), "hi")
    log = summed(patches)
    before = comparable(log.state)
    again = patches[0] + RunLogPatch({"op": "add", "path": "/streamed_output/-", "value": "other"})
    assert again.state["streamed_output"] == ["other"]
    assert comparable(log.state) == before
    assert patches[0].state["streamed_output"] == []


async def test_equality_and_nonsense():
    """Logs compare by state and operations, patches by operations; anything else is refused."""
    patches = await ours(model("a b"), "hi")
    assert patches[0] == RunLogPatch(*patches[0].ops)
    assert summed(patches) == summed(patches)
    assert summed(patches) != patches[0]
    with pytest.raises(TypeError):
        patches[0] + 1


async def test_the_chain_s_error_comes_after_its_log():
    """The exception is the chain's own, and the entries before it were delivered."""
    patches = []

    async def follow():
        async for patch in astream_log(prompt() | model(ValueError("broken")), {"q": "x"}):
            patches.append(patch)

    with pytest.raises(ValueError, match="broken"):
        await follow()
    assert "ScriptedChatModel" in summed(patches).state["logs"]


async def test_leaving_early_cancels_the_run():
    """`break` ends the chain instead of letting it run on unseen."""
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(_):
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    stream = astream_log(RunnableLambda(hang), 1)
    async with contextlib.aclosing(stream):
        async for _ in stream:
            await entered.wait()
            break
    assert cancelled.is_set()


async def test_callbacks_in_the_config_are_kept():
    """A callback manager or a list in the config is used beside ours."""
    from langchain_core.callbacks import AsyncCallbackManager, BaseCallbackHandler

    class Counter(BaseCallbackHandler):
        starts = 0

        def on_chain_start(self, *args, **kwargs):
            self.starts += 1

    counter = Counter()
    await ours(named("x"), 1, config={"callbacks": [counter]})
    await ours(named("x"), 1, config={"callbacks": AsyncCallbackManager([counter])})
    assert counter.starts == 2
