"""Turns what one model run streams and returns into the acts of `_acts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.events import Outcome
from tracebus.toolcalls import StreamedCalls
from tracebus_exporters.web.protocols._acts import Act
from tracebus_exporters.web.protocols._said import messages_in, parts_of

if TYPE_CHECKING:
    from tracebus.events import RunEnded, RunStreamed, ToolCallFragment
    from tracebus_exporters.web.protocols._said import Part

__all__ = ["Speaker"]


class Speaker:
    """One run whose words count."""

    def __init__(self, run_id: str) -> None:
        self._id = run_id
        self._open: str | None = None
        self._said: set[str] = set()
        self._pieces = StreamedCalls()
        self._calls: dict[int, _Call] = {}
        self._parts = 0

    def streamed(self, event: RunStreamed) -> list[Act]:
        """Return what a chunk says."""
        acts: list[Act] = []
        if event.reasoning:
            acts += self._say("reasoning", event.reasoning, event.time)
        if event.text:
            acts += self._say("text", event.text, event.time)
        for fragment in event.tool_calls:
            acts += self._piece(fragment, event.time)
        return acts

    def ended(self, event: RunEnded) -> list[Act]:
        """Return what the answer says beyond what was streamed, and the ends of what is open."""
        acts: list[Act] = []
        streamed = frozenset(self._said)
        if event.outcome == Outcome.OK:
            for message in messages_in(event.outputs):
                for part in parts_of(message):
                    if part.kind not in streamed:
                        acts += self._part(part, event.time)
        return acts + self.close(event.time)

    def close(self, time: int) -> list[Act]:
        """Return the ends of what is open."""
        acts = self._stop(time)
        for call in self._calls.values():
            acts += call.ended(time, self._id)
        self._calls.clear()
        return acts

    def _say(self, what: str, words: str, time: int) -> list[Act]:
        self._said.add(what)
        acts: list[Act] = []
        if self._open != what:
            acts += self._stop(time)
            self._open = what
            self._parts += 1
            acts.append(Act(f"{what}_start", self._name(what), None, time))
        return [*acts, Act(what, self._name(what), words, time)]

    def _name(self, what: str) -> str:
        # A message and its reasoning are told apart by their ids.
        return self._id if what == "text" else f"{self._id}:reasoning"

    def _stop(self, time: int) -> list[Act]:
        if self._open is None:
            return []
        what, self._open = self._open, None
        return [Act(f"{what}_end", self._name(what), None, time)]

    def _piece(self, fragment: ToolCallFragment, time: int) -> list[Act]:
        found = self._pieces.take(fragment.index, fragment.id, fragment.name, fragment.args)
        if found is None:
            return []
        call = self._calls.get(found.key)
        if call is None:
            call = self._calls[found.key] = _Call(f"{self._id}:{found.key}")
        acts: list[Act] = []
        if not call.started:
            call.id, call.name = found.id or call.id, found.name
        if call.name and not call.started:
            call.started = True
            acts = [*self._stop(time), Act("call_start", call.id, None, time, call.name, self._id)]
            if earlier := "".join(call.args):
                acts.append(Act("call_args", call.id, earlier, time))
        if fragment.args:
            call.args.append(fragment.args)
            if call.started:
                acts.append(Act("call_args", call.id, fragment.args, time))
        return acts

    def _part(self, part: Part, time: int) -> list[Act]:
        match part.kind:
            case "text" | "reasoning":
                return self._say(part.kind, part.value, time)
            case "media":
                return [*self._stop(time), Act("media", self._id, part.value, time)]
            case "provider_result":
                return [
                    *self._stop(time),
                    *self._ended_calls(part.id, time),
                    Act("call_result", part.id, part.value, time, parent=f"{self._id}:{part.id}"),
                ]
            case _:
                return self._whole_call(part, time)

    def _ended_calls(self, call_id: str, time: int) -> list[Act]:
        """Return the end of a call whose result comes in the same answer."""
        found = [key for key, call in self._calls.items() if call.id == call_id]
        return [act for key in found for act in self._calls.pop(key).ended(time, self._id)]

    def _whole_call(self, part: Part, time: int) -> list[Act]:
        for call in self._calls.values():
            if call.started and (call.id == part.id or (not part.id and call.name == part.name)):
                return call.completed(part, time)
        if not part.id and self._calls:
            return []  # told already: without ids LangChain glues the calls of one index together
        key = -1 - len(self._calls)
        whole = self._calls[key] = _Call(part.id or f"{self._id}:{-key}")
        whole.name, whole.started = part.name, True
        provider = part.kind == "provider_call"
        begun = Act("call_start", whole.id, provider or None, time, whole.name, self._id)
        return [*self._stop(time), begun, *whole.completed(part, time)]


class _Call:
    __slots__ = ("args", "bad", "id", "name", "started", "whole")

    def __init__(self, call_id: str) -> None:
        self.id = call_id
        self.name = ""
        self.args: list[str] = []
        self.started = False
        self.whole: str | None = None
        self.bad = False

    def completed(self, part: Part, time: int) -> list[Act]:
        """Take in the call as the answer has it; of what was streamed nothing is told again."""
        self.bad = part.kind == "bad_call"
        self.whole = part.value
        if self.args or not part.value:
            return []
        self.args = [part.value]
        return [Act("call_args", self.id, part.value, time)]

    def ended(self, time: int, parent: str) -> list[Act]:
        if not self.started:
            return []
        whole = self.whole if self.whole is not None else "".join(self.args)
        return [Act("call_bad" if self.bad else "call_end", self.id, whole, time, self.name, parent)]
