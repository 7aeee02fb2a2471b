"""`TRACEBUS_TO=console python script.py` observes a script that never heard of tracebus.

`tracebus.pth`, which is installed beside the packages, has the interpreter import this module at its start
where the variable is set, and only there. It imports nothing more itself: it waits for the program to import
LangChain, and only then has `tracebus.sources` imported, whose last act is to install itself.
"""

from __future__ import annotations

import importlib
import logging

from tracebus._when_imported import when_imported

__all__ = ["observe_when_langchain_is_there"]

_AWAITED = "langchain_core"


def observe_when_langchain_is_there() -> None:
    """Observe the process, as `TRACEBUS_TO` says, from the moment it has imported LangChain."""
    when_imported(_AWAITED, _install)


def _install() -> None:
    try:
        importlib.import_module("tracebus.sources")
    except Exception:
        logging.getLogger("tracebus").exception("TRACEBUS_TO is set, but tracebus cannot observe")


observe_when_langchain_is_there()
