"""What `observe` returns is, to the program, the wrapped Runnable."""

from __future__ import annotations

import copy
import gc
import pickle

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnableSequence
from langchain_core.tools import BaseTool, tool
from pydantic import BaseModel

from tracebus import observe
from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn

PROMPT = ChatPromptTemplate.from_template("{q}")


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def model(*script):
    return ScriptedChatModel(script=list(script) or ["one two"])


def test_an_observed_model_and_tool_pass_for_what_they_are(watch):
    """`isinstance` checks of agents and of pydantic fields are satisfied."""

    class Holder(BaseModel):
        model_config = {"arbitrary_types_allowed": True}
        chat: BaseChatModel
        skill: BaseTool

    holder = Holder(chat=observe(model(), bus=watch.bus), skill=observe(add, bus=watch.bus))
    assert holder.chat.invoke("x").content == "one two"
    assert holder.skill.name == "add"
    assert holder.skill.args_schema is add.args_schema
    assert holder.skill.invoke({"a": 1, "b": 2}) == 3
    assert watch.check().outcomes() == {"ScriptedChatModel": "ok", "add": "ok"}


@pytest.mark.parametrize(
    "derive",
    [
        lambda chain: chain.with_config(tags=["x"]),
        lambda chain: chain.with_retry(),
        lambda chain: chain.with_fallbacks([model()]),
        lambda chain: chain.with_types(input_type=str),
        lambda chain: chain.bind(stop=["x"]),
        lambda chain: chain.bind_tools([add]),
        lambda chain: chain | StrOutputParser(),
        lambda chain: chain.pipe(StrOutputParser()),
        lambda chain: RunnableLambda(lambda x: x) | chain,
        lambda chain: (lambda x: x) | chain,
        lambda chain: {"input": chain} | RunnableLambda(lambda d: d["input"]),
    ],
    ids=[
        "config",
        "retry",
        "fallbacks",
        "types",
        "bind",
        "tools",
        "or",
        "pipe",
        "ror",
        "ror-function",
        "ror-dict",
    ],
)
def test_runnables_made_from_an_observed_one_are_observed(watch, derive):
    """Whatever its methods return is watched as well, and answers the same."""
    answer = derive(observe(model(), bus=watch.bus)).invoke("x")
    assert "one two" in str(answer)
    assert "ScriptedChatModel" in watch.check().outcomes()


def test_an_observed_sequence_is_not_dissolved_into_the_one_around_it(watch):
    """LangChain flattens sequences; an observed part of one stays observed."""
    inner = observe(
        RunnableLambda(lambda x: x + 1, name="inc") | RunnableLambda(str, name="text"), bus=watch.bus
    )
    assert (RunnableLambda(lambda x: x, name="unseen") | inner).invoke(1) == "2"
    assert set(watch.check().outcomes()) == {"RunnableSequence", "inc", "text"}


def test_or_joins_into_one_observed_sequence(watch):
    """`observed | other` is one tree with both parts in it."""
    chain = observe(PROMPT | model(), bus=watch.bus) | StrOutputParser()
    assert chain.invoke({"q": "x"}) == "one two"
    watch.check()
    assert watch.children("RunnableSequence") == [
        "ChatPromptTemplate",
        "ScriptedChatModel",
        "StrOutputParser",
    ]


def test_attributes_and_schemas_are_the_wrapped_ones(watch):
    """Reading, setting and calling go through."""
    chat = model()
    observed = observe(chat, bus=watch.bus)
    assert observed.temperature is None
    observed.temperature = 0.5
    assert chat.temperature == 0.5
    assert observed.get_name() == chat.get_name()
    assert observed.get_input_jsonschema() == chat.get_input_jsonschema()
    assert observed.InputType == chat.InputType
    assert observed.get_graph().nodes.keys() != set()
    assert isinstance(observed, Runnable)
    with pytest.raises(AttributeError):
        observed.no_such_thing  # noqa: B018


