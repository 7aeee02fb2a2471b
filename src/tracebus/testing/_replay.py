"""A recorded run's answers and results, given back without network."""

from __future__ import annotations

import builtins
import threading
from typing import TYPE_CHECKING, Any

from tracebus.capture import DEFAULT_CAPTURE, to_json
from tracebus.comparison import unified
from tracebus.events import RunKind
from tracebus.exceptions import InvalidLogError
from tracebus.logs import load_run, named_run, open_log
from tracebus.sources.reading._messages import as_plain
from tracebus.sources.reading._revive import revived
from tracebus.testing._chat_model import ScriptedChatModel
from tracebus.testing._llm import ScriptedLLM
from tracebus.testing._replay_tools import replayed_tool
from tracebus.testing._script import ScriptedToolCall, Turn
from tracebus.testing._tokens import split_tokens
from tracebus.text import sanitise
from tracebus.transcript import told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from langchain_core.tools import BaseTool

    from tracebus.events import ErrorInfo
    from tracebus.logs import Log
    from tracebus.tree import RunNode

__all__ = ["Replay", "ReplayPartedError", "ReplayedError"]

_LONGEST = 40
_LAST = 2_000


class ReplayPartedError(AssertionError):
    """What is asked now is not what was asked when the run was recorded; the message says where."""


class ReplayedError(Exception):
    """An exception of a recorded run whose class is no built-in one."""


class Replay:
    """A run of a log, to be run again with the answers its models gave and the results its tools had.

    ::

        replay = Replay("last", log="jsonl:bug.jsonl")
        agent = create_agent(replay.model(), replay.tools([departures, lost_property]))
        agent.invoke(replay.input)

    Built-in exceptions are raised as they were, others as `ReplayedError`. What was cut, redacted or withheld
    when it was recorded is given back as it is in the log.

    Args:
        run: an id, the beginning or the end of one, `last`, or `last~1` for the one before.
        log: the log, or its URL; the embedded log where not given.
        strict: a prompt or arguments that were not recorded are a `ReplayPartedError`. Otherwise calls are
            answered in the order they were recorded, whatever they ask.

    Raises:
        InvalidLogError: there is no such run, or several, or the log withheld what was said.
    """

    def __init__(self, run: str = "last", *, log: str | Log = "sqlite:", strict: bool = True) -> None:
        opened = open_log(log) if isinstance(log, str) else log
        try:
            self.run: RunNode = load_run(opened, named_run(opened, run))
        finally:
            if isinstance(log, str):
                opened.close()
        self.strict = strict

    @property
    def input(self) -> Any:
        """What the run was given, with messages as LangChain's classes; of a model, they alone."""
        inputs = _revived(self.run.inputs)
        match self.run.kind, inputs:
            case RunKind.CHAT_MODEL, {"messages": [*messages]}:
                return messages
            case RunKind.LLM, {"prompts": [prompt, *_]}:
                return prompt
            case RunKind.RETRIEVER, {"query": query}:
                return query
            case _:
                return inputs

    def model(self, name: str | None = None) -> ScriptedChatModel:
        """Return a chat model that gives the recorded answers.

        Args:
            name: only the calls of runs of this name, or of this model; where a chain has several models.

        Raises:
            InvalidLogError: the run has no such calls.
        """
        calls = self._calls(RunKind.CHAT_MODEL, name)
        script = _Answers(calls, _asked_of_messages, strict=self.strict)
        answered = next((node.model for node in calls if node.model is not None), None)
        return ScriptedChatModel(
            script=script,
            model=(answered.name if answered is not None else None) or "recorded",
            provider=(answered.provider if answered is not None else None) or "recorded",
        )

    def llm(self, name: str | None = None) -> ScriptedLLM:
        """Return a text model that gives the recorded answers. Takes and raises what `model` does."""
        return ScriptedLLM(
            script=_Answers(self._calls(RunKind.LLM, name), _asked_of_prompts, strict=self.strict)
        )

    def tools(self, tools: Iterable[BaseTool]) -> list[BaseTool]:
        """Return *tools* as they are to a model, giving back the recorded results instead of running."""
        return [
            replayed_tool(tool, self._results(tool.name), strict=self.strict, parted=ReplayPartedError)
            for tool in tools
        ]

    def _results(self, name: str) -> list[tuple[Any, Any]]:
        """Return what the tool was given each time, with its output or the exception it raised."""
        runs = [node for node in self._recorded() if node.kind is RunKind.TOOL and node.name == name]
        return [(node.inputs, _raised(node.error) if node.error else node.outputs) for node in runs]

    def _calls(self, kind: RunKind, name: str | None) -> list[RunNode]:
        every = [node for node in self._recorded() if node.kind is kind]
        calls = [node for node in every if name is None or name in _names(node)]
        if not calls:
            there = ", ".join(sorted({each for node in every for each in _names(node)})) or "none"
            called = f" called {name!r}" if name is not None else ""
            raise InvalidLogError(f"the run has no {kind.value} calls{called}; it has {there}")
        for node in calls:
            if node.end is not None and any(cut.path == "/outputs" for cut in node.end.cuts):
                raise InvalidLogError("the log has no answers: they were withheld by Capture(content=False)")
        return calls

    def _recorded(self) -> list[RunNode]:
        return sorted(self.run.walk(), key=lambda node: node.started_at or 0)


