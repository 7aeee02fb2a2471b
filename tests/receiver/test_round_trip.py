"""Through our own exporter and back: the same runs."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sent_spans import MemoryLog, tree_of

from tracebus.events import (
    BatchMembership,
    CustomEmitted,
    ErrorInfo,
    ModelInfo,
    Outcome,
    RunEnded,
    RunKind,
    RunRetried,
    RunStarted,
    TokenUsage,
)
from tracebus.transcript import given as was_given
from tracebus.transcript import put_out
from tracebus_exporters.otel import OTelExporter
from tracebus_exporters.receiver import serve

_programs = count(1)
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
SAID = WORDS.filter(lambda text: text[0] not in '{["' and text.strip() == text)
COUNTS = st.none() | st.integers(1, 10**6)
MESSAGES = st.lists(
    st.builds(
        lambda kind, text: {"type": kind, "content": text}, st.sampled_from(["system", "human", "ai"]), SAID
    ),
    min_size=1,
    max_size=3,
)
CALLS = st.lists(
    st.builds(
        lambda name, args, number: {"name": name, "args": args, "id": f"c{number}", "type": "tool_call"},
        SAID,
        st.dictionaries(SAID, st.integers(-9, 9), max_size=2),
        st.integers(0, 9),
    ),
    max_size=2,
)
KINDS = [
    *(RunKind.CHAIN, RunKind.CHAT_MODEL, RunKind.TOOL, RunKind.RETRIEVER, RunKind.AGENT),
    *(RunKind.NODE, RunKind.GRAPH, RunKind.PARSER, RunKind.PROMPT),
]
PROVIDERS = st.sampled_from(["openai", "anthropic", "amazon_bedrock", "own"])


@st.composite
def fields(draw, kind):
    """Return what a run of *kind* is given, gives, and is otherwise."""
    match kind:
        case RunKind.CHAT_MODEL:
            usage = TokenUsage(
                input_tokens=draw(COUNTS), output_tokens=draw(COUNTS), cache_read_tokens=draw(COUNTS)
            )
            answer = {"type": "ai", "content": draw(SAID), "tool_calls": draw(CALLS)}
            answer = {name: value for name, value in answer.items() if value != []}
            start = {
                "inputs": {"messages": draw(MESSAGES)},
                "model": ModelInfo(
                    provider=draw(PROVIDERS), name=draw(SAID), parameters={"temperature": 0.5}
                ),
            }
            end = {
                "outputs": {"messages": [answer]},
                "usage": usage if usage != TokenUsage() else None,
                "model": draw(st.none() | st.builds(ModelInfo, name=SAID)),
                "response_id": draw(st.none() | SAID),
                "finish_reasons": draw(st.sampled_from([(), ("stop",), ("length",)])),
            }
            return start, end
        case RunKind.TOOL:
            return {"inputs": {"q": draw(SAID)}, "tool_call_id": draw(st.none() | SAID)}, {
                "outputs": draw(SAID)
            }
        case RunKind.RETRIEVER:
            document = {"page_content": draw(SAID), "metadata": {"source": draw(SAID)}}
            return {"inputs": {"query": draw(SAID)}}, {"outputs": {"documents": [document]}}
        case _:
            return {"inputs": {"question": draw(SAID)}}, {"outputs": {"answer": draw(SAID)}}


@st.composite
def programs(draw):
    """Return the events of one root run with some below it, children inside their parents."""
    numbers = count(1)
    run = f"run-{next(_programs)}-"  # a span that comes twice is one
    events = []

    def emit(event_type, time, run_id, parent, **more):
        ids = {"run_id": run_id, "parent_run_id": parent, "root_run_id": f"{run}1"}
        events.append(event_type(seq=len(events) + 1, time=time, **ids, **more))

    def live(parent, depth):
        run_id = f"{run}{next(numbers)}"
        kind = draw(st.sampled_from(KINDS))
        start, end = draw(fields(kind))
        batch = draw(st.none() | st.just(BatchMembership("b", 0, 2))) if parent is None else None
        tags = tuple(draw(st.lists(SAID, max_size=2)))
        emit(
            RunStarted,
            len(events) + 1,
            run_id,
            parent,
            kind=kind,
            name=draw(SAID),
            tags=tags,
            batch=batch,
            **start,
        )
        if draw(st.booleans()):
            emit(CustomEmitted, len(events) + 1, run_id, parent, name="said", data={"x": draw(SAID)})
        if draw(st.booleans()):
            emit(RunRetried, len(events) + 1, run_id, parent, attempt=2)
        for _ in range(
            draw(st.integers(0, 2))
            if depth < 3 and kind in (RunKind.CHAIN, RunKind.AGENT, RunKind.GRAPH, RunKind.NODE)
            else 0
        ):
            live(run_id, depth + 1)
        outcome = draw(st.sampled_from([Outcome.OK, Outcome.OK, *Outcome]))
        if outcome is not Outcome.OK:
            end = (
                {"error": ErrorInfo(type="ValueError", message=draw(SAID))}
                if outcome is Outcome.ERROR
                else {}
            )
        emit(RunEnded, len(events) + 1, run_id, parent, outcome=outcome, **end)

    live(None, 0)
    return events


def told(node):
    """Return what a run is, as far as a span says it."""
    model = node.start.model
    return {
        "place": (node.run_id, node.parent.run_id if node.parent else None, node.root_run_id),
        "is": (node.kind, node.name, node.status, node.tags, node.batch, node.start.tool_call_id),
        "when": (node.started_at, node.ended_at),
        "model": None if model is None else (model.provider, model.name, model.parameters, node.model.name),
        "usage": None if node.own_usage is None else _counts(node.own_usage),
        "answer": (node.end.response_id, node.end.finish_reasons),
        "error": None if node.error is None else (node.error.type, node.error.message),
        "given": was_given(node),
        "put out": put_out(node),
        "custom": [(event.name, event.data) for event in node.custom_events],
        "retries": [event.attempt for event in node.retry_events],
    }


def _counts(usage):
    return (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens)


@pytest.fixture(scope="module")
def wire():
    """Give a log, and an exporter whose spans are received into it."""
    log = MemoryLog()
    with serve(log, http_port=0, grpc_port=0, hold=0.0) as served:
        exporter = OTelExporter(
            endpoint=f"http://127.0.0.1:{served.http}",
            protocol="http/protobuf",
            content=True,
            meter_provider=False,
        )
        yield log, exporter
        exporter.close()


@given(programs())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_the_same_runs_come_back(wire, events):
    """Ids, tree, kinds, names, times, outcomes, models, tokens, tags, errors, what was said and what happened."""
    log, exporter = wire
    before = len(log.events)
    exporter.export(events)
    exporter.flush(10)
    sent = tree_of(events)
    came = tree_of(log.events[before:])
    assert [told(node) for node in came.roots[0].walk()] == [told(node) for node in sent.roots[0].walk()]
