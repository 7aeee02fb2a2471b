"""When the next frame is due: often while something happens, seldom while nothing does, less under load."""

from __future__ import annotations

LADDER = (60.0, 40.0, 30.0, 20.0, 15.0, 10.0, 5.0)
"""Frames a second to choose from; the first at or below what was asked for is where it begins."""

_AWAKE = 1.0
"""Seconds for which frames go on coming after the last event or key."""
_TURNING = 0.1
"""Seconds between frames in which only spinners and clocks turn."""
_STILL = 0.25
"""Seconds between frames in which nothing does."""
_WINDOW = 1.0
_SHARE = 0.6
_ROOM = 2 / 3
"""Part of its share of a core that more frames may come to."""
_PATIENCE = 3
"""Windows in a row with room for more frames before there are more."""


class Pace:
    """Says after each frame how long to rest. Knows no time but what it is told, in seconds.

    A frame costs what its lines cost to draw, however many events it shows: where folding and drawing
    take most of a core, or the terminal does not keep up, fewer frames show the same.

    Attributes:
        fps: frames a second at most, for now.

    Args:
        most: frames a second at most, ever.
        share: part of a core that folding and drawing may take before frames become fewer.
    """

    def __init__(self, most: float, share: float = _SHARE) -> None:
        self._share = share
        self._steps = [most, *(step for step in LADDER if step < most)]
        self._step = 0
        self._awake_until = 0.0
        self._since: float | None = None
        self._spent = 0.0
        self._frames = 0
        self._refused = 0
        self._roomy = 0

    @property
    def fps(self) -> float:
        """Return how many frames a second there are at most, for now."""
        return self._steps[self._step]

    @property
    def lowered(self) -> bool:
        """Return whether there are fewer frames than asked for, for want of time."""
        return self._step > 0

    def wake(self, at: float) -> None:
        """Note that something happened: an event, a key."""
        self._awake_until = at + _AWAKE

    def rest(self, at: float, *, turning: bool) -> float:
        """Return how long to wait from one frame to the next, unless something happens.

        Args:
            at: now.
            turning: whether there is a spinner or a clock in sight.
        """
        if at < self._awake_until:
            return 1 / self.fps
        return max(1 / self.fps, _TURNING if turning else _STILL)

    def spent(self, at: float, core: float, *, refused: bool) -> None:
        """Note what a frame, its painting and the rest of the loop took; choose the pace by it.

        Args:
            at: now.
            core: seconds of CPU since this was called last.
            refused: whether the terminal took no picture, having some left to draw.
        """
        if self._since is None:
            self._since = at
            return
        self._spent += core
        self._frames += 1
        self._refused += refused
        lasted = at - self._since
        if lasted < _WINDOW:
            return
        self._choose(self._spent / lasted, slow_terminal=self._refused * 2 > self._frames)
        self._since, self._spent, self._frames, self._refused = at, 0.0, 0, 0

    def _choose(self, share: float, *, slow_terminal: bool) -> None:
        if share > self._share or slow_terminal:
            self._step = min(self._step + 1, len(self._steps) - 1)
            self._roomy = 0
        elif self._step and share * self._steps[self._step - 1] / self.fps < self._share * _ROOM:
            self._roomy += 1
            if self._roomy >= _PATIENCE:
                self._step -= 1
                self._roomy = 0
        else:
            self._roomy = 0
