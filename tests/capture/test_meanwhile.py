"""Two threads settle two copies of one event: whenever the second comes, both show what was captured."""

from __future__ import annotations

import copy
import itertools
import sys
from functools import partial

import pytest
from langchain_core.prompt_values import StringPromptValue

from tracebus.capture import Capture, CapturedError, CapturedModel, CapturedPayload, snapshot
from tracebus.events import Outcome, RunEnded, RunKind, RunStarted, settle
from tracebus.sources.reading._answer import CapturedAnswer
from tracebus.sources.reading._messages import as_plain
from tracebus.sources.reading._model_info import RequestedModel

POLICY = Capture(max_string=1_000)
ASKED = {"ls_model_name": "gpt-5", "ls_provider": "openai"}
PARAMETERS = {"temperature": 0.5, "api_key": "sk-very-secret"}


def described(text):
    return {"finish_reasons": (text,)}


PAYLOADS = {
    "short": ("inputs", lambda: CapturedPayload(snapshot({"q": "why?"}), POLICY, as_plain)),
    "redacted": (
        "inputs",
        lambda: CapturedPayload(snapshot({"q": "password=hunter2xyz9"}), POLICY, as_plain),
    ),
    "cut": ("outputs", lambda: CapturedPayload(snapshot(["long " * 500]), POLICY, as_plain)),
    "converted": ("inputs", lambda: CapturedPayload({"q": StringPromptValue(text="why?")}, POLICY, as_plain)),
    "error": ("error", lambda: CapturedError(ValueError("no"), POLICY)),
    "model": ("model", lambda: CapturedModel("openai", "gpt-5", dict(PARAMETERS), POLICY, as_plain)),
    "requested": ("model", lambda: RequestedModel(dict(ASKED), dict(PARAMETERS), POLICY)),
    "requested of a base": ("model", lambda: RequestedModel({}, {"model": "m"}, POLICY, "https://a.b/c")),
    "answer": ("usage", lambda: CapturedAnswer(described, ("stop",))),
}


def holding(field, payload):
    if field in {"outputs", "error", "usage"}:
        return RunEnded(time=1, run_id="r", root_run_id="r", outcome=Outcome.OK, **{field: payload})
    kind = RunKind.CHAT_MODEL
    return RunStarted(time=1, run_id="r", root_run_id="r", name="n", kind=kind, **{field: payload})


def interrupted(work, kind, meanwhile, number, before_it):
    """Do *work*; before the *number*-th step in a method of *kind*, do *meanwhile*; say whether it came so far.

    Of the first call of a function, Python 3.13 tells no steps: *before_it* makes one of each.
    """
    codes = {found.__code__ for found in vars(kind).values() if hasattr(found, "__code__")}
    left = 0

    def step(_frame, what, _arg):
        nonlocal left
        if what == "opcode":
            left -= 1
            if left == 0:
                sys.settrace(None)
                meanwhile()
        return step

    def called(frame, _what, _arg):
        if frame.f_code not in codes:
            return None
        frame.f_trace_opcodes = True
        return step

    before = sys.gettrace()
    sys.settrace(called)
    try:
        before_it()
        left = number
        work()
    finally:
        sys.settrace(before)
    return left <= 0


@pytest.mark.parametrize("name", PAYLOADS)
def test_who_settles_meanwhile_changes_nothing(name):
    """Before every step of a payload's own code, another settles a copy of its event."""
    field, make = PAYLOADS[name]
    alone = settle(holding(field, make()))
    for number in itertools.count(1):
        payload = make()
        first, second = (holding(field, payload) for _ in range(2))
        came = interrupted(
            partial(settle, first),
            type(payload),
            partial(settle, second),
            number,
            partial(settle, holding(field, make())),
        )
        settle(second)
        third = settle(copy.copy(holding(field, payload)))
        assert [first, second, third] == [alone] * 3, number
        if not came:
            break
    assert number > 5
