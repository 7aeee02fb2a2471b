"""Siblings of one kind and name that ended well, many of them, as one row: `120 chat`."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from tracebus.tree import RunNode
from tracebus_tui.model._calm import ALIKE, likeness, nodes_of
from tracebus_tui.model._calm import due as due_at
from tracebus_tui.model._rounds import Rounds
from tracebus_tui.model._row import Row, Together

if TYPE_CHECKING:
    from collections.abc import Collection

    from tracebus_tui.model._rows import Rows

_MOST = 20_000
"""So many siblings, about, are looked at in one go."""


class Alike:
    """Folds the calm ones of siblings alike, from `ALIKE` of them on; what runs or failed stays, after them.

    Only neighbours are alike: a loop of `agent`, `tools`, `agent`, `tools` folds as rounds.

    Attributes:
        stirred: rows below which runs ended, and when (ns since the epoch) to look at them.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._rounds = Rounds(rows)
        self.stirred: dict[Row, int] = {}

    def tidy(self, now: int, spared: Collection[Row]) -> None:
        """Fold what there is to fold at *now* (ns since the epoch)."""
        budget = _MOST
        for above in [row for row, due in self.stirred.items() if due <= now]:
            if budget <= 0:
                return
            budget -= len(above.kids)
            del self.stirred[above]
            if (again := self._fold(above, now, spared)) is not None:
                self.stirred[above] = again

    def stir(self, above: Row, due: int) -> None:
        """Look at the rows below *above*, where that is a run, from *due* on."""
        if isinstance(above.item, RunNode):
            self.stirred.setdefault(above, due)

    def release(self, row: Row) -> None:
        """Take *row* out of those it is folded with; they stand alone again where few are left."""
        fold = row.parent
        above = fold.parent if fold is not None else None
        if fold is None or above is None or not isinstance(fold.item, Together):
            return
        if fold.item.loop is not None:
            self._rounds.release(row, fold, above, fold.item.loop)
            self.stir(above, 0)
            return
        others = [kid for kid in fold.kids if kid is not row]
        place = fold.place
        here = [row, *others]
        if len(others) >= ALIKE:
            self._rows.replace(fold, others)
            fold.item.become(nodes_of(others))
            here = [fold, row]
        else:
            here = fold.kids
            fold.parent = fold.item.row = None
        self._rows.replace(above, [*above.kids[:place], *here, *above.kids[place + 1 :]], place)
        self.stir(above, 0)

    def _fold(self, above: Row, now: int, spared: Collection[Row]) -> int | None:
        """Fold siblings below *above*; return when to look again, `None` for not before the next one ends."""
        kept: list[Row] = []
        again: int | None = None
        for _, neighbours in groupby(above.kids, key=likeness):
            rows = list(neighbours)
            fold = rows[0] if isinstance(rows[0].item, Together) else None
            ready: list[Row] = []
            if fold is not None or len(rows) >= ALIKE:
                for row in rows:
                    due = due_at(row, now, spared)
                    if due is None:
                        continue
                    if due <= now:
                        ready.append(row)
                    else:
                        again = due if again is None else min(again, due)
            if ready and (fold is not None or len(ready) >= ALIKE):
                rows = self._taken(fold, ready, rows)
            kept += rows
        kept, later = self._rounds.fold(kept, now, spared)
        if kept != above.kids:
            self._rows.replace(above, kept)
        return min((when for when in (again, later) if when is not None), default=None)

    def _taken(self, fold: Row | None, ready: list[Row], rows: list[Row]) -> list[Row]:
        """Return *rows* with those that are *ready* inside *fold*, which is made where there is none."""
        nodes = nodes_of(ready)
        if fold is None:
            together = Together(nodes[0].name, nodes[0].kind)
            fold = together.row = Row(together, open=False)
        assert isinstance(fold.item, Together)
        for row in ready:
            row.calm = True
            if row.kids:
                self._rows.set_open(row, False)
        fold.item.add(nodes)
        inside = set(ready)
        rest = [row for row in rows if row is not fold and row not in inside]
        self._rows.replace(fold, [*fold.kids, *ready], len(fold.kids))
        return [fold, *rest]
