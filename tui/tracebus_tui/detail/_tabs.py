"""The tabs of the detail pane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tracebus.tree import BatchGroup, RunNode, RunStatus
from tracebus_tui.detail._blocks import Paragraph, as_json, bounded, shown
from tracebus_tui.detail._events import events_of
from tracebus_tui.detail._facts import batch_of, info_of, together_of
from tracebus_tui.detail._failure import error_of
from tracebus_tui.detail._flow import flow
from tracebus_tui.detail._payloads import inputs_of, news_of, output_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from tracebus_tui.detail._blocks import Block
    from tracebus_tui.detail._journal import Journal
    from tracebus_tui.detail._wrap import Layout
    from tracebus_tui.model import Item

TABS: Final = ("Output", "Input", "Info", "Error", "Events", "Raw")
EVENTS: Final = "Events"
INPUT: Final = "Input"

_BUILD: dict[str, Callable[[RunNode, int], list[Block]]] = {
    "Output": lambda node, _: output_of(node),
    "Input": lambda node, _: inputs_of(node),
    "Info": info_of,
    "Error": lambda node, _: error_of(node),
    "Raw": lambda node, _: _raw_of(node),
}


class Look(msgspec.Struct, frozen=True):
    """How the user wants to see it."""

    rendered: bool | None = None
    """Whether Markdown is rendered; where not said, that of runs that have ended."""
    opened: frozenset[int] = frozenset()
    """The stretches of chunks that are opened, in the Events tab."""
    whole: bool = False
    """Whether all of a conversation is shown, in the Input tab, or only what is new in it."""

    def renders(self, item: Item | None) -> bool:
        """Return whether Markdown of *item* is rendered: of a run that still writes it jumps about."""
        if self.rendered is not None:
            return self.rendered
        return not isinstance(item, RunNode) or item.status is not RunStatus.RUNNING


def version_of(item: Item | None, tab: str, look: Look, journal: Journal | None, now: int) -> Hashable:
    """Return what changes when `layout_of` would."""
    how = (tab, look, journal.version if journal is not None else 0)
    if not isinstance(item, RunNode):
        return how if item is None else (how, item.id, item.counters, now // 1_000_000_000)
    match tab:
        case "Input":
            return (how, item.run_id, id(item.inputs), look.renders(item))
        case "Raw":
            return (how, item.run_id, id(item.start), id(item.end))
        case "Info" if item.status is RunStatus.RUNNING:
            return (how, item.run_id, item.generation, now // 200_000_000)
        case _:
            return (how, item.run_id, item.generation)


def layout_of(item: Item | None, tab: str, look: Look, journal: Journal | None, now: int) -> Layout:
    """Return how what *tab* says about *item* is laid out."""
    if isinstance(item, RunNode) and tab == EVENTS:
        return events_of(item, journal, look.opened)
    if isinstance(item, RunNode) and tab == INPUT and not look.whole:
        return flow(bounded(news_of(item)), rendered=look.renders(item))
    return flow(bounded(_blocks(item, tab, now)), rendered=look.renders(item))


def _blocks(item: Item | None, tab: str, now: int) -> list[Block]:
    match item:
        case None:
            return [Paragraph("no runs yet", "faint")]
        case BatchGroup():
            return batch_of(item)
        case RunNode():
            return _BUILD[tab](item, now)
        case _:
            return together_of(item)


def _raw_of(node: RunNode) -> list[Block]:
    """Return the start and the end as they came, as JSON."""
    events = [event for event in (node.start, node.end) if event is not None]
    return [Paragraph(shown(as_json(msgspec.to_builtins(event, str_keys=True)))) for event in events]