class _Answers:
    """The script of a replayed model: the answer recorded for what is asked."""

    def __init__(
        self,
        calls: Sequence[RunNode],
        asked: Callable[[Sequence[Any]], str],
        *,
        strict: bool,
    ) -> None:
        self._left = [(number, told(node.inputs), _turn(node)) for number, node in enumerate(calls, 1)]
        self._recorded = len(calls)
        self._strict = strict
        self._asked = asked
        self._lock = threading.Lock()
        self._error: ReplayPartedError | None = None

    def __call__(self, asked: Sequence[Any]) -> Turn:
        text = self._asked(asked)
        with self._lock:
            place = next((place for place, (_, prompt, _) in enumerate(self._left) if prompt == text), None)
            if place is None and (self._strict or not self._left):
                # Said at every further call: a retry or an agent's error handling may swallow it.
                self._error = self._error or self._parted(text)
            if self._error is not None:
                raise self._error.with_traceback(None)
            return self._left.pop(place or 0)[2]

    def __deepcopy__(self, _memo: dict[int, Any]) -> _Answers:
        return self  # a copied model goes on in the same recording

    def _parted(self, text: str) -> ReplayPartedError:
        if not self._left:
            more = f"the recording has {self._recorded} model calls, and there is one more"
            return ReplayPartedError(f"{more}:\n{sanitise(text[-_LAST:])}")
        number, prompt, _ = self._left[0]
        lines = list(_changed(prompt.split("\n"), text.split("\n")))
        shown = "\n".join(lines[:_LONGEST]) + ("\n  …" if len(lines) > _LONGEST else "")
        return ReplayPartedError(
            f"it parts at model call {number} of {self._recorded}: "
            f"the prompt is not the recorded one (- recorded, + now)\n{shown}"
        )


def _changed(recorded: Sequence[str], now: Sequence[str]) -> Iterable[str]:
    for pair in unified(recorded, now):
        if isinstance(pair, int):
            yield f"  … {pair} lines the same"
            continue
        for sign, side in (("-", pair.left), ("+", pair.right)):
            if side is not None and not (pair.same and sign == "+"):
                yield f"{' ' if pair.same else sign} {sanitise(''.join(part.text for part in side))}"


def _turn(node: RunNode) -> Turn:
    """Return the recorded answer as a scripted one."""
    if node.error is not None:
        text = node.text
        return Turn(text=text, error=_raised(node.error), error_after=len(split_tokens(text)))
    message = _first_message(node.outputs)
    finish = node.end.finish_reasons if node.end is not None else ()
    calls = [call for call in message.get("tool_calls") or () if isinstance(call, dict)]
    usage = message.get("usage_metadata")
    return Turn(
        text=node.text,
        reasoning=node.reasoning or _reasoning(message),
        tool_calls=[
            ScriptedToolCall(call.get("name", ""), call.get("args") or {}, call.get("id")) for call in calls
        ],
        usage=usage if isinstance(usage, dict) else None,
        finish_reason=finish[0] if finish else None,
        response_id=_own_id(message),
    )


def _first_message(outputs: Any) -> dict[str, Any]:
    match outputs:
        case {"messages": [dict(message), *_]}:
            return message
        case _:
            return {}


def _own_id(message: dict[str, Any]) -> str | None:
    """Return the id the provider gave; LangChain's own holds the id of the recorded run."""
    given = message.get("id")
    return given if isinstance(given, str) and not given.startswith(("lc_run-", "run-")) else None


def _reasoning(message: dict[str, Any]) -> str:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    found = [block.get("reasoning") or block.get("thinking") for block in blocks if isinstance(block, dict)]
    more = message.get("additional_kwargs")
    found.append(more.get("reasoning_content") if isinstance(more, dict) else None)
    return "".join(text for text in found if isinstance(text, str))


def _raised(error: ErrorInfo) -> BaseException:
    """Return the recorded exception: of its own class where that is a built-in one that takes a message."""
    kind = getattr(builtins, error.type, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        try:
            return kind(error.message)
        except TypeError:
            pass  # UnicodeDecodeError and its like take more than a message
    return ReplayedError(f"{error.type}: {error.message}")


def _names(node: RunNode) -> set[str]:
    model = node.model.name if node.model is not None else None
    return {node.name, *([model] if model else [])}


def _asked_of_messages(messages: Sequence[Any]) -> str:
    value, _ = to_json({"messages": list(messages)}, DEFAULT_CAPTURE, "/inputs", as_plain)
    return told(value)


def _asked_of_prompts(prompts: Sequence[Any]) -> str:
    value, _ = to_json({"prompts": list(prompts)}, DEFAULT_CAPTURE, "/inputs", as_plain)
    return told(value)


def _revived(value: Any) -> Any:
    match value:
        case dict():
            message = revived(value)
            if message is not value:
                return message
            return {key: _revived(inner) for key, inner in value.items()}
        case list():
            return [_revived(inner) for inner in value]
        case _:
            return value
