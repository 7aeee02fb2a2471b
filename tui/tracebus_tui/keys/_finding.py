"""Keys that find: filter, jumps, order, pins, and text within a text."""

from __future__ import annotations

import re
import time

from textual.widgets import Input

from tracebus_tui.keys._commands import Compare
from tracebus_tui.model import ORDERS
from tracebus_tui.picture._margins import RUNS
from tracebus_tui.picture._picture import Picture

_CALL = re.compile(r"#(\d{1,9})")
_TYPING = 0.12
_MANY_LINES = 5_000
_FILTERS = "words  kind:tool  status:error  took:>2s  #57  …"


class Finding(Picture):
    """Asks what to look for, and goes there."""

    def action_filter(self) -> None:
        """Ask for a filter; with the keys in a text, for what to find in it."""
        self._finding = self._text_in_focus
        prompt = self.query_one("#prompt", Input)
        with prompt.prevent(Input.Changed):
            prompt.value = self.view.filter_text if self._finding is None else self._finding.wanted
        prompt.placeholder = _FILTERS if self._finding is None else "find in this text"
        prompt.display = True
        prompt.cursor_position = len(prompt.value)
        prompt.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Find at once; filter, and find in very many lines, a moment after the last key."""
        event.stop()
        if self._finding is None and event.value.lstrip().startswith("#"):
            return  # the number of a model call, being typed
        if self._finding is None or len(self._finding.lines) > _MANY_LINES:
            self._filter_at = time.monotonic() + _TYPING
        else:
            self._apply_filter()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep what was typed and return to where the keys were; `#57` goes to that model call."""
        event.stop()
        call = _CALL.fullmatch(event.value.strip())
        if call is not None and self._finding is None:
            self._drop_prompt()
            self.go_to_call(int(call[1]))
            return
        self._apply_filter()
        self._close_prompt()

    def _close_prompt(self) -> None:
        self.query_one("#prompt").display = False
        (self._finding or self._runs).focus()

    def go_to_call(self, number: int) -> None:
        """Go to a model call of the root run by its number, counted from 1 in the order they began."""
        calls = self.view.model_calls()
        if not 1 <= number <= len(calls):
            have = f"this run has {len(calls)} model calls" if calls else "go to a run first"
            self.say(f"no model call {number}: {have}")
            return
        if self._screen_now != RUNS:
            self._screen_now = RUNS
            self._arrange()
        if self.view.reveal(calls[number - 1]):
            self._unfollow()
            self._due.clear()
            self.say(f"model call {number} of {len(calls)}")
        else:
            self.say(f"the filter hides model call {number}: esc clears it")

    def action_hit(self, step: int) -> None:
        """Go to the next or the previous hit; in a text in which something was found, to its next place."""
        text = self._text_in_focus
        if text is not None and text.wanted:
            text.find_next(back=step < 0)
            self.say(text.said)
        else:
            self._jump(self.view.next_hit(back=step < 0), "no hits: filter with /")

    def action_context(self) -> None:
        """Show only hits, or all with the hits marked."""
        self.view.only_hits = not self.view.only_hits
        self.view.rebuild()
        self.say("only hits" if self.view.only_hits else "hits are marked; n goes to the next")

    def action_error(self, step: int) -> None:
        """Go to the next or the previous error."""
        self._jump(self.view.next_error(back=step < 0), "no errors")

    def action_slowest(self) -> None:
        """Go to the slowest run that has no runs below it."""
        self._jump(self.view.extreme(lambda node: node.elapsed(self._clock())), "no runs")

    def action_dearest(self) -> None:
        """Go to the most expensive run."""
        self._jump(self.view.extreme(lambda node: node.cost), "no costs are known")

    def action_sort(self) -> None:
        """Sort by the next order, a table by its next column."""
        table = self._table_in_focus
        if table is not None:
            table.sort()
            self._due.clear()
            return
        place = next(number for number, order in enumerate(ORDERS) if order is self.view.order)
        self.view.order_by(ORDERS[(place + 1) % len(ORDERS)])
        self.say(f"sorted by {self.view.order.name}")

    def action_reverse(self) -> None:
        """Turn the order round."""
        table = self._table_in_focus
        if table is not None:
            table.turn_round()
            self._due.clear()
            return
        self.view.order_by(self.view.order, reverse=not self.view.reversed)

    def action_pin(self) -> None:
        """Pin or unpin the run."""
        node = self.view.node
        if node is None:
            return
        if node.run_id in self.view.pins:
            del self.view.pins[node.run_id]
        else:
            self.view.pins[node.run_id] = None

    def action_next_pin(self) -> None:
        """Go to the next pinned run."""
        self._jump(self.view.next_pin(), "nothing is pinned: b pins a run")

    def action_compare(self) -> None:
        """Show the run beside the last pinned one."""
        node = self.view.node
        others = [
            pinned
            for run_id in reversed(self.view.pins)
            if (pinned := self.model.runs.get(run_id)) and pinned is not node
        ]
        if node is None or not others:
            pin = "pin a run with b, go to another, and compare with c"
            self.say(pin if node is not None else "a single run is compared: go to one")
            return
        self.push_screen(Compare(others[0], node, self._clock()))

    def _drop_prompt(self) -> None:
        with self.query_one("#prompt", Input).prevent(Input.Changed):
            self.query_one("#prompt", Input).value = ""
        self._apply_filter()
        self._close_prompt()
