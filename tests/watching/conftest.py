"""Events of one root run, `root`, written by hand, one a second."""

from __future__ import annotations

import pytest
from written_events import SECOND, History

from tracebus.events import ModelInfo, RunKind, TokenUsage

GPT = ModelInfo(provider="openai", name="gpt-4o")


class Told(History):
    """Tells the events of one root run, `root`, a second apart."""

    epoch = 0
    numbered = False

    def __init__(self):
        super().__init__()
        self.now = 0
        """Nanoseconds."""
        self._count = 0

    def start(self, run_id, parent="root", **fields):
        self.now += SECOND
        super().start(run_id, None if run_id == "root" else parent, at=self.now / SECOND, **fields)
        return run_id

    def end(self, run_id, *, error=None, **fields):
        self.now += SECOND
        super().end(run_id, at=self.now / SECOND, error=error and f"ValueError: {error}", **fields)

    def run(
        self, name, parent="root", *, kind=RunKind.CHAIN, inputs=None, outputs=None, error=None, **fields
    ):
        self._count += 1
        run_id = self.start(f"{name}-{self._count}", parent, kind=kind, name=name, inputs=inputs, **fields)
        self.end(run_id, outputs=outputs, error=error)
        return run_id

    def tool(self, name, inputs, outputs=None, parent="root", **fields):
        return self.run(name, parent, kind=RunKind.TOOL, inputs=inputs, outputs=outputs, **fields)

    def model(self, parent="root", *, tokens=100, model=GPT, text=None, calls=None, name="ChatOpenAI"):
        self._count += 1
        run_id = self.start(f"m{self._count}", parent, kind=RunKind.CHAT_MODEL, name=name, model=model)
        usage = None if tokens is None else TokenUsage(input_tokens=tokens, output_tokens=0)
        message = {"type": "ai", "content": text or "", **({"tool_calls": calls} if calls else {})}
        outputs = None if text is None and calls is None else {"messages": [message]}
        self.end(run_id, usage=usage, outputs=outputs)
        return run_id


@pytest.fixture
def told():
    return Told()


@pytest.fixture(scope="session")
def new_told():
    return Told
