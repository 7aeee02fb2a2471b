"""Whether the terminal reports the mouse, or keeps it to select text with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.driver import Driver


def report_mouse(driver: Driver | None, *, wanted: bool) -> bool:
    """Have the terminal report the mouse, or keep it; return whether that can be had.

    Textual 8 decides this once, when it starts: what it does then is done here again, and what it remembers
    of it is set, so that it does the same after a suspension.
    """
    change = getattr(driver, "_enable_mouse_support" if wanted else "_disable_mouse_support", None)
    if driver is None or change is None:
        return False
    driver._mouse = True  # noqa: SLF001 - without it the change is not made
    change()
    driver._mouse = wanted  # noqa: SLF001 - there is no public way
    driver.flush()
    return True
