"""Call a function once the program has imported a module, without importing it first.

Imports next to nothing: an interpreter that observes by `TRACEBUS_TO` imports this at its start.
"""

from __future__ import annotations

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

__all__ = ["when_imported"]


def when_imported(name: str, then: Callable[[], None]) -> None:
    """Call *then* now if the module *name* is imported, else right after it is."""
    if name in sys.modules:
        then()
        return
    for finder in sys.meta_path:
        if isinstance(finder, _Finder) and finder.awaited == name:
            finder.then.append(then)  # one finder finds it, in the ordinary way
            return
    sys.meta_path.insert(0, _Finder(name, then))


class _Finder(MetaPathFinder):
    """Finds the module once, as the ordinary finder does, with a loader that tells when it is there."""

    def __init__(self, name: str, then: Callable[[], None]) -> None:
        self.awaited = name
        self.then = [then]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find *fullname* if it is the module, and nothing else."""
        if fullname != self.awaited:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Announcing(spec.loader, self.then)
        return spec


class _Announcing(Loader):
    """Loads as *loader* does, and then tells each of *then*."""

    def __init__(self, loader: Loader, then: Sequence[Callable[[], None]]) -> None:
        self._loader = loader
        self._then = then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return what *loader* makes."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Load the module, then tell."""
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._loader  # who looks at the module later finds nothing of ours
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        for then in self._then:
            then()
