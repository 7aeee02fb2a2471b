"""Answers about one run of a tree: its whole entry and its events."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from tracebus.conversation import known_before, messages_of
from tracebus.events import Gap, encode_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tracebus.events import Event

__all__ = ["entry_of", "events_of"]

_MODELS = ("chat_model", "llm")
_LOOKED_BACK = 16
"""Agents side by side take turns: the last list that this one continues may be some calls back."""


def entry_of(document: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """Return `{"run", "known"}`: a run's entry, and how much of its message list an earlier model call had.

    `known` is `{"run_id", "messages"}`, or `None` where the list did not just grow.

    Raises:
        KeyError: the document has no such run.
    """
    run = document["runs"][run_id]
    return {"run": run, "known": _known(document["runs"].values(), run)}


def events_of(events: Iterable[Event], run_id: str) -> bytes:
    """Return those of *events* that tell of one run, as a JSON array."""
    told = (event for event in events if not isinstance(event, Gap) and event.run_id == run_id)
    return b"[%s]" % b",".join(map(encode_json, told))


def _known(runs: Iterable[dict[str, Any]], run: dict[str, Any]) -> dict[str, Any] | None:
    messages = messages_of(run["inputs"])
    if run["kind"] not in _MODELS or len(messages) < 2:  # noqa: PLR2004  nothing can have come before
        return None
    before: deque[dict[str, Any]] = deque(maxlen=_LOOKED_BACK)
    for other in runs:
        if other is run:
            break
        if other["kind"] in _MODELS:
            before.append(other)
    for other in reversed(before):
        if known := known_before(messages_of(other["inputs"]), messages):
            return {"run_id": other["id"], "messages": known}
    return None
