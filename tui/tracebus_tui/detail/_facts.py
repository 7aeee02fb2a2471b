"""What is known of a run or a batch as names and values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebus.figures import dollars, duration
from tracebus.outline import names_above
from tracebus.text import sanitise
from tracebus.tree import BatchGroup, RunNode, RunStatus
from tracebus_tui.detail._blocks import Paragraph, as_json, shown
from tracebus_tui.drawing import width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tracebus_tui.detail._blocks import Block
    from tracebus_tui.model._row import Together

_MOST_CUTS = 20
_WIDEST_NAME = 20


def facts_of(node: RunNode, now: int) -> list[tuple[str, str]]:
    """Return what is known of the run as names and values, sanitised."""
    rows = [*_about(node), *_times(node, now), *_amounts(node), *_around(node), *_given(node), *_ending(node)]
    return [(sanitise(name, one_line=True), shown(value)) for name, value in rows if value]


def aligned(names: Iterable[str]) -> Callable[[str], str]:
    """Return what pads a name so that the values of all *names* stand below each other."""
    cells = min(_WIDEST_NAME, max(map(width, names), default=0))
    return lambda name: name + " " * (cells - width(name)) + "  "


def _about(node: RunNode) -> Iterator[tuple[str, str]]:
    model = node.model
    yield "status", node.status.value
    yield "kind", node.kind.value
    yield "run id", node.run_id
    yield "under", " / ".join(names_above(node)[-4:])
    yield "model", " ".join(filter(None, (model.provider, model.name))) if model else ""


def _times(node: RunNode, now: int) -> Iterator[tuple[str, str]]:
    took, waited = node.elapsed(now), node.time_to_first_token
    yield "took", duration(took) if took is not None else ""
    yield "ttft", duration(waited) if waited is not None else ""
    yield "rate", _rate(node, now)


def _amounts(node: RunNode) -> Iterator[tuple[str, str]]:
    yield "tokens", _usage(node)
    if node.cost is not None:
        yield "cost", dollars(node.cost) + (" and more" if node.cost_partial else "")
    yield "chunks", str(node.chunks) if node.chunks else ""
    usage = node.usage
    if usage is not None:
        names = ("cache_read_tokens", "cache_creation_tokens", "reasoning_tokens", "input_audio_tokens")
        for name in names:
            yield name.removesuffix("_tokens").replace("_", " "), _known(getattr(usage, name))


def _around(node: RunNode) -> Iterator[tuple[str, str]]:
    yield "attempts", str(node.attempts) if node.attempts > 1 else ""
    yield "retries", str(node.retries) if node.retries else ""
    yield "runs below", _counted(node)
    yield "tags", ", ".join(node.tags)
    for link in node.links:
        yield "link", f"{link.relation} {link.run_id or link.traceparent}"


def _given(node: RunNode) -> Iterator[tuple[str, str]]:
    """Yield the model's parameters, and the metadata."""
    parameters = node.model.parameters if node.model is not None else {}
    for key, value in (*parameters.items(), *node.metadata.items()):
        yield str(key), value if isinstance(value, str) else as_json(value)


def _ending(node: RunNode) -> Iterator[tuple[str, str]]:
    end = node.end
    if end is not None:
        yield "finished", ", ".join(end.finish_reasons)
        yield "cached", "the answer came out of LangChain's cache" if end.cached else ""
    cuts = [cut for event in (node.start, end) if event is not None for cut in event.cuts]
    yield "left out", ", ".join(f"{cut.path} ({cut.reason})" for cut in cuts[:_MOST_CUTS])


def _known(number: int | None) -> str:
    return str(number) if number else ""


def _usage(node: RunNode) -> str:
    usage = node.usage
    if usage is None:
        if not node.is_model:
            return ""
        return f"~{node.chunks} out" if node.chunks else "unknown"
    known = [
        f"{'unknown' if number is None else number} {word}"
        for number, word in ((usage.input_tokens, "in"), (usage.output_tokens, "out"))
    ]
    return ", ".join(known) + (" and more" if node.usage_partial else "")


def _rate(node: RunNode, now: int) -> str:
    if node.status is RunStatus.RUNNING:
        rate = node.chunks_per_second(now)
        return f"~{rate:.0f} chunks/s" if rate is not None else ""
    return f"{node.tokens_per_second:.0f} tok/s" if node.tokens_per_second is not None else ""


def _counted(runs: RunNode | BatchGroup) -> str:
    return ", ".join(f"{number} {status.value}" for status, number in runs.counts if number)


def info_of(node: RunNode, now: int) -> list[Block]:
    """Return the facts as paragraphs."""
    facts = facts_of(node, now)
    pad = aligned(name for name, _ in facts)
    return [Paragraph(pad(name) + value.replace("\n", "\n" + pad(""))) for name, value in facts]


def batch_of(group: BatchGroup) -> list[Block]:
    """Return what is known of a batch."""
    usage = group.usage
    facts = [
        ("batch", group.name),
        ("size", str(group.size)),
        ("runs", _counted(group)),
        ("tokens", f"{usage.input_tokens} in, {usage.output_tokens} out" if usage is not None else ""),
        ("cost", dollars(group.cost) if group.cost is not None else ""),
    ]
    return [Paragraph(shown(f"{name:<12} {value}")) for name, value in facts if value]


def together_of(runs: Together) -> list[Block]:
    """Return what is known of runs that are folded into one row."""
    usage = runs.usage
    facts = [
        ("runs", f"{len(runs)} finished ok{f', {runs.title}' if runs.loop is not None else ''}"),
        ("name", runs.name),
        ("took", f"p50 {duration(runs.percentile(0.5))}, p95 {duration(runs.percentile(0.95))}"),
        ("tokens", f"{usage.input_tokens} in, {usage.output_tokens} out" if usage is not None else ""),
        ("cost", dollars(runs.cost) if runs.cost is not None else ""),
    ]
    return [Paragraph(shown(f"{name:<12} {value}")) for name, value in facts if value]
