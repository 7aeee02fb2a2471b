"""The values in a call's `configurable` (user, tenant), which LangChain's callbacks no longer pass on.

Since langchain-core 1.8 only LangSmith's tracer is given the values in `config["configurable"]`, by which
programs say who asks: a user, a tenant, a session. They are in the config of the call that begins a root
run, and that config is in the code that calls us.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tracebus.sources.reading._odd import as_text

if TYPE_CHECKING:
    from types import CodeType, FrameType

__all__ = ["configured"]

_DEPTH = 16
"""How many frames up the config is looked for; a root run begins at most eight below it."""
_LIBRARIES = ("langchain", "langgraph")
_PLAIN = (str, int, float, bool)


def configured(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values a root run that begins here is configured with and *metadata* does not say.

    As langchain-core 1.0 told every handler, and still tells LangSmith: what is private to LangGraph, by
    its name, and what is an API key is not among them.
    """
    configurable = _configurable(sys._getframe(1))  # noqa: SLF001  # see above: nothing else says it
    if not configurable:
        return {}
    return {
        name: value
        for name, value in configurable.items()
        if name not in metadata
        and name != "api_key"
        and not as_text(name).startswith(("__", "checkpoint_"))
        and issubclass(type(value), _PLAIN)
    }


def _configurable(frame: FrameType | None) -> Mapping[str, Any]:
    for _ in range(_DEPTH):
        if frame is None:
            break
        if _has_config(frame):
            config = frame.f_locals.get("config")
            if type(config) is dict and "configurable" in config:  # LangChain's own, made whole
                found = config["configurable"]
                return found if isinstance(found, Mapping) else {}
        frame = frame.f_back
    return {}


_asked: dict[int, tuple[CodeType, bool]] = {}
"""Whether frames of some code have a library's config, by its id: Python makes the names anew each time."""
_MOST_ASKED = 2_048


def _has_config(frame: FrameType) -> bool:
    code = frame.f_code
    known = _asked.get(id(code))
    if known is not None and known[0] is code:
        return known[1]
    if len(_asked) >= _MOST_ASKED:
        _asked.clear()
    has = "config" in code.co_varnames and str(frame.f_globals.get("__name__")).startswith(_LIBRARIES)
    _asked[id(code)] = (code, has)
    return has
