"""What a tree of runs says and does, in the neutral acts that chat protocols have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from tracebus.events import CustomEmitted, Outcome, RunEnded, RunKind, RunStarted, RunStreamed

if TYPE_CHECKING:
    from tracebus.events import RunEvent, ToolCallFragment

__all__ = ["Act", "Speech", "failed"]

_MODELS = frozenset((RunKind.CHAT_MODEL, RunKind.LLM))
_STEPS = frozenset((RunKind.NODE, RunKind.AGENT, RunKind.RETRIEVER))


def failed(event: RunEnded) -> bool:
    """Tell whether the run's end is bad news; a pause on purpose is not."""
    return event.outcome not in (Outcome.OK, Outcome.INTERRUPTED)


class Act(NamedTuple):
    """One thing that happened, as a protocol may tell it.

    Kinds: start, end (value: the `RunEnded`), step_start, step_end, text_start, text, text_end,
    reasoning_start, reasoning, reasoning_end, call_start, call_args, call_end (value: all arguments),
    call_result, call_error, custom.
    """

    kind: str
    id: str
    """Of the message, the tool call, or the step."""
    value: Any
    time: int
    name: str = ""
    """Of the tool, the step or the custom event."""
    parent: str = ""
    """The message a tool call belongs to."""


class Speech:
    """Turns the events of one tree into acts.

    In `prompt | model | parser` three runs stream the same text. What counts is what the models say; in
    a tree where the root speaks before any model does, what the root says.
    """

    def __init__(self, root_id: str) -> None:
        self._root_id = root_id
        self._root_speaks: bool | None = None
        self._speakers: dict[str, _Speaker] = {}
        self._steps: dict[str, str] = {}
        self._tools: dict[str, str | None] = {}
        self._step_names: dict[str, int] = {}
        self._started_runs: set[str] = set()
        self.over = False

    def acts(self, event: RunEvent) -> list[Act]:
        """Return what *event* means; nothing for most events."""
        if self.over:
            return []
        match event:
            case RunStarted():
                return self._started(event)
            case RunStreamed():
                speaker = self._speaker(event)
                return speaker.streamed(event) if speaker is not None else []
            case RunEnded():
                return self._ended(event)
            case CustomEmitted():
                return [Act("custom", event.run_id, event.data, event.time, event.name)]
            case _:
                return []

    def _started(self, event: RunStarted) -> list[Act]:
        if event.run_id in self._started_runs:
            return []
        self._started_runs.add(event.run_id)
        if event.kind in _MODELS and not self._root_speaks:
            self._root_speaks = False
            self._speakers[event.run_id] = _Speaker(event.run_id)
        if event.kind == RunKind.TOOL:
            self._tools[event.run_id] = event.tool_call_id
        if event.run_id == self._root_id:
            return [Act("start", event.run_id, event, event.time)]
        if event.kind in _STEPS:
            count = self._step_names[event.name] = self._step_names.get(event.name, 0) + 1
            step = event.name if count == 1 else f"{event.name} ({count})"
            self._steps[event.run_id] = step
            return [Act("step_start", step, None, event.time, step)]
        return []

    def _speaker(self, event: RunStreamed) -> _Speaker | None:
        if event.run_id == self._root_id and self._root_speaks is None and event.text:
            self._root_speaks = True
            self._speakers[event.run_id] = _Speaker(event.run_id)
        return self._speakers.get(event.run_id)

    def _ended(self, event: RunEnded) -> list[Act]:
        acts: list[Act] = []
        speaker = self._speakers.pop(event.run_id, None)
        if speaker is not None:
            acts += speaker.ended(event)
        if event.run_id in self._tools:
            call_id = self._tools.pop(event.run_id) or _answered_call(event)
            if call_id is not None:
                acts.append(_result(event, call_id))
        if event.run_id in self._steps:
            step = self._steps.pop(event.run_id)
            acts.append(Act("step_end", step, None, event.time, step))
        if event.run_id == self._root_id:
            acts += self._close(event)
        return acts

    def _close(self, event: RunEnded) -> list[Act]:
        """End with the root run what is still open: nothing may follow the end."""
        acts: list[Act] = []
        for speaker in self._speakers.values():
            acts += speaker.close(event.time)
        acts += [Act("step_end", step, None, event.time, step) for step in self._steps.values()]
        self._speakers.clear()
        self._steps.clear()
        self.over = True
        return [*acts, Act("end", event.run_id, event, event.time)]


