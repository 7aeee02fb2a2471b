"""Runs the terminal UI on a log, a bus or a replay until the user quits; prints lines without a screen."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tracebus.figures import count, dollars
from tracebus.logs import open_log
from tracebus.text import sanitise
from tracebus_tui.feed import BusSource, LogSource, ReplaySource
from tracebus_tui.terminal import (
    Stray,
    guarded,
    print_lines,
    restore,
    screen,
    terminal_descriptor,
    why_no_screen,
)
from tracebus_tui.terminal._companion import Companion, tracebus_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tracebus.bus import EventBus
    from tracebus.events import Event
    from tracebus.logs import Log
    from tracebus_tui._app import Watch
    from tracebus_tui.feed import Source

_SIGNALLED = 128
_LAST_WORDS = 60
_REMOTE_FPS = 15
_FPS = 40
_BESIDE_FPS = 15
_SHARE = 0.6
_BESIDE_SHARE = 0.05


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to show it."""

    plain: bool = False
    """Print lines instead of drawing."""
    as_json: bool = False
    """Print the events as JSON lines."""
    ascii: bool = False
    motion: bool = True
    fps: float | None = None
    """Frames a second at most; 40, over ssh 15, where not given."""

    @property
    def lines(self) -> bool:
        """Return whether lines were asked for."""
        return self.plain or self.as_json


DEFAULTS = Options()


def watch(log: Log, options: Options = DEFAULTS) -> int:
    """Show the runs in *log*, live, until the user quits; return an exit code."""
    return _show(lambda: LogSource(log), options)


def view(bus: EventBus, options: Options = DEFAULTS) -> int:
    """Show the runs on *bus*, live, on this thread, until the user quits; return an exit code.

    In this process, without the guard: threads publish, this one draws. Python runs one thread at a time:
    where the program is busy, frames become fewer, down to five a second, so that they take a twentieth of
    its time.
    """
    options = msgspec.structs.replace(options, fps=options.fps or _BESIDE_FPS)
    return _run(BusSource(bus), options, Stray(), None, share=_BESIDE_SHARE)


def replay(
    events: Iterable[Event], options: Options = DEFAULTS, *, speed: float = 1.0, max_pause: float = 2.0
) -> int:
    """Show *events* as they came, *speed* times as fast; return an exit code."""
    return _show(lambda: ReplaySource(events, speed=speed, max_pause=max_pause), options, only_new=False)


def accompany(arguments: Sequence[str], options: Options = DEFAULTS, *, title: str) -> int:
    """Run `tracebus` with *arguments* and `--to` a log of its own, and show its runs live.

    Returns the program's exit code; quitting before its end interrupts it. What it prints is on the Log
    screen, and is printed again when the screen is left.
    """
    folder = Path(tempfile.mkdtemp(prefix="tracebus-"))
    url = f"sqlite:{folder / 'events.db'}"
    command = tracebus_command(arguments[0], "--to", url, *arguments[1:])

    def main() -> int:
        stray = Stray()
        companion = Companion(command, stray)
        code = _run(LogSource(open_log(url)), options, stray, companion, title)
        ended = companion.end()
        return code or ended

    return guarded(
        main, terminal=terminal_descriptor(), after=lambda: shutil.rmtree(folder, ignore_errors=True)
    )


def _show(source: Callable[[], Source], options: Options, *, only_new: bool = True) -> int:
    reason = why_no_screen()
    if options.lines or reason is not None:
        notice = "" if options.lines else f"tracebus: {reason}, so here are lines; Ctrl-C ends them\n"
        return print_lines(source(), as_json=options.as_json, only_new=only_new, notice=notice)
    return guarded(lambda: _run(source(), options, Stray(), None), terminal=terminal_descriptor())


def _run(
    source: Source,
    options: Options,
    stray: Stray,
    companion: Companion | None,
    title: str = "",
    *,
    share: float = _SHARE,
) -> int:
    """Draw until the user quits."""
    if os.environ.get("NO_COLOR"):  # read once, when Textual is imported: later it draws black on black
        os.environ.setdefault("TEXTUAL_THEME", "ansi-dark")
    if not options.motion:
        os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    from tracebus_tui._app import Watch  # noqa: PLC0415 - after the environment says how
    from tracebus_tui.drawing import ASCII, UNICODE  # noqa: PLC0415 - likewise

    app = Watch(
        source,
        glyphs=ASCII if options.ascii else UNICODE,
        stray=stray,
        companion=companion,
        title=title,
        fps=options.fps or (_REMOTE_FPS if os.environ.get("SSH_CONNECTION") else _FPS),
        share=share,
        motion=options.motion,
    )
    gc.freeze()
    # Textual's strips are circles, and many: soon and few at a time. Runs are not: all of them hardly ever.
    gc.set_threshold(10_000, 5, 1000)
    with screen(stray):
        asyncio.run(_until_left(app))
    if companion is not None:
        companion.end()
    source.close()
    _last_words(app, stray, companion)
    return app.return_code or 0


async def _until_left(app: Watch) -> None:
    loop = asyncio.get_running_loop()
    asked: list[int] = []

    def leave(number: int, _: Any) -> None:
        if asked:
            restore(terminal_descriptor())  # the loop hangs: it has not heard the first one
            os._exit(_SIGNALLED + number)
        asked.append(number)
        loop.call_soon_threadsafe(app.exit, None, _SIGNALLED + number)

    if threading.current_thread() is threading.main_thread() and sys.platform != "win32":
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, leave)
    await app.run_async()


def _last_words(app: Watch, stray: Stray, companion: Companion | None) -> None:
    """Say on standard error what the screen showed, and what it kept from showing."""
    lines = stray.lines()
    if lines and (companion is not None or app.return_code):
        sys.stderr.write(sanitise("\n".join(lines[-_LAST_WORDS:])) + "\n")
    sys.stderr.write(summary(app) + "\n")
    sys.stderr.flush()


def summary(app: Watch) -> str:
    """Return one line about what was seen."""
    runs = app.model.runs
    counts, usage = runs.root_counts, runs.usage
    parts = [f"{counts.total} runs", f"{counts.ok} ok", f"{counts.error} failed"]
    if counts.running:
        parts.append(f"{counts.running} still running")
    if usage is not None and usage.total_tokens:
        parts.append(f"{count(usage.total_tokens)} tokens")
    if runs.cost is not None:
        parts.append(dollars(runs.cost))
    if runs.missed:
        parts.append(f"{count(runs.missed)} events missed")
    return f"tracebus: {', '.join(parts)}"
