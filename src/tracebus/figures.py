"""Durations, token counts and money, short enough for a column."""

from __future__ import annotations

__all__ = ["count", "dollars", "duration"]

_MINUTE = 60
_HOUR = 60 * _MINUTE


def duration(seconds: float) -> str:
    """Return *seconds* in at most seven characters: `850µs`, `12ms`, `0.39s`, `41.2s`, `3m05s`, `2h05m`."""
    if seconds < 0.001:  # noqa: PLR2004 - a millisecond
        return f"{seconds * 1e6:.0f}µs"
    if seconds < 0.1:  # noqa: PLR2004 - below, hundredths of a second say too little
        return f"{seconds * 1e3:.0f}ms"
    if seconds < 9.995:  # noqa: PLR2004 - what rounds to 10.00
        return f"{seconds:.2f}s"
    if seconds < _MINUTE:
        return f"{seconds:.1f}s"
    if seconds < _HOUR:
        return f"{int(seconds) // _MINUTE}m{int(seconds) % _MINUTE:02}s"
    return f"{int(seconds) // _HOUR}h{int(seconds) % _HOUR // _MINUTE:02}m"


def count(number: int) -> str:
    """Return *number* in at most four characters up to a billion: `97`, `1.2k`, `129k`, `1.2M`."""
    amount = float(number)
    for unit in ("", "k", "M", "G"):
        # 999.5 would round to four digits of this unit; 9.95 to two digits before the point.
        if amount < 999.5 or unit == "G":  # noqa: PLR2004 - said above
            return f"{amount:.1f}{unit}" if unit and amount < 9.95 else f"{amount:.0f}{unit}"  # noqa: PLR2004
        amount /= 1000
    raise AssertionError("the last unit takes every number")


def dollars(cost: float) -> str:
    """Return US dollars: `<$0.0001`, `$0.0003`, `$0.034`, `$1.87`, `$1520`."""
    if cost == 0:
        return "$0"
    if cost < 0.0001:  # noqa: PLR2004 - a hundredth of a cent
        return "<$0.0001"
    if cost < 0.01:  # noqa: PLR2004 - a cent
        return f"${cost:.4f}"
    if cost < 1:
        return f"${cost:.3f}"
    return f"${cost:.2f}" if cost < 1000 else f"${cost:.0f}"  # noqa: PLR2004 - where cents stop to matter
