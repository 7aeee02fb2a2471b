"""`TRACEBUS_TO=console python script.py` observes a script that never heard of tracebus.

`tracebus.pth`, which is installed beside the packages, has the interpreter import this module at its start
where the variable is set, and only there. It imports nothing more itself: it waits for the program to import
LangChain, and only then has `tracebus.sources` imported, whose last act is to install itself.
"""

from __future__ import annotations

import importlib
import logging
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["observe_when_langchain_is_there"]

_AWAITED = "langchain_core"


def observe_when_langchain_is_there() -> None:
    """Observe the process, as `TRACEBUS_TO` says, from the moment it has imported LangChain."""
    if _AWAITED in sys.modules:
        _install()
    else:
        sys.meta_path.insert(0, _Finder())


def _install() -> None:
    try:
        importlib.import_module("tracebus.sources")
    except Exception:
        logging.getLogger("tracebus").exception("TRACEBUS_TO is set, but tracebus cannot observe")


class _Finder(MetaPathFinder):
    """Finds LangChain once, as the ordinary finder does, with a loader that tells when it is there."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find *fullname* if it is LangChain, and nothing else."""
        if fullname != _AWAITED:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Announcing(spec.loader)
        return spec


class _Announcing(Loader):
    """Loads as *loader* does, and then begins to observe."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return what *loader* makes."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Load the module, then begin."""
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._loader  # who looks at the module later finds nothing of ours
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        _install()


observe_when_langchain_is_there()
