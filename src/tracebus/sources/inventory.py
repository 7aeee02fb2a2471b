"""Compares what the installed LangChain and LangGraph can report with what tracebus knows.

A release that adds a callback, a run type, a version of its streams or a part of them is named here, by
`tracebus doctor` and by the tests, before a user misses something.
"""

from __future__ import annotations

import inspect
import re
import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import Runnable

from tracebus.sources.attaching._later import KNOWN_VERSIONS
from tracebus.sources.callbacks._handler import KNOWN_CALLBACKS
from tracebus.sources.reading._classify import RUN_TYPES
from tracebus.sources.reading._protocol_pieces import KNOWN_DELTAS, KNOWN_EVENTS
from tracebus.sources.stream_events._forms import MODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Offer", "Offering", "offerings", "unknown"]

_PACKAGES = ("langchain_core", "langgraph", "langchain")
"""Whose sources are looked through for run types."""
_RUN_TYPE = re.compile(r"""\brun_type\s*=\s*["'](\w+)["']""")
_LITERAL = re.compile(r"""["']([^"']+)["']""")
_EVENT = re.compile(r"""\bevent: Literal\["([^"]+)"\]""")
_DELTA = re.compile(r"""\btype: Literal\["([^"]+-delta)"\]""")
_KNOWN_RUN_TYPES = frozenset(("chain", "llm", *RUN_TYPES))


class Offer(NamedTuple):
    """Something that may be told of runs."""

    kind: str
    name: str


class Offering(NamedTuple):
    """All that is offered of one kind."""

    kind: str
    names: frozenset[str]
    known: frozenset[str]


@cache
def offerings() -> tuple[Offering, ...]:
    """Return what the installed packages offer. Imports LangGraph, if it is installed, and reads sources."""
    return (
        Offering("callback", frozenset(_callbacks()), KNOWN_CALLBACKS),
        Offering("run type", frozenset(_run_types()), _KNOWN_RUN_TYPES),
        Offering("stream version", frozenset(_versions()), frozenset(KNOWN_VERSIONS)),
        Offering("stream mode", frozenset(_modes()), MODES),
        Offering("protocol event", frozenset(_protocol(_EVENT)), KNOWN_EVENTS),
        Offering("protocol delta", frozenset(_protocol(_DELTA)), KNOWN_DELTAS),
    )


def unknown() -> list[Offer]:
    """Return what the installed packages offer and tracebus does not know, in order."""
    return [
        Offer(offering.kind, name)
        for offering in offerings()
        for name in sorted(offering.names - offering.known)
    ]


def _callbacks() -> Iterator[str]:
    graph_handler = getattr(_module("langgraph.callbacks"), "GraphCallbackHandler", None)
    for handler in filter(None, (BaseCallbackHandler, graph_handler)):
        yield from (name for name in dir(handler) if name.startswith("on_"))


def _run_types() -> Iterator[str]:
    for path in _sources():
        yield from _RUN_TYPE.findall(path.read_text("utf-8", errors="replace"))


def _versions() -> Iterator[str]:
    for method in (Runnable.astream_events, getattr(Runnable, "stream_events", None)):
        parameters: Any = {} if method is None else inspect.signature(method).parameters
        if "version" in parameters:
            yield from _LITERAL.findall(str(parameters["version"].annotation))


def _modes() -> Iterator[str]:
    for module, name in (
        ("langgraph.types", "StreamMode"),
        ("langgraph_sdk.schema", "StreamMode"),
        ("langchain_protocol.protocol", "Channel"),
    ):
        literals = str(getattr(_module(module), name, ""))
        yield from (mode for mode in _LITERAL.findall(literals) if not mode.endswith(".+"))


def _protocol(pattern: re.Pattern[str]) -> Iterator[str]:
    module = _module("langchain_protocol.protocol")
    if module is not None and module.__file__ is not None:
        yield from pattern.findall(Path(module.__file__).read_text("utf-8"))


def _sources() -> Iterable[Path]:
    for package in _PACKAGES:
        spec = find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec is not None else ():
            yield from Path(place).rglob("*.py")


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except Exception:  # noqa: BLE001  # not installed, or too broken to say anything
        return sys.modules.get(name)
