"""The recording of one test: where its events go, and where they are kept."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from tracebus.bus import EventBus
from tracebus.outline import outline
from tracebus.pytest._page import page
from tracebus.pytest._recorded import RecordedRuns
from tracebus.sources.attaching._wiring import recorder_for
from tracebus.sources.callbacks._scope import witness_process
from tracebus.testing import RecordingExporter

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Recording"]

_PATIENCE = 5.0
_LONGEST_NAME = 100


class Recording:
    """What one test runs, on every thread of the process, from now until `stop`.

    Args:
        file: the test's file; shapes are kept beside it.
        nodeid: pytest's name of the test.
        update: write the shapes the test compares with anew.
    """

    def __init__(self, file: Path, nodeid: str, *, update: bool) -> None:
        self._bus = EventBus()
        self._exporter = RecordingExporter()
        self._bus.attach(self._exporter)
        name = file_name(nodeid.partition("::")[2] or nodeid)
        shape_file = file.parent / "__shapes__" / file.stem / f"{name}.txt"
        self.runs = RecordedRuns(self._bus, self._exporter, shape_file, update=update)
        witness_process(recorder_for(self._bus, None))

    def stop(self) -> None:
        """Record no longer."""
        witness_process(None)
        self._bus.close(_PATIENCE)

    def told(self) -> str:
        """Return the runs as an outline; empty without any, or where the failure's message has shown them."""
        if self.runs.told or not (roots := self.runs.roots):
            return ""
        return "\n".join(outline(roots))

    def keep(self, directory: Path, nodeid: str, *, failed: bool) -> str:
        """Write the runs as a log and a page, and return where they are; empty without any.

        The files are this user's alone (0600).
        """
        roots = self.runs.roots
        if not roots:
            return ""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = file_name(nodeid)
        log, html = directory / f"{name}.jsonl", directory / f"{name}.html"
        _write(log, self.runs.as_json_lines())
        _write(html, page(nodeid, roots, failed=failed).encode("utf-8", "replace"))
        return f"{html}\n{log}  (tracebus show last {log})"


def file_name(nodeid: str) -> str:
    """Return a file's name for a test; two tests whose names cannot all be part of one keep apart."""
    plain = re.sub(r"[^\w.\[\]=,+-]+", "-", nodeid).strip("-.")
    if plain == nodeid and len(plain) <= _LONGEST_NAME:
        return plain
    readable = re.sub(r"-+", "-", plain)[:_LONGEST_NAME]
    if re.sub(r"::|/", "-", nodeid) == readable:
        return readable
    return f"{readable}-{sha256(nodeid.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _write(file: Path, content: bytes) -> None:
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(content)
