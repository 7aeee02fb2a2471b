"""Keys that steer a replay."""

from __future__ import annotations

from tracebus_tui.picture._picture import Picture

_NO_REPLAY = "only a recording can be steered: tracebus replay LOG --tui"
_TENTHS = 10


class Replaying(Picture):
    """Steers the source where it is a replay, and says what that needs where it is not."""

    def action_pause(self) -> None:
        """Hold the picture still, and events wait meanwhile; of a replay, stop or go on playing."""
        if self._replay is not None:
            self._replay.pause(paused=not self._replay.paused)
        else:
            self._paused = not self._paused
        self._due.clear()

    def action_speed(self, steps: int) -> None:
        """Play the recording faster or slower."""
        if self._steerable() and self._replay is not None:
            self._replay.change_speed(steps)

    def action_event(self, step: int) -> None:
        """Play one event more, or one less, and stand still there."""
        if self._steerable() and self._replay is not None:
            self._replay.pause(paused=True)
            self._go_to(max(0, self._replay.played + step))

    def action_failure(self, step: int) -> None:
        """Go to where the next error happens, or the one before, and stand still there."""
        if not self._steerable() or self._replay is None:
            return
        failure = self._replay.failure(back=step < 0)
        if failure is None:
            known = "" if self._replay.contents.whole else " as far as it has been read"
            self.say(f"no error {'before' if step < 0 else 'after'} this{known}")
            return
        self._replay.pause(paused=True)
        self._unfollow()
        self._awaited = failure.run_id
        self._go_to(failure.number)

    def action_seek(self, tenths: int) -> None:
        """Go on or back by tenths of the recording."""
        if not self._steerable() or self._replay is None:
            return
        if not self._replay.contents.whole:
            self.say("the recording is still being read")
            return
        whole = self._replay.contents.seconds
        wanted = self._replay.at + tenths * whole / _TENTHS
        self._go_to(self._replay.number_at(max(0.0, wanted)))

    def _steerable(self) -> bool:
        if self._replay is None:
            self.say(_NO_REPLAY)
        self._due.clear()
        return self._replay is not None

    def _go_to(self, number: int) -> None:
        """Show the recording as it was once *number* events had been played."""
        if self._replay is None:
            return
        if number >= self._replay.played:
            self._replay.forward_to(number)
        else:
            self._replay.begin_at(number)
            self._begin_again()
