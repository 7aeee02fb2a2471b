"""An exporter of your own: anything with export, flush and close; a function of a batch will do.

It runs in a thread of its own, so it may block: here it writes slow model calls to a CSV file.
"""

import csv
import io
from collections.abc import Sequence

from langchain_core.runnables import RunnableLambda

from tracebus import observe
from tracebus.events import Event, RunEnded, RunKind, RunStarted
from tracebus.testing import Pacing, ScriptedChatModel


class SlowModelCalls:
    """Keeps the model calls that took longer than a limit."""

    def __init__(self, file: io.TextIOBase, limit: float) -> None:
        self._rows = csv.writer(file)
        self._limit = limit
        self._open: dict[str, RunStarted] = {}

    def export(self, batch: Sequence[Event]) -> None:
        for event in batch:
            match event:
                case RunStarted(kind=RunKind.CHAT_MODEL):
                    self._open[event.run_id] = event
                case RunEnded() if started := self._open.pop(event.run_id, None):
                    seconds = (event.time - started.time) / 1e9
                    if seconds > self._limit:
                        model = started.model.name if started.model else "?"
                        self._rows.writerow([model, event.outcome, f"{seconds:.1f}"])

    def flush(self, timeout: float) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """The file is the caller's."""


out = io.StringIO()
quick = ScriptedChatModel(script=["Noon."], model="quick")
slow = ScriptedChatModel(script=["At noon, I think."], model="slow", pacing=Pacing(first_token=0.2))
chain = RunnableLambda(lambda question: [quick.invoke(question).text, slow.invoke(question).text])


def count(batch: Sequence[Event]) -> None:
    print(f"a batch of {len(batch)} events")


with observe(chain, to=[SlowModelCalls(out, limit=0.1), count]) as observed:
    print(observed.invoke("When?"))
print(out.getvalue(), end="")
