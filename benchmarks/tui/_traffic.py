"""Events as a busy program makes them, at a rate."""

from __future__ import annotations

import itertools
import time

from tracebus.events import ModelInfo, Outcome, RunEnded, RunKind, RunStarted, RunStreamed, TokenUsage

MODEL = ModelInfo(provider="openai", name="gpt-4o-mini")
USAGE = TokenUsage(input_tokens=900, output_tokens=60, total_tokens=960)
LIVE = 1000
TOKENS = 60


def start(run_id, parent, root, kind=RunKind.CHAIN, **more):
    """Return the start of a run."""
    ids = {"run_id": run_id, "parent_run_id": parent, "root_run_id": root}
    return RunStarted(time=time.time_ns(), kind=kind, name=f"{kind}-{run_id}", **ids, **more)


def token(model, root):
    """Return a chunk of a model's answer."""
    return RunStreamed(time=time.time_ns(), run_id=model, parent_run_id=root, root_run_id=root, text="token ")


def end(run_id, parent, root, **more):
    """Return the end of a run."""
    ids = {"run_id": run_id, "parent_run_id": parent, "root_run_id": root}
    return RunEnded(time=time.time_ns(), outcome=Outcome.OK, **ids, **more)


def run(number):
    """Yield one run's events: a root, a prompt, a retriever and a model that says 60 tokens."""
    root, prompt, found, model = (f"{number}{part}" for part in ("", "p", "r", "m"))
    yield start(root, None, root)
    yield start(prompt, root, root, RunKind.PROMPT)
    yield end(prompt, root, root)
    yield start(found, root, root, RunKind.RETRIEVER)
    yield end(found, root, root)
    yield start(model, root, root, RunKind.CHAT_MODEL, model=MODEL)
    for _ in range(TOKENS):
        yield token(model, root)
    yield end(model, root, root, usage=USAGE, model=MODEL)
    yield end(root, None, root)


def mixed(first=0):
    """Yield the events of `LIVE` runs at a time, for ever."""
    numbers = itertools.count(first)
    lanes = [run(f"m{next(numbers)}") for _ in range(LIVE)]
    while True:
        for place, lane in enumerate(lanes):
            event = next(lane, None)
            if event is None:
                lanes[place] = run(f"m{next(numbers)}")
            else:
                yield event


def standing(rows):
    """Return the starts and ends of runs that make *rows* rows."""
    return [
        event for number in range(rows // 4) for event in run(number) if not isinstance(event, RunStreamed)
    ]


def produce(publish, rate, seconds, batch=200):
    """Give *rate* mixed events a second in batches; return how many a second it came to."""
    events = mixed(10_000_000)
    began = due = time.perf_counter()
    made = 0
    while time.perf_counter() < began + seconds:
        publish(list(itertools.islice(events, batch)))
        made += batch
        due += batch / rate
        if (wait := due - time.perf_counter()) > 0:
            time.sleep(wait)
    return made / (time.perf_counter() - began)
