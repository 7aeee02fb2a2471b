"""With content off, or everything redacted, a notebook shows nothing of the program."""

from __future__ import annotations

from canary import CANARY, exits, run
from tracebus import EventBus
from tracebus_exporters.notebook import NotebookExporter


class Shell:
    """IPython's shell as far as it is used."""

    def __init__(self):
        self.events = self.display_pub = self
        self.callbacks = {}
        self.shown = ""

    def register(self, name, callback):
        self.callbacks[name] = callback

    def publish(self, *, data, metadata, transient, update):
        self.shown += "".join(data.values())


@exits
def test_a_cells_output(capture, seen):
    """The HTML of every state of the display, and the text beside it."""
    shell, bus = Shell(), EventBus()
    bus.attach(NotebookExporter(shell))
    shell.callbacks["pre_run_cell"](None)
    run(bus, capture)
    shell.callbacks["post_run_cell"](None)
    bus.close(10)
    assert "work" in shell.shown
    assert (CANARY in shell.shown) is seen
