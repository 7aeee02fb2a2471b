"""From what a user writes after `tracebus run` to a Runnable or a script."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracebus.exceptions import InvalidTargetError

if TYPE_CHECKING:
    from types import ModuleType

    from langchain_core.runnables import Runnable

__all__ = ["RunnableTarget", "ScriptTarget", "load_runnable", "parse_target"]


@dataclass(frozen=True, slots=True)
class ScriptTarget:
    """A Python file to run as `python FILE` would."""

    path: str


@dataclass(frozen=True, slots=True)
class RunnableTarget:
    """An object in a module."""

    module: str
    """A module's name, or a path ending in `.py`."""
    attribute: str
    """Dots allowed."""


def parse_target(target: str) -> ScriptTarget | RunnableTarget:
    """Tell which of the two *target* is, without importing anything.

    Raises:
        InvalidTargetError: it is neither, or the file does not exist.
    """
    module, colon, attribute = target.rpartition(":")
    if colon and module and not _is_path(attribute):
        _require_file(module)
        if not all(part.isidentifier() for part in attribute.split(".")):
            raise InvalidTargetError(f"{attribute!r} in {target!r} is no Python name")
        return RunnableTarget(module, attribute)
    if Path(target).is_dir():
        raise InvalidTargetError(f"{target} is a directory; name a script in it, or pkg.module:chain")
    if _is_path(target) or Path(target).is_file():
        _require_file(target)
        return ScriptTarget(target)
    raise InvalidTargetError(
        f"{target!r} is no target: name an object (pkg.module:chain or path/to/file.py:chain) "
        "or a script (path/to/script.py)"
    )


def load_runnable(target: RunnableTarget) -> Runnable[Any, Any]:
    """Import the module and return the Runnable in it; a function without arguments is called.

    Raises:
        InvalidTargetError: there is no such module or name, or what it names is no Runnable.
    """
    module = _module(target.module)
    found: Any = module
    for part in target.attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise InvalidTargetError(
                f"{target.module} has no {target.attribute!r}{_candidates(module)}"
            ) from error
    return _as_runnable(found, target)


def _as_runnable(found: Any, target: RunnableTarget) -> Runnable[Any, Any]:
    from langchain_core.runnables import Runnable  # noqa: PLC0415  `--help` must not pay for it

    name = f"{target.module}:{target.attribute}"
    if inspect.isfunction(found) and not inspect.signature(found).parameters:
        found = found()
        name += "()"
    if isinstance(found, Runnable):
        return found
    if inspect.isfunction(found):
        raise InvalidTargetError(
            f"{name} is a function with arguments; wrap it: RunnableLambda({found.__name__})"
        )
    raise InvalidTargetError(f"{name} is no Runnable but {_a(type(found).__name__)}")


def _module(name: str) -> ModuleType:
    if _is_path(name):
        return _module_from_file(Path(name))
    # An installed command does not have the working directory on its path; `python -m` has.
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        if not (name == missing or name.startswith(f"{missing}.")):
            raise  # a module the user's module wants: its own error says it best
        raise InvalidTargetError(
            f"there is no module {missing!r} here or in this environment ({sys.prefix}); "
            "run tracebus where your program is installed, or give a path: path/to/file.py:chain"
        ) from error


def _module_from_file(path: Path) -> ModuleType:
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InvalidTargetError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _candidates(module: ModuleType) -> str:
    """Say what Runnables *module* has."""
    from langchain_core.runnables import Runnable  # noqa: PLC0415  `--help` must not pay for it

    names = [name for name, value in vars(module).items() if isinstance(value, Runnable)]
    return f"; Runnables in it: {', '.join(names)}" if names else "; there is no Runnable in it"


def _is_path(name: str) -> bool:
    return name.endswith(".py") or "/" in name or "\\" in name


def _require_file(name: str) -> None:
    if _is_path(name) and not Path(name).is_file():
        raise InvalidTargetError(f"there is no file {name}")


def _a(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
