"""The exporter: decides what is printed when."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.text import Text

from tracebus import figures
from tracebus.events import CustomEmitted, RunEnded
from tracebus.signs import ASCII, UNICODE
from tracebus.text import encodable, first_line
from tracebus.tree import RunTree
from tracebus.watching import fact_of, is_fact, news
from tracebus_exporters._options import at_least, one_of, options_of, switch, tristate
from tracebus_exporters.console._bar import scale_of
from tracebus_exporters.console._batches import Gathered
from tracebus_exporters.console._cells import cells_of
from tracebus_exporters.console._layout import heading, layout_of, lines_of
from tracebus_exporters.console._rows import SIBLINGS, crowd_rows, rows_of
from tracebus_exporters.console._styles import DIM

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from tracebus.events import Event
    from tracebus.signs import Glyphs
    from tracebus.tree import PriceFunction, RunNode
    from tracebus_exporters.console._cells import Cells

_PATIENCE_NS = 2_000_000_000
"""How long, by the events' time, an ended root waits for descendants that still run."""
_CROWD = 200
"""So many finished runs of one name are printed, whatever still runs beside them."""
_PLAIN_WIDTH = 100
"""Cells of a line where no terminal says how wide it is."""


_LATE_NAME = 80
_MISSED = "… {:,} events missed: the console was too slow for them"


