"""Turns the events of a run tree into the acts of `_acts`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracebus.events import CustomEmitted, Outcome, RunEnded, RunKind, RunStarted, RunStreamed
from tracebus.watching import is_fact
from tracebus_exporters.web.protocols._acts import Act
from tracebus_exporters.web.protocols._pauses import Pauses
from tracebus_exporters.web.protocols._said import content_of_tool, messages_in, plain_content
from tracebus_exporters.web.protocols._speaker import Speaker

if TYPE_CHECKING:
    from tracebus.events import RunEvent

__all__ = ["Act", "Speech", "failed"]

_MODELS = frozenset((RunKind.CHAT_MODEL, RunKind.LLM))
_STEPS = frozenset((RunKind.NODE, RunKind.AGENT, RunKind.RETRIEVER))
_LEFT = frozenset((Outcome.CANCELLED, Outcome.ABANDONED, Outcome.INTERRUPTED))
_NO_STREAM = frozenset(("nostream", "langsmith:nostream"))
_INTERNAL = ("lc_source", "lc_internal_call")


def failed(event: RunEnded) -> bool:
    """Tell whether the run's end is bad news; a pause or a stop on purpose is not."""
    return event.outcome == Outcome.ERROR


class Speech:
    """Turns the events of one tree into acts.

    In `prompt | model | parser` three runs stream the same text. What counts is what the models say; in
    a tree where the root speaks before any model does, what the root says.

    What is said inside is left out: by models tagged `nostream`, as LangGraph's `messages` stream has it,
    by those LangChain's middleware marks as its own (summaries, guards, selectors), and by all that run
    inside a tool. With *inner* they are told like the others.
    """

    def __init__(self, root_id: str, *, inner: bool = False, resumes: bool = False) -> None:
        self._root_id = root_id
        self._inner = inner
        self._root_speaks: bool | None = None
        self.resumes = resumes
        """Whether the run goes on with what an earlier one told: one that resumes an interrupt."""
        self._speakers: dict[str, Speaker] = {}
        self._steps: dict[str, str] = {}
        self._tools: dict[str, str | None] = {}
        self._nodes: set[str] = set()
        self._step_names: dict[str, int] = {}
        self._started_runs: set[str] = set()
        self._inside: set[str] = set()
        """Runs that are nobody's business, and tools, below which all is."""
        self._pending: dict[str, tuple[str, str]] = {}
        self._pauses = Pauses()
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
                return self._noted(self._ended(event))
            case CustomEmitted() if not is_fact(event):  # which are for who operates it, not for who chats
                return [Act("custom", event.run_id, event.data, event.time, event.name)]
            case _:
                return []

    def _started(self, event: RunStarted) -> list[Act]:
        if event.run_id in self._started_runs:
            return []
        self._started_runs.add(event.run_id)
        is_root = event.run_id == self._root_id
        hidden = not self._inner and not is_root and self._is_inside(event)
        if hidden:
            self._inside.add(event.run_id)
        elif event.kind in _MODELS and not self._root_speaks:
            self._root_speaks = False
            self._speakers[event.run_id] = Speaker(event.run_id)
        elif event.kind == RunKind.TOOL:
            self._tools[event.run_id] = event.tool_call_id
            if not is_root and not self._inner:
                self._inside.add(event.run_id)
        elif event.kind == RunKind.NODE:
            self._nodes.add(event.run_id)
        if is_root:
            self.resumes = self.resumes or any(link.relation == "resumes" for link in event.links)
            return [Act("start", event.run_id, event, event.time)]
        return self._step(event) if event.kind in _STEPS and not hidden else []

    def _is_inside(self, event: RunStarted) -> bool:
        if event.parent_run_id in self._inside:
            return True
        if event.kind not in _MODELS:
            return False
        return not _NO_STREAM.isdisjoint(event.tags) or any(event.metadata.get(key) for key in _INTERNAL)

    def _step(self, event: RunStarted) -> list[Act]:
        count = self._step_names[event.name] = self._step_names.get(event.name, 0) + 1
        step = event.name if count == 1 else f"{event.name} ({count})"
        self._steps[event.run_id] = step
        return [Act("step_start", step, None, event.time, step)]

    def _speaker(self, event: RunStreamed) -> Speaker | None:
        if event.run_id == self._root_id and self._root_speaks is None and event.text:
            self._root_speaks = True
            self._speakers[event.run_id] = Speaker(event.run_id)
        return self._speakers.get(event.run_id)

    def _ended(self, event: RunEnded) -> list[Act]:
        acts: list[Act] = []
        speaker = self._speakers.pop(event.run_id, None)
        if speaker is not None:
            acts += speaker.ended(event)
        if event.run_id in self._tools:
            acts += self._answered(event, self._tools.pop(event.run_id))
        elif event.outcome == Outcome.INTERRUPTED:
            self._pauses.take(event, None)
        elif event.run_id in self._nodes:
            acts += self._answers_of_a_node(event)
        if event.run_id in self._steps:
            step = self._steps.pop(event.run_id)
            acts.append(Act("step_end", step, None, event.time, step))
        if event.run_id == self._root_id:
            acts += self._close(event)
        return acts

    def _answered(self, event: RunEnded, call_id: str | None) -> list[Act]:
        call_id = call_id or _answered_call(event)
        if event.outcome == Outcome.INTERRUPTED:
            self._pauses.take(event, call_id)
        if call_id is None or event.outcome in _LEFT:
            return []
        content = plain_content(content_of_tool(event.outputs, call_id))
        if not failed(event):
            return [Act("call_result", call_id, content, event.time, parent=event.run_id)]
        message = event.error.message if event.error is not None else "the tool failed"
        said = content if isinstance(content, str) and content else message
        return [Act("call_error", call_id, said, event.time, parent=event.run_id)]

    def _answers_of_a_node(self, event: RunEnded) -> list[Act]:
        """Return the results that no tool gave: of calls a human or a middleware answered."""
        acts: list[Act] = []
        messages = messages_in(event.outputs)
        known = set(self._pending)
        if self.resumes:  # the calls were told by the run before
            known |= {call.get("id") for message in messages for call in message.get("tool_calls") or ()}
        for message in messages:
            call_id = message.get("tool_call_id")
            if message.get("type") != "tool" or not isinstance(call_id, str) or call_id not in known:
                continue
            kind = "call_error" if message.get("status") == "error" else "call_result"
            content = plain_content(message.get("content"))
            acts.append(Act(kind, call_id, content, event.time, parent=f"{event.run_id}:{call_id}"))
        return acts

    def _noted(self, acts: list[Act]) -> list[Act]:
        """Remember which calls wait for their results."""
        for act in acts:
            if act.kind == "call_end":
                self._pending[act.id] = (act.name, act.value)
            elif act.kind in ("call_result", "call_error"):
                self._pending.pop(act.id, None)
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
        if event.outcome == Outcome.INTERRUPTED:
            self._noted(acts)
            acts.append(
                Act("paused", event.run_id, self._pauses.all(self._pending, event.run_id), event.time)
            )
        return [*acts, Act("end", event.run_id, event, event.time)]


def _answered_call(event: RunEnded) -> str | None:
    """Return the call a tool's message says it answers: before langchain-core 1.1 its start did not."""
    outputs: Any = event.outputs
    is_message = isinstance(outputs, dict) and outputs.get("type") == "tool"
    call_id = outputs.get("tool_call_id") if is_message else None
    return call_id if isinstance(call_id, str) else None
