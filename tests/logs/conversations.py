"""Events whose payloads have much in common, for the logs that store it once."""

from __future__ import annotations

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from tracebus.capture import Capture
from tracebus.events import (
    CustomEmitted,
    Outcome,
    RunEnded,
    RunKind,
    RunStarted,
    decode_json,
    encode_json,
    settle,
)
from tracebus.sources.reading._messages import captured

POLICY = Capture()


class Conversation:
    """One that grows; every step is the events of a run that was given all of it."""

    def __init__(self, name="run", text="word " * 100):
        self.name = name
        self.text = text
        self.messages = [HumanMessage(f"question of {name} {text}")]
        self.steps = 0

    def step(self, rounds=1):
        """Return the events of one more run; whoever keeps them keeps what is known of their parts."""
        self.steps += 1
        for number in range(rounds):
            call = {
                "name": "look",
                "args": {"n": len(self.messages)},
                "id": f"c{number}",
                "type": "tool_call",
            }
            self.messages = [
                *self.messages,
                AIMessage("", tool_calls=[call]),
                ToolMessage(f"{self.name} {len(self.messages)} {self.text}", tool_call_id=f"c{number}"),
            ]
        about = {
            "time": 1_800_000_000_000_000_000 + self.steps,
            "run_id": self.name,
            "root_run_id": self.name,
        }
        return [
            RunStarted(
                kind=RunKind.CHAIN, name="n", inputs=payload({"messages": self.messages, "n": 1}), **about
            ),
            CustomEmitted(name="said", data=payload([self.text, {"deep": self.text}]), **about),
            RunEnded(
                outcome=Outcome.OK, outputs=payload(self.messages[-1]), inputs=payload(self.text), **about
            ),
        ]


def payload(value):
    return captured(value, POLICY)


def plain(events):
    """Return what *events* say, without where they stand."""
    return [encode_json(settle(event)).replace(b'"seq":%d,' % event.seq, b"") for event in events]


def from_elsewhere(events):
    """Return *events* as another process would give them: nothing is known of their parts."""
    return [decode_json(encode_json(event)) for event in events]