class ConsoleExporter:
    """Prints the tree of every root run when it has ended, and one summary for every batch.

    Writes to the standard error, so that what the program itself prints stays clean for pipes.
    Inputs and outputs are not printed; names and error messages are, made safe for a terminal.

    Args:
        file: where to print; the standard error, as it is at that time, where not given.
        colour: colours and bold always, never, or (`None`) where `file` is a terminal. `NO_COLOR`,
            `FORCE_COLOR` and `TERM=dumb` are respected.
        width: cells of a line; the terminal's width, or 100, where not given.
        ascii: draw with ASCII signs only; where not given, if `file` cannot take others.
        lines: how many rows of one tree are printed at most.
        price: what a model run cost; list prices where not given.
    """

    def __init__(
        self,
        *,
        file: TextIO | None = None,
        colour: bool | None = None,
        width: int | None = None,
        ascii: bool | None = None,  # noqa: A002 - the option's plain name
        lines: int = 200,
        price: PriceFunction | None = None,
    ) -> None:
        self._new_console = partial(_console, file, colour=colour)
        self._new_tree = partial(RunTree, price=price)
        self._width = width
        self._ascii = ascii
        self._limit = lines
        self.after_fork()

    def after_fork(self) -> None:
        """Begin anew: what has been seen is the parent process's to print, and its locks may be held."""
        self._console = self._new_console()
        self._tree = self._new_tree()
        self._waiting: dict[str, RunNode] = {}
        self._batches: dict[str, Gathered] = {}
        self._crowds: dict[str, list[RunNode]] = {}
        self._told = 0
        self._headed: AbstractSet[str] = frozenset()
        self._unwritten: list[Text] = []

    def export(self, batch: Sequence[Event], /) -> None:
        """Take *batch* in and print the root runs that have ended with all their descendants."""
        for event in batch:
            if isinstance(event, CustomEmitted) and is_fact(event) and self._tree.get(event.run_id) is None:
                self._tell_late(event)
                continue
            node = self._tree.apply(event)
            if node is not None and isinstance(event, RunEnded):
                self._look_at(self._tree.get(node.root_run_id))
        if batch:
            self._stop_waiting(batch[-1].time - _PATIENCE_NS)
        self._write()

    def flush(self, _timeout: float, /) -> None:
        """Print the ended root runs that still wait for descendants."""
        self._stop_waiting(None)
        self._write()

    def close(self) -> None:
        """Print what has not ended, too, as far as it is known."""
        self._stop_waiting(None)
        for root in list(self._tree.roots):
            self._finish(root)
        for name in list(self._crowds):
            self._disperse(name)
        for gathered in self._batches.values():
            self._show([gathered.cells(self._glyphs)], None)
        self._batches.clear()
        self._write()

    # What is printed when.

    def _look_at(self, root: RunNode | None) -> None:
        if root is None or root.end is None:
            return
        if root.counts.running:
            self._waiting[root.run_id] = root
        else:
            self._finish(root)

    def _stop_waiting(self, ended_before: int | None) -> None:
        """Print the waiting roots that ended before that time, or all: their descendants hang."""
        for root in list(self._waiting.values()):
            if ended_before is None or (root.ended_at or 0) < ended_before:
                self._finish(root)
        for name, roots in list(self._crowds.items()):
            if ended_before is None or (roots[0].ended_at or 0) < ended_before:
                self._disperse(name)

    def _finish(self, root: RunNode) -> None:
        self._waiting.pop(root.run_id, None)
        group = root.batch_group
        if group is None or group.size < 2:  # noqa: PLR2004 - a batch of one is a run
            if not self._gather(root):
                self._show_tree(root)
                self._tree.forget(root.run_id)
            return
        gathered = self._batches.setdefault(group.id, Gathered(group))
        gathered.add(root)
        self._tree.forget(root.run_id)
        if group.done:
            del self._batches[group.id]
            self._show([gathered.cells(self._glyphs)], None)

    def _gather(self, root: RunNode) -> bool:
        """Keep *root* while others of its name run beside it: where they are many they become one row."""
        crowd = self._crowds.setdefault(root.name, [])
        beside = any(node.parent is None and node.name == root.name for node in self._tree.running)
        if not crowd and not beside:
            del self._crowds[root.name]
            return False
        crowd.append(root)
        if not beside or len(crowd) >= _CROWD:
            self._disperse(root.name)
        return True

    def _disperse(self, name: str) -> None:
        """Print the runs of *name* that were kept."""
        roots = self._crowds.pop(name, [])
        if len(roots) > SIBLINGS:
            now = max(root.last_at for root in roots)
            self._show([cells_of(row, self._glyphs, now) for row in crowd_rows(roots)], None)
        for root in roots:
            if len(roots) <= SIBLINGS:
                self._show_tree(root)
            self._tree.forget(root.run_id)

    # How it is printed.

    def _show_tree(self, root: RunNode) -> None:
        now = max(node.last_at for node in root.walk())
        rows, hidden = rows_of(root, self._limit)
        self._show([cells_of(row, self._glyphs, now) for row in rows], root)
        if hidden:
            self._unwritten.append(Text().append(f"… {hidden:,} more runs", DIM))

    def _show(self, rows: Sequence[Cells], root: RunNode | None) -> None:
        width = self._line_width
        layout = layout_of(rows, width, with_bar=root is not None and len(rows) > 1)
        scale = scale_of(root, layout.bar) if root is not None and layout.bar else None
        self._tell_missed()
        if len(rows) > 1 or (layout.needs_heading and layout.figures.keys() != self._headed):
            self._headed = layout.figures.keys()
            self._unwritten.append(
                heading(layout, figures.duration(scale.seconds) if scale is not None else "")
            )
        for row in rows:
            self._unwritten.extend(lines_of(row, layout, scale, self._glyphs, width))

    def _tell_late(self, event: CustomEmitted) -> None:
        """Say what was noticed of a run that is printed already, as the last things of a short one are."""
        fact = fact_of(event)
        if fact is not None and (lines := news((fact,))):
            whose = first_line(fact.name, _LATE_NAME) or event.run_id
            self._unwritten.extend(Text(f"{whose} {line}", "yellow") for line in lines)

    def _tell_missed(self) -> None:
        missed = self._tree.missed - self._told
        if missed:
            self._told += missed
            self._unwritten.append(Text().append(_MISSED.format(missed), "yellow"))

    def _write(self) -> None:
        """Print the lines made so far; those that cannot be printed now are kept for the next attempt."""
        if not self._unwritten:
            return
        with self._console.capture() as captured:
            self._console.print(Text("\n").join(self._unwritten), no_wrap=True, overflow="ignore", crop=False)
        text = captured.get()
        self._console.file.write(encodable(text, self._console.encoding))
        self._console.file.flush()
        self._unwritten.clear()

    @property
    def _line_width(self) -> int:
        if self._width is not None:
            return self._width
        return self._console.width if self._console.is_terminal or "COLUMNS" in os.environ else _PLAIN_WIDTH

    @property
    def _glyphs(self) -> Glyphs:
        if self._ascii is None:
            self._ascii = not _takes_unicode(self._console)
        return ASCII if self._ascii else UNICODE


def from_url(url: str) -> ConsoleExporter:
    """Return the exporter for a URL such as `console?width=100&colour=never`.

    Options: `width` (cells), `colour` (auto, always, never), `ascii` (1, 0), `lines` (rows of a tree),
    `stream` (stderr, stdout).

    Raises:
        UnknownExporterError: an option is unknown, or its value makes no sense.
    """
    options = options_of(
        url,
        {
            "ascii": switch,
            "colour": tristate,
            "lines": at_least(1),
            "stream": one_of("stderr", "stdout"),
            "width": at_least(20),
        },
    )
    stream = options.pop("stream", "stderr")
    return ConsoleExporter(file=sys.stdout if stream == "stdout" else None, **options)


def _console(file: TextIO | None, *, colour: bool | None) -> Console:
    return Console(
        file=file,
        stderr=file is None,
        force_terminal=colour,
        force_jupyter=False,  # plain lines there, too; to="notebook" is the one that displays
        color_system=None if colour is False else "auto",
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
    )


def _takes_unicode(console: Console) -> bool:
    signs = "".join((*UNICODE.status.values(), *UNICODE.kind.values(), UNICODE.branch, UNICODE.work))
    try:
        signs.encode(console.encoding)
    except UnicodeEncodeError:
        return False
    return True
