"""Jupyter notebooks: the tree of a cell's runs in that cell, growing while they run.

::

    observe(chain, to="notebook")
    observe(chain, to="notebook?content=1")      # with inputs and outputs, which the notebook's file keeps

Plain HTML by the display protocol, with no script and no server: JupyterLab, VS Code, Colab and what reads
notebook files show it alike.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from tracebus import bus
from tracebus._html import runs_html
from tracebus.exceptions import UnknownExporterError
from tracebus.tree import RunTree
from tracebus_exporters._options import options_of, switch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import Event
    from tracebus.tree import RunNode

__all__ = ["NotebookExporter", "from_url"]

_BETWEEN_PICTURES: Final = 0.15
"""Seconds; a front end draws a tree of hundreds of rows anew each time."""
_PATIENCE: Final = 2.0
"""Seconds the end of a cell waits for its events."""


class _Shell(Protocol):
    """What is used of IPython's shell."""

    events: Any
    display_pub: Any


class NotebookExporter:
    """Shows the runs of every cell below it.

    A run belongs to the cell that ran when its tree began; a task that goes on after its cell keeps changing
    the display there. Several buses may share one: then a cell has one display for all of them.

    Args:
        shell: IPython's shell, which calls back when cells begin and end.
        content: show inputs and outputs, too; whoever gets the notebook's file reads them.
    """

    linger = 0.2
    """Seconds of events for one picture."""

    def __init__(self, shell: _Shell, *, content: bool = False) -> None:
        self._shell = shell
        self._content = content
        self._lock = threading.RLock()
        self._tree = RunTree()
        self._cell = _Cell()
        self._cells: dict[str, _Cell] = {}
        shell.events.register("pre_run_cell", self._cell_begins)
        shell.events.register("post_run_cell", self._cell_ends)

    # Called by the bus's thread.

    def export(self, batch: Sequence[Event], /) -> None:
        """Take *batch* in, and draw the cells whose runs it changes."""
        with self._lock:
            for event in batch:
                node = self._tree.apply(event)
                if node is not None:
                    self._cell_of(node.root_run_id).changed = True
            self._draw(batch[-1].time if batch else 0)

    def flush(self, _timeout: float, /) -> None:
        """Draw what has changed."""
        with self._lock:
            self._draw(0, at_once=True)

    def close(self) -> None:
        """Draw what has changed. It stays with the notebook, for the other buses and those to come."""
        self.flush(0.0)

    # Called by IPython, in the thread that runs cells.

    def _cell_begins(self, _info: object = None) -> None:
        with self._lock:
            self._cell = _Cell()

    def _cell_ends(self, _result: object = None) -> None:
        """Have the cell's events here before it is over: what comes later, a front end shows elsewhere."""
        bus.flush(_PATIENCE)
        with self._lock:
            self._cell.live = False
            self._cell.changed = self._cell.changed or bool(self._cell.roots)
            self._draw(0, at_once=True)

    # How it is drawn.

    def _cell_of(self, root_run_id: str) -> _Cell:
        cell = self._cells.get(root_run_id)
        if cell is None:
            cell = self._cells[root_run_id] = self._cell
            cell.roots.append(root_run_id)
        return cell

    def _draw(self, now: int, *, at_once: bool = False) -> None:
        moment = time.monotonic()
        for cell in {id(cell): cell for cell in self._cells.values()}.values():
            if cell.changed and (at_once or moment - cell.drawn_at >= _BETWEEN_PICTURES):
                cell.changed = False
                cell.drawn_at = moment
                self._show(cell, now)

    def _show(self, cell: _Cell, now: int) -> None:
        roots = [node for run_id in cell.roots if (node := self._tree.get(run_id)) is not None]
        picture = runs_html(roots, content=self._content, live=cell.live, now=now)
        self._shell.display_pub.publish(
            data={"text/html": picture, "text/plain": _in_words(roots)},
            metadata={},
            transient={"display_id": cell.display_id},
            update=cell.shown,
        )
        cell.shown = True
        if not cell.live and not any(root.counts.running or root.end is None for root in roots):
            for root in roots:  # all is said of them
                self._tree.forget(root.run_id)
                del self._cells[root.run_id]


class _Cell:
    """A cell and its display."""

    def __init__(self) -> None:
        self.display_id = f"tracebus-{id(self):x}-{time.time_ns():x}"
        self.roots: list[str] = []
        self.live = True
        self.changed = False
        self.shown = False
        self.drawn_at = 0.0


_shared: dict[tuple[int, bool], NotebookExporter] = {}


def from_url(url: str) -> NotebookExporter:
    """Return the exporter for `notebook` or `notebook?content=1`, the same for every call in a notebook.

    Raises:
        UnknownExporterError: an option is unknown, or this process runs no notebook.
    """
    options = options_of(url, {"content": switch})
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        raise UnknownExporterError(
            f"{url!r}: no notebook runs this process; where there is a terminal: console"
        )
    content = bool(options.get("content", False))
    key = (id(shell), content)
    if key not in _shared:
        _shared[key] = NotebookExporter(cast("_Shell", shell), content=content)
    return _shared[key]


def _in_words(roots: Sequence[RunNode]) -> str:
    return "\n".join(f"{root.status.value} {root.name}" for root in roots)
