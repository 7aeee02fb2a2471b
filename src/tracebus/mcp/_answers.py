"""The answers, as text: each a pure function of what the log says."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tracebus import figures
from tracebus.causes import before, cause_of, causes, own_seconds
from tracebus.mcp._prompts_given import new_part
from tracebus.outline import described, names_above, outline
from tracebus.text import first_line
from tracebus.transcript import given, put_out, told
from tracebus.tree import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracebus.events import ErrorInfo
    from tracebus.logs import RunSummary
    from tracebus.tree import RunNode

__all__ = ["cost_of_run", "failure_of_run", "list_of_runs", "part_of_run", "tree_of_run"]

_TRACEBACK = 40
"""Lines of a traceback, from its end: the cause stands there."""
_MOST = 8
_LINE = 300


def list_of_runs(runs: Sequence[RunSummary]) -> str:
    """Return one line a run: id, status, name, kind, when, how long, tokens, models, error."""
    if not runs:
        return "no such runs"
    return "\n".join("  ".join(_facts(run)) for run in runs)


def _facts(run: RunSummary) -> Iterator[str]:
    yield run.run_id
    yield run.status
    yield first_line(run.name, 60) or "?"
    yield run.kind.value
    if run.started is not None:
        yield datetime.fromtimestamp(run.started / 1e9).astimezone().isoformat(timespec="seconds")
    if run.duration is not None:
        yield figures.duration(run.duration)
    if run.total_tokens is not None:
        yield f"{run.total_tokens} tokens"
    if run.models:
        yield first_line(", ".join(run.models), 80)
    if run.error_type:
        yield first_line(f"{run.error_type}: {run.error_message or ''}", _LINE)


def tree_of_run(node: RunNode) -> str:
    """Return the run and all below it, one line each with its id."""
    above = " / ".join(first_line(name, 60) for name in names_above(node))
    head = [f"{node.run_id}" + (f"  under {above}" if above else "")]
    if node.tags:
        head.append("tags: " + ", ".join(first_line(tag, 80) for tag in node.tags))
    if node.status is RunStatus.LOST:
        head.append("lost: the process that wrote it is gone, or its events did not reach the log")
    return "\n".join([*head, *outline([node], limit=400, ids=True)])


def part_of_run(node: RunNode, part: str, *, whole: bool, content: bool) -> str:
    """Return what a run was given, put out, or failed with, with what is cut said.

    Args:
        node: the run.
        part: `input`, `output`, `error` or `all`.
        whole: a conversation from its beginning; otherwise what an earlier model call did not have.
        content: whether what was said may be shown.
    """
    wanted = ("input", "output", "error") if part == "all" else (part,)
    parts = [described(node)]
    for name in wanted:
        text = _part(node, name, whole=whole) if content or name == "error" else "(content is not shown here)"
        parts.append(f"{name}:\n{text or '(nothing recorded)'}")
    parts += _left_out(node, wanted)
    return "\n\n".join(parts)


def _part(node: RunNode, name: str, *, whole: bool) -> str:
    match name:
        case "input":
            return given(node) if whole else new_part(node) or given(node)
        case "output":
            reasoning = f"(reasoning) {node.reasoning}\n" if node.reasoning else ""
            return reasoning + put_out(node)
        case _:
            return _own_error(node)


def _own_error(node: RunNode) -> str:
    """Return the error with its traceback, or, where it comes from below, where that can be read."""
    if node.error is None:
        return "(no error)"
    cause = cause_of(node)
    if cause is None or cause is node:
        return _error(node.error)
    return (
        f"{node.error.type}: {node.error.message}\nit comes from below: [{cause.run_id}] {described(cause)}"
    )


def _error(error: ErrorInfo) -> str:
    lines = (error.traceback or "").rstrip().split("\n")
    if len(lines) > _TRACEBACK:
        lines = [f"… {len(lines) - _TRACEBACK} lines before", *lines[-_TRACEBACK:]]
    return "\n".join([f"{error.type}: {error.message}", *(line for line in lines if line)])


def _left_out(node: RunNode, wanted: Sequence[str]) -> Iterator[str]:
    """Yield what of the parts is not what the program had, and why."""
    cuts = [cut for event in (node.start, node.end) if event is not None for cut in event.cuts]
    about = [cut for cut in cuts if any(cut.path.startswith(f"/{name}") for name in wanted)]
    if about:
        lines = [
            f"  {cut.path}: {cut.reason}" + (f", {cut.size} before" if cut.size is not None else "")
            for cut in about[:_MOST]
        ]
        more = [f"  … {len(about) - _MOST} more"] if len(about) > _MOST else []
        yield "\n".join(["not as the program had it:", *lines, *more])


def failure_of_run(node: RunNode, *, content: bool) -> str:
    """Return what failed and why: the innermost error, its attempts, its input, what came before."""
    cause = cause_of(node)
    if cause is None:
        return _did_not_fail(node)
    path = " / ".join(first_line(name, 60) for name in [*names_above(cause), cause.name])
    parts = [f"cause: {path}  [{cause.run_id}]"]
    if cause.error is not None:
        parts.append(_error(cause.error))
    parts += _attempts(cause)
    if content and (text := _clipped(new_part(cause) or given(cause))):
        parts.append(f"what it was given:\n{text}")
    if earlier := before(cause):
        parts.append(
            "what came before, the latest last:\n" + "\n".join(_step(step, content) for step in earlier)
        )
    others = [each for each in causes(node) if each is not cause]
    if others:
        lines = "\n".join(f"  {described(each)}  [{each.run_id[-8:]}]" for each in others[:_MOST])
        parts.append(f"other errors below it, handled or tried again:\n{lines}")
    return "\n\n".join(parts)


def _did_not_fail(node: RunNode) -> str:
    states = {
        RunStatus.RUNNING: "it still runs",
        RunStatus.OK: "it did not fail: it ended ok",
        RunStatus.CANCELLED: "it was cancelled by the program, or with what contains it",
        RunStatus.ABANDONED: "nobody waited for its end: a stream was left early, or the process ended",
        RunStatus.INTERRUPTED: "it paused on purpose (a LangGraph interrupt), to be resumed",
        RunStatus.LOST: "its end never reached the log: the process that wrote it is gone",
    }
    parts = [described(node), states.get(node.status, node.status.value)]
    handled = causes(node)
    if handled:
        lines = "\n".join(f"  {described(each)}  [{each.run_id}]" for each in handled[:_MOST])
        parts.append(f"errors below it, all handled:\n{lines}")
    running = [each for each in node.walk() if each.status is RunStatus.RUNNING and not each.children]
    if running:
        lines = "\n".join(f"  {described(each)}  [{each.run_id}]" for each in running[:_MOST])
        parts.append(f"what runs now:\n{lines}")
    return "\n\n".join(parts)


def _attempts(cause: RunNode) -> Iterator[str]:
    """Yield how often it was tried, and why the attempts before failed."""
    siblings = cause.parent.children if cause.parent is not None else []
    earlier = [
        each
        for each in siblings
        if each is not cause
        and each.name == cause.name
        and each.error is not None
        and given(each) == given(cause)
    ]
    retries = [
        event
        for each in (cause, *cause.ancestors())
        for event in each.retry_events
        if event.error is not None
    ]
    if earlier or retries:
        lines = [f"  {described(each)}  [{each.run_id[-8:]}]" for each in earlier[:_MOST]]
        for event in retries[:_MOST]:
            error = event.error
            if error is not None:
                told_why = first_line(f"{error.type}: {error.message}", _LINE)
                lines.append(f"  before attempt {event.attempt}: {told_why}")
        yield "it was tried before:\n" + "\n".join(lines)


def _step(step: RunNode, content: bool) -> str:  # noqa: FBT001  a detail of this file
    said = first_line(put_out(step), _LINE) if content else ""
    return f"  {described(step)}  [{step.run_id[-8:]}]" + (f"\n      → {said}" if said else "")


def _clipped(text: str, longest: int = 3_000) -> str:
    return text if len(text) <= longest else f"{text[:longest]}\n… {len(text) - longest} characters more"


def cost_of_run(node: RunNode) -> str:
    """Return what was slow or dear: own time, waiting for first tokens, tokens and cost, the most first."""
    parts = [described(node)]
    if node.usage_partial or node.cost_partial:
        parts.append(
            "tokens or cost are too low: not every model call reported its own, or has a known price"
        )
    every = list(node.walk())
    parts += _ranked("time spent in a step itself, not below it", every, own_seconds, figures.duration)
    parts += _ranked(
        "wait for the first token", [each for each in every if each.is_model], _waited, figures.duration
    )
    parts += _ranked("tokens", every, _own_tokens, lambda number: f"{number:.0f} tokens")
    parts += _ranked("cost", every, lambda each: each.own_cost, figures.dollars)
    again = [each for each in every if each.attempts > 1]
    if again:
        parts.append(
            "tried again:\n"
            + "\n".join(f"  {described(each)}  [{each.run_id[-8:]}]" for each in again[:_MOST])
        )
    return "\n\n".join(parts)


def _waited(node: RunNode) -> float | None:
    return node.time_to_first_token


def _own_tokens(node: RunNode) -> float | None:
    usage = node.own_usage
    return float(usage.total_tokens) if usage is not None and usage.total_tokens is not None else None


def _ranked(title: str, nodes: Sequence[RunNode], measure: Any, show: Any) -> Iterator[str]:
    measured = [(value, node) for node in nodes if (value := measure(node))]
    measured.sort(key=lambda pair: pair[0], reverse=True)
    if measured:
        lines = [
            f"  {show(value)}  {first_line(node.name, 60)}  {node.kind.value}  [{node.run_id[-8:]}]"
            for value, node in measured[:_MOST]
        ]
        yield "\n".join([f"{title}:", *lines])


def found_in(node: RunNode, text: str) -> Iterator[str]:
    """Yield where *text* stands in what a run and those below it were given, put out or failed with."""
    wanted = text.lower()
    for each in node.walk():
        places = {
            "name": each.name,
            "input": told(each.inputs),
            "output": put_out(each),
            "error": f"{each.error.type}: {each.error.message}" if each.error is not None else "",
        }
        for place, value in places.items():
            at = value.lower().find(wanted)
            if at >= 0:
                around = value[max(0, at - 80) : at + len(text) + 120].replace("\n", " ")
                yield f"{each.run_id}  {first_line(each.name, 60)}  {place}: …{around}…"
