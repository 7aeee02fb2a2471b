"""Finds loops in the events of one root run: the same call, answer or hand-over again and again."""

from __future__ import annotations

from collections import deque
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tracebus.events import RunEnded, RunKind, RunRetried, RunStarted, settle
from tracebus.watching._answers import Answer, knows, model_name, spent
from tracebus.watching._branches import Branches
from tracebus.watching._facts import LoopFact
from tracebus.watching._results import Held, Results, digest_of
from tracebus.watching._said import asked, digest, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracebus.events import ErrorInfo, RunEvent
    from tracebus.watching._branches import Branch
    from tracebus.watching._loops import Loops
    from tracebus.watching._results import Result

__all__ = ["Circles", "loops_in"]

_MODELS = frozenset((RunKind.CHAT_MODEL, RunKind.LLM))
_TURNS = frozenset((RunKind.AGENT, RunKind.GRAPH, RunKind.NODE, RunKind.CHAIN))
_HANDOFFS = ("transfer_to", "transfer_back_to", "handoff_to", "hand_off_to", "delegate_to")
_MOST_RUNS = 16
"""Runs named in a fact."""
_MOST_KEYS = 4_096
_ENOUGH = 3
_WAITED = 500_000_000
"""Nanoseconds between two calls, with no model in between, after which it is the program that waits."""


class _Series:
    """The same thing, again and again."""

    __slots__ = ("first_answer", "result", "runs", "told")

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.result: Result | None = None
        self.first_answer = 0
        """How many models had answered when the first of the runs began."""
        self.told = 0

    def again(self, run_id: str, result: Result | None, answers: int) -> int:
        """Count a run more, anew if the result is another; return how many there are."""
        if not self.runs or result != self.result:
            self.runs, self.result, self.first_answer, self.told = [], result, answers, 0
        self.runs.append(run_id)
        return len(self.runs)

    def is_news(self, most: int) -> bool:
        """Tell whether it is a circle, and so much longer than when it was told last."""
        news = len(self.runs) >= max(most, 2 * self.told)
        self.told = len(self.runs) if news else self.told
        return news


class _Turn:
    """A child that has ended, of a parent whose children may take turns."""

    __slots__ = ("ended", "name", "run_id", "works")

    def __init__(self, name: str, ended: RunEnded, *, works: bool) -> None:
        self.name = name
        self.run_id = ended.run_id
        self.ended = ended
        self.works = works
        """Whether a tool ran in it."""


