"""The line a closing bus logs about an exporter that did not get all events."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracebus.bus._exporter import Exporter
    from tracebus.bus._statistics import ExporterStatistics

__all__ = ["EXIT_TIMEOUT", "last_word"]

EXIT_TIMEOUT = "TRACEBUS_EXIT_TIMEOUT"
"""The variable that says how many seconds the end of a process waits for exporters."""


def last_word(
    exporter: Exporter, row: ExporterStatistics, gone: int, *, late: bool, mistaken: bool
) -> str | None:
    """Return how many events of how many did not arrive, where, why, and the remedy; `None` for none.

    Args:
        exporter: whose end it is.
        row: its numbers.
        gone: events the bus gave up.
        late: whether it has not come to its end in time.
        mistaken: whether what failed does not pass with time: the error says what to mend.
    """
    missing = gone + row.missed + row.lag
    total = row.delivered + missing
    held = row.details.get("waiting", 0) + row.details.get("lost", 0)
    if missing:
        more = f", nor did {held} items it had taken" if held and not late else ""  # else counted already
        what = f"{missing} of {total} events did not arrive{more}"
    elif held:
        what = f"of {total} events it took, {held} items did not arrive"
    elif late:
        what = f"the last of {total} events may not have arrived"
    else:
        return None
    why = f" ({row.last_error})" if row.last_error and not row.healthy else ""
    text = f"exporter {row.name}{_place_of(exporter)}: {what}{why}"
    return text if mistaken else f"{text}. {EXIT_TIMEOUT}=SECONDS gives it more time at the end of a process"


def _place_of(exporter: Exporter) -> str:
    """Return, in brackets, where *exporter* brings events, if it tells."""
    try:
        place = str(getattr(exporter, "url", None) or repr(exporter))
    except Exception:  # noqa: BLE001 - the exporter's own code, for a message
        return ""
    return "" if place.startswith("<") else f" ({place})"  # `<function …>`: its name says as much
