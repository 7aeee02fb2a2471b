"""Durations, token counts and money, short enough for a column."""

from __future__ import annotations

__all__ = ["count", "dollars", "duration"]

_MINUTE = 60
_HOUR = 60 * _MINUTE


# A duration below the first number is shown in the unit, with so many places. The numbers are those
# that round to one digit more.
_SMALL = (
    (0.0009995, 1e6, 0, "µs"),
    (0.00995, 1e3, 1, "ms"),
    (0.0995, 1e3, 0, "ms"),
    (9.995, 1, 2, "s"),
    (59.95, 1, 1, "s"),
)


def duration(seconds: float) -> str:
    """Return *seconds* in at most seven characters.

    For example `850µs`, `1.2ms`, `12ms`, `0.39s`, `41.2s`, `3m05s`, `2h05m`.
    """
    for below, scale, places, unit in _SMALL:
        if seconds < below:
            return f"{seconds * scale:.{places}f}{unit}"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02}s"
    return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}m"


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
