"""The key that finds a text in all runs of the log, and goes where it was first."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tracebus.events import RunStarted
from tracebus.searching import look
from tracebus_tui.keys._save import known_events
from tracebus_tui.keys._search import Place, Search, excerpt
from tracebus_tui.picture._margins import RUNS
from tracebus_tui.picture._picture import Picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import Event
    from tracebus.searching import Found

_MOST_ROOTS = 500
_SEARCH_SECONDS = 5.0
_MOST_PLACES = 500


class Searching(Picture):
    """Looks a text up in the log, as the page does."""

    searched = ""
    """What was looked for last."""

    def action_search(self) -> None:
        """Ask for a text, list where it is, and go to the place that is chosen."""
        self.push_screen(Search(self.spell, self.searched), self._go_to_place)

    def on_search_asked(self, event: Search.Asked) -> None:
        """Look for the text, instead of the one before."""
        self.searched = event.text
        self.run_worker(self._search(event.screen, event.text), exclusive=True, group="search")

    async def _search(self, screen: Search, text: str) -> None:
        until = time.monotonic() + _SEARCH_SECONDS
        searched = having = 0
        roots: Sequence[str] = ()
        try:
            roots = await self._roots()
            for root_run_id in roots:
                if time.monotonic() > until or len(screen.places) >= _MOST_PLACES:
                    break
                events = await self._events_of(root_run_id)
                found = await asyncio.to_thread(look, events, text)
                searched += 1
                if found is not None and screen.is_attached:
                    having += 1
                    screen.add(_places(root_run_id, events, found, text))
        except Exception as error:  # noqa: BLE001 - said to the user; the view goes on
            if screen.is_attached:
                screen.say(f"not searched: {error}")
            return
        if screen.is_attached:
            left = f"; {len(roots) - searched} older ones not searched" if len(roots) > searched else ""
            screen.say(f"in {having} of {searched} root runs, the newest first{left}")

    async def _roots(self) -> list[str]:
        """Return the latest root runs of the log, and those shown, the latest first."""
        shown = [root.run_id for root in reversed(self.model.runs.roots)]
        stored = await asyncio.to_thread(self.feed.source.roots, _MOST_ROOTS)
        return list(dict.fromkeys([*shown, *stored]))[:_MOST_ROOTS]

    async def _events_of(self, root_run_id: str) -> Sequence[Event]:
        events = await asyncio.to_thread(self.feed.source.events_of, root_run_id)
        root = self.model.runs.get(root_run_id)
        return events if events or root is None else known_events(root)

    async def _go_to_place(self, place: Place | None) -> None:
        if place is None:
            return
        if self.model.runs.get(place.run_id) is None:  # older than what the view began with
            self.model.apply(await self._events_of(place.root_run_id))
            self.view.sort()
        if self._screen_now != RUNS:
            self._screen_now = RUNS
            self._arrange()
        node = self.model.runs.get(place.run_id)
        if node is None or not self.view.reveal(node):
            self.say("the filter hides that run: esc clears it")
            return
        self._unfollow()
        self._due.clear()
        self.say(f"found first here: {place.text[:200]}")


def _places(root_run_id: str, events: Sequence[Event], found: Found, text: str) -> list[Place]:
    """Return where *found* says the text was first; the root run where only a name or an error has it."""
    names = {event.run_id: event.name for event in events if isinstance(event, RunStarted)}
    root = names.get(root_run_id, "?")
    if not found.first:
        return [Place(root_run_id, root_run_id, root, "in the name of a run, or in an error")]
    having = f", in {found.runs} runs" if found.runs > 1 else ""
    return [
        Place(
            root_run_id,
            run_id,
            (root if run_id == root_run_id else f"{root} / {names.get(run_id, '?')}") + having,
            excerpt(said, text),
        )
        for run_id, said in zip(found.first, found.texts, strict=True)
    ]
