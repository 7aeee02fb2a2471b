"""Keys that copy to the clipboard and save to files."""

from __future__ import annotations

import asyncio
from io import BytesIO
from pathlib import Path

from tracebus_tui.keys._commands import Choice
from tracebus_tui.keys._save import COPIES, as_lines, copied, known_events, plain_name, write_private
from tracebus_tui.picture._picture import Picture


class Taking(Picture):
    """Copies to the clipboard and saves to files."""

    def action_copy(self) -> None:
        """Ask what to copy, and copy it."""
        node = self.view.node
        if node is None:
            return

        def take(what: str | None) -> None:
            if what is not None:
                text = copied(node, what)
                self.copy_to_clipboard(text)
                self.say(f"copied {COPIES[what]}: {len(text)} characters")

        self.push_screen(Choice("copy", COPIES), take)

    def action_save(self) -> None:
        """Write the whole root run to a file."""
        node = self.view.node
        if node is not None:
            self.run_worker(self._save(node.root_run_id), exclusive=True, group="save")

    async def _save(self, root_run_id: str) -> None:
        root = self.model.runs.get(root_run_id)
        name = f"tracebus-{root_run_id[-8:]}"
        try:
            events = await asyncio.to_thread(self.feed.source.events_of, root_run_id)
            if not events and root is not None:
                events = known_events(root)
            content = await asyncio.to_thread(as_lines, events)
            place = await self._keep(content, name, ".jsonl")
        except Exception as error:  # noqa: BLE001 - said to the user; the view goes on
            self.say(f"not saved: {error}", "error")
        else:
            self.say(f"saved {len(events)} events to {place}", "ok")

    async def _keep(self, content: bytes, name: str, suffix: str) -> str:
        """Save *content* where the user is, who may sit before a browser; return what to call the place."""
        if not self.is_web:
            folder = self._folder or Path.cwd()
            return str(await asyncio.to_thread(write_private, content, name, suffix, folder))
        file = f"{plain_name(name)}{suffix}"
        self.deliver_binary(BytesIO(content), save_filename=file, mime_type="application/octet-stream")
        return f"the browser's downloads: {file}"

    async def action_picture(self) -> None:
        """Write the screen to a file as SVG."""
        picture = self.export_screenshot(title="tracebus")
        try:
            place = await self._keep(picture.encode(), "tracebus-screen", ".svg")
        except OSError as error:
            self.say(f"not saved: {error}", "error")
        else:
            self.say(f"saved to {place}", "ok")
