"""What the detail pane says about a run, as paragraphs of sanitised text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tracebus.figures import count, dollars, duration
from tracebus.text import sanitise
from tracebus.tree import BatchGroup, RunNode, RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from tracebus_tui.model import Item

MOST_SHOWN = 200_000
"""Characters of one text that are shown; copying and saving take all of it."""
_MOST_IN_JSON = 20_000
_DEEP = 40


class Paragraph(NamedTuple):
    """Text, possibly of many lines, in one style."""

    text: str
    style: str = "value"
    indent: int = 0


def shown(text: str, *, tail: bool = False) -> str:
    """Return *text* safe to show, cut where nobody would read on; the end of it with *tail*."""
    if len(text) > MOST_SHOWN:
        more = count(len(text) - MOST_SHOWN)
        kept = sanitise(text[-MOST_SHOWN:] if tail else text[:MOST_SHOWN])
        return f"… {more} characters before\n{kept}" if tail else f"{kept}\n… {more} characters more"
    return sanitise(text)


def as_json(value: Any) -> str:
    """Return *value* as indented JSON with its longest strings cut."""
    try:
        encoded = msgspec.json.encode(_shortened(value, _DEEP))
        return msgspec.json.format(encoded, indent=2).decode()
    except (TypeError, ValueError, RecursionError) as error:
        return f"(no JSON form: {error})"


def _shortened(value: Any, depth: int) -> Any:
    if depth == 0:
        return "…"
    match value:
        case str() if len(value) > _MOST_IN_JSON:
            return f"{value[:_MOST_IN_JSON]}… ({count(len(value))} characters)"
        case dict():
            return {key: _shortened(inner, depth - 1) for key, inner in value.items()}
        case list() | tuple():
            return [_shortened(inner, depth - 1) for inner in value]
        case _:
            return value


# What went in and came out.


def _value(value: Any) -> Iterator[Paragraph]:
    match value:
        case None:
            yield Paragraph("nothing recorded", "faint")
        case str():
            yield Paragraph(shown(value))
        case {"messages": [*messages]} if all(isinstance(message, dict) for message in messages):
            for message in messages:
                yield from _message(message)
        case {"documents": [*documents]}:
            for number, document in enumerate(documents, 1):
                yield from _document(number, document)
        case {"prompts": [*texts]} | {"completions": [*texts]}:
            for text in texts:
                yield Paragraph(shown(text if isinstance(text, str) else as_json(text)))
        case {"query": str(query)}:
            yield Paragraph(shown(query))
        case _:
            yield Paragraph(shown(as_json(value)))


def _message(message: dict[str, Any]) -> Iterator[Paragraph]:
    role = str(message.get("role") or message.get("type") or "message")
    name = message.get("name")
    yield Paragraph(shown(f"{role}{f' {name}' if name else ''}"), "title")
    content = message.get("content")
    if isinstance(content, list):
        for block in content:
            yield from _block(block)
    elif content:
        yield Paragraph(shown(content if isinstance(content, str) else as_json(content)), indent=2)
    for call in message.get("tool_calls") or ():
        if isinstance(call, dict):
            yield Paragraph(shown(f"{call.get('name')}({as_json(call.get('args'))})"), "tool", 2)
    yield Paragraph("")


def _block(block: Any) -> Iterator[Paragraph]:
    match block:
        case str():
            yield Paragraph(shown(block), indent=2)
        case {"text": str(text)}:
            yield Paragraph(shown(text), indent=2)
        case {"reasoning": str(text)} | {"thinking": str(text)}:
            yield Paragraph(shown(text), "faint", 2)
        case _:
            yield Paragraph(shown(as_json(block)), "faint", 2)


def _document(number: int, document: Any) -> Iterator[Paragraph]:
    match document:
        case {"page_content": str(text), **rest}:
            metadata = rest.get("metadata")
            source = metadata.get("source") if isinstance(metadata, dict) else None
            yield Paragraph(shown(f"{number}. {source or 'document'}"), "title")
            yield Paragraph(shown(text), indent=2)
            if metadata:
                yield Paragraph(shown(as_json(metadata)), "faint", 2)
        case _:
            yield Paragraph(shown(as_json(document)))
    yield Paragraph("")


def inputs_of(node: RunNode) -> list[Paragraph]:
    """Return what the run was given."""
    return list(_value(node.inputs))


def output_of(node: RunNode) -> list[Paragraph]:
    """Return what the run put out so far: reasoning, text, tool calls; or its outputs."""
    paragraphs: list[Paragraph] = []
    running = node.status is RunStatus.RUNNING
    if node.error is not None:
        paragraphs += [Paragraph(shown(f"{node.error.type}: {node.error.message}"), "error"), Paragraph("")]
    if node.reasoning:
        paragraphs += [
            Paragraph("reasoning", "title"),
            Paragraph(shown(node.reasoning, tail=running), "faint", 2),
        ]
        paragraphs.append(Paragraph(""))
    text = node.text
    if text:
        paragraphs.append(Paragraph(shown(text, tail=running) + ("▌" if running else "")))
    for call in node.tool_calls:
        paragraphs.append(Paragraph(shown(f"{call.name}({call.args})"), "tool"))
    if not text and not node.tool_calls:
        if node.outputs is not None:
            paragraphs += _value(node.outputs)
        elif running and not node.reasoning:
            paragraphs.append(Paragraph("waiting for output …", "faint"))
        elif node.error is None and not running:
            paragraphs.append(Paragraph("no output recorded", "faint"))
    return paragraphs


# Facts.


def facts_of(node: RunNode, now: int) -> list[tuple[str, str]]:
    """Return what is known of the run as names and values, sanitised."""
    took = node.elapsed(now)
    model = node.model
    usage = node.usage
    path = " / ".join([above.name for above in node.ancestors()][::-1][-4:])
    rows = [
        ("status", node.status.value),
        ("kind", node.kind.value),
        ("run id", node.run_id),
        ("under", path),
        ("model", " ".join(filter(None, (model.provider, model.name))) if model else ""),
        ("took", duration(took) if took is not None else ""),
        ("ttft", duration(node.time_to_first_token) if node.time_to_first_token is not None else ""),
        ("rate", _rate(node, now)),
        ("tokens", _usage(node)),
        (
            "cost",
            (dollars(node.cost) + (" and more" if node.cost_partial else ""))
            if node.cost is not None
            else "",
        ),
        ("chunks", str(node.chunks) if node.chunks else ""),
        ("attempts", str(node.attempts) if node.attempts > 1 else ""),
        ("retries", str(node.retries) if node.retries else ""),
        ("runs below", _below(node)),
        ("tags", ", ".join(node.tags)),
        *((key, value if isinstance(value, str) else as_json(value)) for key, value in _parameters(node)),
        *(
            (str(key), value if isinstance(value, str) else as_json(value))
            for key, value in node.metadata.items()
        ),
        *(("link", f"{link.relation} {link.run_id or link.traceparent}") for link in node.links),
    ]
    if usage is not None:
        rows += [(name.replace("_", " "), str(value)) for name, value in _details(usage)]
    if node.end is not None and node.end.finish_reasons:
        rows.append(("finished", ", ".join(node.end.finish_reasons)))
    if node.end is not None and node.end.cached:
        rows.append(("cached", "the answer came out of LangChain's cache"))
    cuts = [cut for event in (node.start, node.end) if event is not None for cut in event.cuts]
    if cuts:
        rows.append(("left out", ", ".join(f"{cut.path} ({cut.reason})" for cut in cuts[:20])))
    return [(sanitise(name, one_line=True), shown(value)) for name, value in rows if value]


def _parameters(node: RunNode) -> list[tuple[str, Any]]:
    return list(node.model.parameters.items()) if node.model is not None else []


def _details(usage: Any) -> list[tuple[str, int]]:
    names = ("cache_read_tokens", "cache_creation_tokens", "reasoning_tokens", "input_audio_tokens")
    return [(name, value) for name in names if (value := getattr(usage, name))]


def _usage(node: RunNode) -> str:
    usage = node.usage
    if usage is None:
        return (
            f"~{node.chunks} out" if node.chunks and node.is_model else ("unknown" if node.is_model else "")
        )
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


def _below(node: RunNode) -> str:
    return ", ".join(f"{number} {status.value}" for status, number in node.counts if number)


def info_of(node: RunNode, now: int) -> list[Paragraph]:
    """Return the facts as paragraphs."""
    return [Paragraph(f"{name:<12} {value}") for name, value in facts_of(node, now)]


def error_of(node: RunNode) -> list[Paragraph]:
    """Return the error with its traceback, and why earlier attempts failed."""
    paragraphs: list[Paragraph] = []
    for retry in node.retry_events:
        why = f": {retry.error.type}: {retry.error.message}" if retry.error is not None else ""
        paragraphs.append(Paragraph(shown(f"attempt {retry.attempt} follows{why}"), "cancelled"))
    error = node.error
    if error is None:
        failed = [kid for kid in node.walk() if kid is not node and kid.error is not None][:20]
        for kid in failed:
            message = kid.error.message if kid.error is not None else ""
            paragraphs.append(Paragraph(shown(f"inside: {kid.name}: {message}"), "error"))
        return paragraphs or [Paragraph("no error", "faint")]
    paragraphs.append(Paragraph(shown(f"{error.type}: {error.message}"), "error"))
    if error.traceback:
        paragraphs += [Paragraph(""), Paragraph(shown(error.traceback))]
    return paragraphs


def events_of(node: RunNode) -> list[Paragraph]:
    """Return the run's events with the seconds since its start; streamed chunks as one line."""
    lines: list[tuple[int, str]] = []
    if node.start is not None:
        lines.append((node.start.time, "started"))
    if node.stream is not None and node.stream.first_at is not None:
        lines.append((node.stream.first_at, f"first token, then {node.chunks - 1} chunks more"))
    lines += [(event.time, f"retried: attempt {event.attempt} follows") for event in node.retry_events]
    lines += [(event.time, f"custom {event.name}: {as_json(event.data)}") for event in node.custom_events]
    lines += [(kid.started_at, f"child started: {kid.name}") for kid in node.children[:200] if kid.started_at]
    if node.end is not None:
        lines.append((node.end.time, f"ended: {node.end.outcome.value}"))
    begin = node.started_at or min((time for time, _ in lines), default=0)
    return [Paragraph(shown(f"{(time - begin) / 1e9:>9.3f}s  {text}")) for time, text in sorted(lines)]


