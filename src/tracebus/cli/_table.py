"""The table of commands: name, where the command is, what it does. One line each.

The third column stands here so that `tracebus --help` imports no command. A line whose module is
not installed is not shown.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple

__all__ = ["COMMANDS", "DEFAULT", "CommandLine", "available"]


class CommandLine(NamedTuple):
    """A line of the table."""

    name: str
    target: str
    summary: str

    @property
    def module(self) -> str:
        """The module the command is in."""
        return self.target.partition(":")[0]

    @property
    def attribute(self) -> str:
        """The command's name in the module."""
        return self.target.partition(":")[2]


COMMANDS = (
    CommandLine("watch", "tracebus.cli.watch:watch", "Watch runs live; what bare `tracebus` does."),
    CommandLine("demo", "tracebus.cli.demo:demo", "Play a bundled programme: no network, no key."),
    CommandLine("run", "tracebus.cli.run:run", "Run your chain or your script, observed."),
    CommandLine("runs", "tracebus.cli.runs:runs", "List the runs in a log."),
    CommandLine("show", "tracebus.cli.show:show", "Show one run as a tree."),
    CommandLine("compare", "tracebus.cli.compare:compare", "Compare two runs, what differs first."),
    CommandLine("replay", "tracebus.cli.replay:replay", "Play a log again at its own pace."),
    CommandLine("export", "tracebus.cli.export:export", "Send a log to another exit."),
    CommandLine("receive", "tracebus.cli.receive:receive", "Take OTLP from any program into a log."),
    CommandLine("serve", "tracebus.cli.serve:serve", "Serve runs to browsers on this machine."),
    CommandLine("mcp", "tracebus.cli.mcp:mcp", "Let a coding agent ask a log (MCP)."),
    CommandLine("examples", "tracebus.cli.examples:examples", "List and run small programmes."),
    CommandLine("doctor", "tracebus.cli.doctor:doctor", "Check this installation, end to end."),
)

DEFAULT = "watch"
"""The command of bare `tracebus`, where it is installed."""


def available() -> dict[str, CommandLine]:
    """Return the lines whose module is there, by name."""
    return {line.name: line for line in COMMANDS if find_spec(line.module) is not None}
