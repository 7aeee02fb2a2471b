"""A viewer whose screen is a browser: what draws through a pipe to the server that started it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from textual.drivers.web_driver import WebDriver
from textual.messages import ExitApp

if TYPE_CHECKING:
    from textual.app import App

_PATIENCE = 3.0
_SERVER_GONE = 1


class BrowserDriver(WebDriver):
    """Textual's driver for browsers, made to leave when its server has gone, and to keep packets whole.

    Textual's own goes on for ever: its input has ended, and nobody told the application. And it writes from
    two threads, the picture and the pieces of a file, which a full pipe cuts into each other.
    """

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._writing = threading.Lock()
        self._write = self._write_whole  # type: ignore[assignment]  # Textual's is a partial of `os.write`

    def _write_whole(self, data: bytes) -> int:
        with self._writing:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self.fileno, rest) :]
        return len(data)

    def run_input_thread(self) -> None:
        """Read until the input ends; where nobody had asked to leave, leave."""
        super().run_input_thread()
        if self.exit_event.is_set():
            return
        self._app.post_message(ExitApp())
        if not self.exit_event.wait(_PATIENCE):  # the loop hangs, and nobody can see this screen any more
            os._exit(_SERVER_GONE)