def raw_of(node: RunNode) -> list[Paragraph]:
    """Return the start and the end as they came, as JSON."""
    events = [event for event in (node.start, node.end) if event is not None]
    return [Paragraph(shown(as_json(msgspec.to_builtins(event, str_keys=True)))) for event in events]


def batch_of(group: BatchGroup) -> list[Paragraph]:
    """Return what is known of a batch."""
    counts = ", ".join(f"{number} {status.value}" for status, number in group.counts if number)
    usage = group.usage
    facts = [
        ("batch", group.name),
        ("size", str(group.size)),
        ("runs", counts),
        ("tokens", f"{usage.input_tokens} in, {usage.output_tokens} out" if usage is not None else ""),
        ("cost", dollars(group.cost) if group.cost is not None else ""),
    ]
    return [Paragraph(shown(f"{name:<12} {value}")) for name, value in facts if value]


# The tabs.

TABS = ("Output", "Input", "Info", "Error", "Events", "Raw")

_BUILD: dict[str, Callable[[RunNode, int], list[Paragraph]]] = {
    "Output": lambda node, _: output_of(node),
    "Input": lambda node, _: inputs_of(node),
    "Info": info_of,
    "Error": lambda node, _: error_of(node),
    "Events": lambda node, _: events_of(node),
    "Raw": lambda node, _: raw_of(node),
}


def version_of(item: Item | None, tab: str, now: int) -> Hashable:
    """Return what changes when `paragraphs_of` would."""
    if not isinstance(item, RunNode):
        return None if item is None else (item.id, item.statuses, item.total)
    match tab:
        case "Input":
            return (item.run_id, id(item.inputs))
        case "Raw":
            return (item.run_id, id(item.start), id(item.end))
        case "Info" if item.status is RunStatus.RUNNING:
            return (item.run_id, item.generation, now // 200_000_000)
        case _:
            return (item.run_id, item.generation)


def paragraphs_of(item: Item | None, tab: str, now: int) -> list[Paragraph]:
    """Return what *tab* says about *item*."""
    match item:
        case None:
            return [Paragraph("no runs yet", "faint")]
        case BatchGroup():
            return batch_of(item)
        case RunNode():
            return _BUILD[tab](item, now)
