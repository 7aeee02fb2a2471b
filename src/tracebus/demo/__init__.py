"""A bundled programme to look at: the help desk of a small city's buses.

Needs no network and no key: the models are scripted (`tracebus.testing`), the documents are here.
It does what chains in the wild do: retrieval in parallel, tools (one fails once and is tried again,
one raises and is handled), branches in parallel, a fallback, structured output, a batch, a graph
where langgraph is installed, a run that fails and one that is cancelled.
"""

from __future__ import annotations

from tracebus.demo._play import Stage, play

__all__ = ["Stage", "play"]
