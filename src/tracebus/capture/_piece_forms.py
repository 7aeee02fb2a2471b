"""The JSON of a piece, or of a list of pieces, under a policy: made before, or else now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tracebus.capture._reuse import ListForm, ListUse, PieceForm, remember

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracebus.capture._pieces import Piece, PieceList
    from tracebus.capture._policy import Capture

__all__ = ["LIST_SIZE", "ListAgain", "list_again", "piece_form"]

LIST_SIZE = 3
"""What a list takes of a payload's `max_size`, without what is in it."""
_MOST_FORMS = 4  # of one piece, under different policies


def piece_form(
    piece: Piece, depth: int, capture: Capture, make: Callable[[Piece, int], PieceForm | None]
) -> PieceForm | None:
    """Return the form of *piece* inside *depth* containers, made by *make* where it has none yet.

    `None` where it has none to keep, or none a payload may hold.
    """
    if not piece.lasting:
        return None
    for policy, form in piece.forms:
        if policy is capture and form.holds_at(depth, capture.max_depth):
            return form if form.size >= 0 else None
    new = make(piece, depth)
    if new is None:
        return None
    piece.forms = ((capture, new), *piece.forms[: _MOST_FORMS - 1])
    if new.size < 0:
        return None
    remember(new)
    return new


class ListAgain(NamedTuple):
    """A list of pieces as JSON, with most of it taken over from the list it grew out of."""

    plain: list[Any]
    size: int
    """What the pieces in it take of a payload's `max_size`."""
    use: ListUse
    noted: list[tuple[int, PieceForm]]
    """Those with cuts, and where they stand."""


def list_again(
    found: PieceList, depth: int, capture: Capture, form_of: Callable[[Piece, int], PieceForm | None]
) -> ListAgain | None:
    """Return the list *found* inside *depth* containers; `None` where a piece has no form to keep."""
    head = form_of(found.head, depth + 1)
    tail = None if head is None else _tail(found, depth + 1, capture, form_of)
    if head is None or tail is None:
        return None
    plain = [head.plain, *tail.plain]
    noted = [(place + 1, form) for place, form in tail.noted]
    return ListAgain(
        plain,
        head.size + (tail.ends[-1] if tail.ends else 0),
        ListUse(plain, (head, *tail.segments())),
        [(0, head), *noted] if head.cuts else noted,
    )


def _tail(
    found: PieceList, depth: int, capture: Capture, form_of: Callable[[Piece, int], PieceForm | None]
) -> ListForm | None:
    """Return the form of all but the first of *found*, with as much as possible taken over."""
    chain, tail = found.chain, found.tail
    known = next((form for policy, form in chain.forms if policy is capture), None)
    if known is None or known.depth != depth:
        known = ListForm(depth)
    known = known.beginning(_alike(known.pieces, tail))
    new = tail[len(known.pieces) :]
    if not new:
        return known
    forms: list[PieceForm] = []
    for piece in new:
        form = form_of(piece, depth)
        if form is None:
            return None
        forms.append(form)
    made = known.followed_by(new, forms)
    others = tuple(pair for pair in chain.forms if pair[0] is not capture)
    chain.forms = ((capture, made), *others[: _MOST_FORMS - 1])
    return made


def _alike(known: Sequence[object], pieces: Sequence[object]) -> int:
    """Return how many pieces at the beginning of both lists are the same."""
    most = min(len(known), len(pieces))
    if known[:most] == pieces[:most]:
        return most
    return next(place for place in range(most) if known[place] is not pieces[place])