class _Speaker:
    """One run whose words count."""

    def __init__(self, run_id: str) -> None:
        self._id = run_id
        self._open: str | None = None
        self._said = False
        self._calls: dict[int | str, _Call] = {}
        self._last: int | str = 0

    def streamed(self, event: RunStreamed) -> list[Act]:
        acts: list[Act] = []
        if event.reasoning:
            acts += self._say("reasoning", event.reasoning, event.time)
        if event.text:
            acts += self._say("text", event.text, event.time)
        for fragment in event.tool_calls:
            acts += self._call(fragment, event.time)
        return acts

    def ended(self, event: RunEnded) -> list[Act]:
        acts: list[Act] = []
        if not self._said and event.outcome == Outcome.OK:
            # The model did not stream: all it said came with the end.
            for message in _messages(event.outputs):
                if text := _text_of(message):
                    acts += self._say("text", text, event.time)
                for number, call in enumerate(message.get("tool_calls") or ()):
                    acts += self._whole_call(number, call, event.time)
        return acts + self.close(event.time)

    def close(self, time: int) -> list[Act]:
        acts = self._stop(time)
        for call in self._calls.values():
            if call.started:
                acts.append(Act("call_end", call.id, "".join(call.args), time, call.name, self._id))
        self._calls.clear()
        return acts

    def _say(self, what: str, words: str, time: int) -> list[Act]:
        self._said = True
        acts: list[Act] = []
        # A message and its reasoning are told apart by their ids.
        name = self._id if what == "text" else f"{self._id}:reasoning"
        if self._open != what:
            acts += self._stop(time)
            self._open = what
            acts.append(Act(f"{what}_start", name, None, time))
        return [*acts, Act(what, name, words, time)]

    def _stop(self, time: int) -> list[Act]:
        if self._open is None:
            return []
        what, self._open = self._open, None
        return [Act(f"{what}_end", self._id if what == "text" else f"{self._id}:reasoning", None, time)]

    def _call(self, fragment: ToolCallFragment, time: int) -> list[Act]:
        self._said = True
        key = fragment.index if fragment.index is not None else (fragment.id or self._last)
        self._last = key
        call = self._calls.setdefault(key, _Call(f"{self._id}:{key}"))
        acts: list[Act] = []
        if not call.started:
            call.id = fragment.id or call.id
            call.name += fragment.name or ""
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

    def _whole_call(self, number: int, call: dict[str, Any], time: int) -> list[Act]:
        whole = self._calls[number] = _Call(call.get("id") or f"{self._id}:{number}")
        whole.name, whole.started = call.get("name") or "tool", True
        whole.args = [json.dumps(call.get("args", {}), default=repr)]
        return [
            *self._stop(time),
            Act("call_start", whole.id, None, time, whole.name, self._id),
            Act("call_args", whole.id, whole.args[0], time),
        ]


class _Call:
    __slots__ = ("args", "id", "name", "started")

    def __init__(self, call_id: str) -> None:
        self.id = call_id
        self.name = ""
        self.args: list[str] = []
        self.started = False


def _answered_call(event: RunEnded) -> str | None:
    """Return the call a tool's message says it answers: before langchain-core 1.1 its start did not."""
    outputs = event.outputs
    is_message = isinstance(outputs, dict) and outputs.get("type") == "tool"
    call_id = outputs.get("tool_call_id") if is_message else None
    return call_id if isinstance(call_id, str) else None


def _result(event: RunEnded, call_id: str) -> Act:
    if not failed(event):
        return Act("call_result", call_id, event.outputs, event.time, parent=event.run_id)
    message = event.error.message if event.error is not None else f"the tool was {event.outcome}"
    return Act("call_error", call_id, message, event.time, parent=event.run_id)


def _messages(outputs: Any) -> list[dict[str, Any]]:
    """Return the messages a model's outputs hold; a completion counts as one."""
    if not isinstance(outputs, dict):
        return []
    if isinstance(completions := outputs.get("completions"), list):
        return [{"content": text} for text in completions if isinstance(text, str)]
    messages = outputs.get("messages")
    return [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []


def _text_of(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    texts = [block.get("text", "") if isinstance(block, dict) else str(block) for block in blocks]
    return "".join(text for text in texts if isinstance(text, str))