class Circles:
    """Looks for circles in the events of one root run.

    What was asked and answered becomes JSON only where something came so often that it may be a circle.
    """

    def __init__(self, start: RunStarted, loops: Loops, held: Held | None = None) -> None:
        self.start = start
        self.results = Results(held or Held())
        self._loops = loops
        self._open: dict[str, RunStarted] = {}
        self._answers: list[Answer] = []
        self._texts: dict[bytes, _Series] = {}
        self._calls: dict[str, list[tuple[RunStarted, RunEnded, int, str, Branch]]] = {}
        self._often: set[str] = set()
        """Tools that were called so often that each of their calls is looked at."""
        self._counted: dict[tuple[str, bytes, str], _Series] = {}
        self._last: dict[tuple[str, bytes, str], tuple[int, int, Branch]] = {}
        """When the newest of the same calls ended, how many models had answered by then, and where it was."""
        self._branches = Branches(self._open)
        self._attempts: dict[str, str] = {}
        """The open runs that belong to a further attempt at something, and which it is."""
        self._turns: dict[str, deque[_Turn]] = {}
        self._working: set[str] = set()
        """Open runs in which a tool ran."""
        self._handoffs: list[tuple[str, str, int]] = []
        self._worked = 0
        """How many models had answered when the newest tool was called that hands over to nobody."""
        self._pairs: dict[str, _Series] = {}
        self._failures: dict[str, _Series] = {}

    def apply(self, event: RunEvent) -> Iterator[LoopFact]:
        """Take one event in; yield the circles it closes."""
        if isinstance(event, RunStarted):
            self._open[event.run_id] = copy(event) if event.kind in _MODELS else event
            if (event.attempt or 1) > 1:
                self._attempts[event.run_id] = event.run_id
            elif self._attempts and event.parent_run_id in self._attempts:
                self._attempts[event.run_id] = self._attempts[event.parent_run_id]
            if event.kind is RunKind.TOOL and not _is_handoff(event.name):
                self._note_work(event)
        elif isinstance(event, RunEnded):
            start = self._open.pop(event.run_id, None)
            if start is not None:
                yield from self._ended(start, event)
        elif isinstance(event, RunRetried) and self._loops.same_failure:
            yield from self._tried_again(event)

    def _ended(self, start: RunStarted, event: RunEnded) -> Iterator[LoopFact]:
        self._turns.pop(event.run_id, None)
        if start.kind in _MODELS:
            yield from self._answered(start, event)
        elif start.kind is RunKind.TOOL:
            yield from self._called(start, event)
        elif start.kind in _TURNS and start.parent_run_id is not None and self._loops.ping_pong:
            yield from self._took_turn(start, event)
        if event.run_id in self._working:
            self._working.discard(event.run_id)
            self._branches.note_end(event)
        self._attempts.pop(event.run_id, None)

    # The same call.

    def _called(self, start: RunStarted, event: RunEnded) -> Iterator[LoopFact]:
        if _is_handoff(start.name):
            yield from self._handed_over(start, event)
            return
        self._handoffs.clear()
        for answer in self._answers[self._worked :]:
            answer.let_go()  # what is said between handovers is said after this
        self._worked = len(self._answers)
        if not self._loops.same_call or (start.attempt or 1) > 1:
            return
        calls = self._calls.setdefault(start.name, [])
        self._branches.note_end(event)
        attempt = self._attempts.get(start.run_id, "")
        calls.append((copy(start), copy(event), len(self._answers), attempt, self._branches.of(start)))
        if len(calls) >= self._loops.same_call or start.name in self._often:
            self._often.add(start.name)
            waiting, calls[:] = list(calls), []
            for call in waiting:
                yield from self._compared(*call)

    def _compared(
        self, start: RunStarted, event: RunEnded, answers: int, attempt: str, branch: Branch
    ) -> Iterator[LoopFact]:
        """Count a call among the same ones of one attempt: who tries again means to ask the same."""
        settle(start, ("inputs",))
        arguments = asked(start.inputs)
        if arguments is None or len(self._counted) >= _MOST_KEYS:
            return
        key = (start.name, arguments, attempt)
        before = self._last.get(key)
        if before is not None and not self._branches.knows(branch, before[2]):
            # Side by side with one before (a batch): it could not know of its result.
            self._last[key] = max((event.time, answers, branch), before)
            return
        ended_at, answers_then, _ = before or (start.time, answers, branch)
        self._last[key] = (event.time, answers, branch)
        series = self._counted.setdefault(key, _Series())
        if answers_then == answers and start.time - ended_at > _WAITED:
            series.runs = []  # nobody asked a model, and time went by: the program waits for something
        if event.error is not None:
            settle(event, ("error",))
            result: Result = _failure(event.error)
        else:
            result = digest_of(event) if series.runs else self.results.hold(event)
        if series.runs and series.result is not None:
            series.result = self.results.digest(series.result)
        else:
            self.results.drop(series.result)
        series.again(event.run_id, result, answers)
        if series.is_news(self._loops.same_call):
            yield self._fact("same_call", start.name, series)

    # The same answer.

    def _answered(self, start: RunStarted, event: RunEnded) -> Iterator[LoopFact]:
        self._answers.append(Answer(start, copy(event), self.results))
        most = self._loops.same_answer
        enough = most or _ENOUGH
        if len(self._answers) < enough:
            return
        new = self._answers if len(self._answers) == enough else self._answers[-1:]
        for number, answer in enumerate(new, len(self._answers) - len(new)):
            if most and (text := answer.text) is not None:
                yield from self._in_words(answer, text, number)
            answer.forget()

    def _in_words(self, answer: Answer, text: str, number: int) -> Iterator[LoopFact]:
        key = digest(text)
        series = self._texts.get(key)
        if series is None:
            if len(self._texts) >= _MOST_KEYS:
                return
            series = self._texts[key] = _Series()
        elif not knows(answer.start, text):
            return  # the same words about something else
        series.again(answer.ended.run_id, None, number)
        if series.is_news(self._loops.same_answer):
            yield self._fact("same_answer", model_name(answer.start), series)

    # To and fro.

    def _note_work(self, tool: RunStarted) -> None:
        parent = tool.parent_run_id
        while parent is not None and parent not in self._working:
            self._working.add(parent)
            around = self._open.get(parent)
            parent = around.parent_run_id if around is not None else None

    def _took_turn(self, start: RunStarted, event: RunEnded) -> Iterator[LoopFact]:
        parent = start.parent_run_id
        assert parent is not None
        length = 2 * self._loops.ping_pong
        turns = self._turns.setdefault(parent, deque(maxlen=length))
        turns.append(_Turn(start.name, copy(event), works=event.run_id in self._working))
        if len(turns) < length or not _alternate([turn.name for turn in turns]):
            return
        if any(turn.works or turn.ended.error is not None for turn in turns):
            return
        spoken = []
        for turn in turns:
            settle(turn.ended, ("outputs",))
            spoken.append(None if turn.ended.outputs is None else said(turn.ended.outputs))
        if None in spoken or len(set(spoken[::2])) > 1 or len(set(spoken[1::2])) > 1:
            return
        what = " ⇄ ".join(sorted({turn.name for turn in turns}))
        yield from self._to_and_fro(what, [turn.run_id for turn in turns])
        turns.clear()

    def _handed_over(self, start: RunStarted, event: RunEnded) -> Iterator[LoopFact]:
        """Look at the last handovers, of which the model said nothing it had not said before."""
        if not self._loops.ping_pong:
            return
        self._handoffs.append((start.name, event.run_id, len(self._answers)))
        length = 2 * self._loops.ping_pong
        last = self._handoffs[-length:]
        if len(last) < length or not _alternate([name for name, _, _ in last]):
            return
        # What was said before the first of them is not all of one turn.
        spoken = [self._words(first, end) for (_, _, first), (_, _, end) in pairwise(last)]
        if len(set(spoken[::2])) > 1 or len(set(spoken[1::2])) > 1:
            return
        what = " ⇄ ".join(sorted({name for name, _, _ in last}))
        yield from self._to_and_fro(what, [run_id for _, run_id, _ in last])
        self._handoffs.clear()

    def _words(self, first: int, last: int) -> bytes:
        """Return a digest of what models answered between two handovers."""
        return digest([answer.said.hex() for answer in self._answers[first:last]])

    def _to_and_fro(self, what: str, runs: list[str]) -> Iterator[LoopFact]:
        series = self._pairs.setdefault(what, _Series())
        if not series.runs:
            series.first_answer = max(0, len(self._answers) - len(runs))
        series.runs += runs
        times = len(series.runs) // 2
        if times >= 2 * series.told:
            series.told = times
            yield self._fact("ping_pong", what, series, count=times)

    # The same failure.

    def _tried_again(self, event: RunRetried) -> Iterator[LoopFact]:
        if event.error is None:
            return
        settle(event, ("error",))
        series = self._failures.setdefault(event.run_id, _Series())
        series.again(event.run_id, _failure(event.error), len(self._answers))
        if series.is_news(self._loops.same_failure):
            start = self._open.get(event.run_id)
            yield self._fact("same_failure", start.name if start is not None else "", series)

    def _fact(self, kind: str, what: str, series: _Series, *, count: int | None = None) -> LoopFact:
        tokens, cost = spent(self._answers[max(0, series.first_answer - 1) :])
        return LoopFact(
            run_id=self.start.run_id,
            name=self.start.name,
            kind=kind,  # type: ignore[arg-type]  # one of its words, at each call
            what=what,
            count=count or len(series.runs),
            runs=tuple(dict.fromkeys(series.runs[-_MOST_RUNS:])),
            tokens=tokens,
            cost=cost,
        )


def _is_handoff(name: str) -> bool:
    return name.startswith(_HANDOFFS)


def _alternate(names: list[str]) -> bool:
    return names[0] != names[1] and all(name == names[number % 2] for number, name in enumerate(names))


def _failure(error: ErrorInfo) -> bytes:
    return digest([error.type, error.message])


def loops_in(events: list[Any], loops: Loops) -> list[LoopFact]:
    """Return the circles in the events of one root run."""
    start = next((event for event in events if isinstance(event, RunStarted)), None)
    if start is None:
        return []
    circles = Circles(start, loops)
    return [fact for event in events for fact in circles.apply(event)]
