"""One viewer for one page: a process, what it draws, and its end."""

from __future__ import annotations

import asyncio
import logging
import shlex
from typing import TYPE_CHECKING, Final

from textual_serve.app_service import AppService

from tracebus.text import sanitise
from tracebus_tui.terminal import BROWSER_DRIVER

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Sequence

    from aiohttp.web import WebSocketResponse
    from textual_serve.download_manager import DownloadManager

_log = logging.getLogger("tracebus")

_READY = b"__GANGLION__\n"
_PACKET = 5
"""Bytes before a packet's payload: its type, and the payload's length."""
_PATIENCE = 2.0
"""Seconds a viewer has to leave before it is made to."""
_MOST_LAST_WORDS = 4_000
_CHUNK = 65_536


class Session(AppService):
    """Runs *command*, a viewer, with *socket*'s page as its screen.

    textual-serve's own service hands the command to a shell, waits for ever for a viewer that does not
    leave, and leaves the page standing when a viewer dies. This one does not.
    """

    def __init__(
        self, command: Sequence[str], *, socket: WebSocketResponse, downloads: DownloadManager
    ) -> None:
        super().__init__(
            shlex.join(command),
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=self._close,
            download_manager=downloads,
        )
        self._arguments: Final = command
        self._socket = socket
        self._last_words = ""

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        """Return the viewer's environment: the server's, a size, and where to draw."""
        return {**super()._build_environment(width, height), "TEXTUAL_DRIVER": BROWSER_DRIVER}

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        """Start the viewer, without a shell: a log's URL may hold anything."""
        process = await asyncio.create_subprocess_exec(
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._build_environment(width, height),
            start_new_session=True,  # a Ctrl-C is the server's, which then ends its viewers
        )
        self._process, self._stdin = process, process.stdin
        return process

    async def run(self) -> None:
        """Bring the viewer's screen to the page until the viewer leaves; then close the page's socket."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        assert process.stderr is not None
        listening = asyncio.create_task(self._listen(process.stderr))
        try:
            await self._draw(process.stdout)
        except asyncio.IncompleteReadError:
            _log.debug("viewer %s has left", process.pid)
        except Exception as error:  # noqa: BLE001  a page that has gone, or a viewer that sends nonsense
            _log.debug("viewer %s is of no more use: %s", process.pid, error)
        await self._close()
        while await process.stdout.read(_CHUNK):
            pass  # a viewer that waits for its pipe does not hear that it shall leave
        await listening

    async def stop(self) -> None:
        """End the viewer: ask, then insist. Idempotent."""
        process, task = self._process, self._task
        if process is None or task is None:
            return
        self._task = None
        await self._download_manager.cancel_app_downloads(app_service_id=self.app_service_id)
        insisted = False
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.send_meta({"type": "quit"})
                self.stdin.close()
                await process.wait()
        except TimeoutError:
            insisted = True
            process.kill()
        await task
        code = await process.wait()
        if code and not insisted:
            _log.warning("a viewer ended with code %d\n%s", code, sanitise(self._last_words))

    async def _draw(self, stdout: asyncio.StreamReader) -> None:
        while await stdout.readuntil() != _READY:
            pass
        while True:
            head = await stdout.readexactly(_PACKET)
            payload = await stdout.readexactly(int.from_bytes(head[1:]))
            match head[:1]:
                case b"D":
                    await self.on_data(payload)
                case b"M":
                    await self.on_meta(payload)
                case b"P":
                    await self.on_packed(payload)
                case unknown:
                    raise ValueError(f"there is no packet of type {unknown!r}")

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        """Keep the last of what the viewer says beside the screen."""
        while words := await stderr.read(_CHUNK):
            said = self._last_words + words.decode("utf-8", "backslashreplace")
            self._last_words = said[-_MOST_LAST_WORDS:]

    async def _close(self) -> None:
        await self._socket.close()