def test_other_calls_of_the_wrapped_object_are_observed(watch):
    """`model.generate`, `tool.run`: not Runnable's own methods, and watched all the same."""
    assert observe(add, bus=watch.bus).run({"a": 2, "b": 2}) == 4
    assert observe(model(), bus=watch.bus).generate([[("user", "x")][0:0] or []]) is not None
    assert set(watch.check().outcomes()) == {"add", "ScriptedChatModel"}


async def test_async_methods_and_streams_of_the_wrapped_object_are_observed(watch):
    """Coroutines and async generators run inside the scope, wherever they are awaited."""
    observed = observe(model(), bus=watch.bus)
    result = await observed.agenerate([[]])
    assert result.generations[0][0].text == "one two"
    parts = [part async for part in observed.astream("x")]
    assert "".join(part.text for part in parts) == "one two"
    async for event in observed.astream_events("x", version="v2"):
        assert event["name"] == "ScriptedChatModel"
    watch.check()
    assert len(watch.started) == 3


def test_structured_output_is_observed(watch):
    """`with_structured_output` returns an observed chain."""

    class Answer(BaseModel):
        """An answer."""

        text: str

    chat = model(Turn(tool_calls=[ScriptedToolCall("Answer", {"text": "hi"})]))
    assert observe(chat, bus=watch.bus).with_structured_output(Answer).invoke("x") == Answer(text="hi")
    assert "ScriptedChatModel" in watch.check().outcomes()


def test_streams_can_be_closed_and_thrown_into(watch):
    """A stream is a generator as without us."""
    stream = observe(PROMPT | model("one two three"), bus=watch.bus).stream({"q": "x"})
    assert iter(stream) is stream
    assert next(stream).text == "one"
    stream.close()
    with pytest.raises(StopIteration):
        next(stream)
    thrown = observe(PROMPT | model("one two three"), bus=watch.bus).stream({"q": "x"})
    next(thrown)
    with pytest.raises(ZeroDivisionError):
        thrown.throw(ZeroDivisionError("x"))
    del thrown
    gc.collect()  # the traceback held the model's half-read stream
    watch.wait_until_all_ended(runs=4)


def test_a_copied_or_pickled_chain_still_works(watch):
    """Copies are observed into the same bus; what is pickled arrives as the plain Runnable."""
    observed = observe(PROMPT, bus=watch.bus)
    assert copy.deepcopy(PROMPT | model()).invoke({"q": "x"}).content == "one two"
    again = pickle.loads(pickle.dumps(observed))
    assert type(again) is ChatPromptTemplate
    assert again.invoke({"q": "x"}).to_string() == "Human: x"


def test_the_name_is_the_root_runs(watch):
    """`name=` names the root run to us, and nothing to the program."""
    seen = []
    chain = RunnableLambda(lambda x, config: seen.append(config.get("run_name")), name="own")
    observe(chain, bus=watch.bus, name="answer question").invoke(1)
    assert watch.check().run("answer question").parent_run_id is None
    assert seen == [None]


def test_streamed_inputs_are_known_from_the_start(watch):
    """LangChain reports a stream's input at its end; a viewer sees it at once."""
    stream = observe(PROMPT | model(), bus=watch.bus).stream({"q": "x"})
    next(stream)
    assert watch.run("RunnableSequence").inputs == {"q": "x"}
    list(stream)
    assert watch.check().end("RunnableSequence").inputs == {"q": "x"}


def test_what_is_no_runnable_is_refused_by_name():
    """The error says what was given and what to do."""
    with pytest.raises(TypeError, match="takes a LangChain Runnable, not function"):
        observe(lambda x: x)


def test_a_context_manager_closes_the_bus_it_made():
    """`with observe(...)` brings everything out and closes; later calls run unobserved but run."""
    events = []
    with observe(RunnableSequence(RunnableLambda(str), RunnableLambda(int)), to=events.extend) as chain:
        assert chain.invoke(1) == 1
    assert len(events) == 6
    assert chain.bus.closed
    assert chain.invoke(1) == 1
    assert len(events) == 6
