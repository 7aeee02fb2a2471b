"""Run a user's script the way `python script.py` does."""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

__all__ = ["run_script"]


def run_script(path: str, args: Sequence[str]) -> None:
    """Run the file at *path* as `__main__` with *args*.

    Whatever it raises goes on to the interpreter, which prints it, ends by the signal or exits with
    the code as it would have under `python`; only our own frames are taken out of the traceback.
    """
    absolute = str(Path(path).absolute())
    sys.argv[:] = [path, *args]
    sys.path[0] = str(Path(absolute).resolve().parent)
    # Not `runpy.run_path`: it changes argv[0], and takes `__main__` away while threads, `atexit` and
    # pickles of the script still need it.
    module = ModuleType("__main__")
    module.__file__ = absolute
    module.__loader__ = SourceFileLoader("__main__", absolute)
    sys.modules["__main__"] = module
    try:
        code = compile(Path(absolute).read_bytes(), absolute, "exec", dont_inherit=True)
        exec(code, vars(module))  # noqa: S102  running the user's script is what was asked for
    except SystemExit:
        raise
    except BaseException as error:
        _hide_our_frames(error, absolute)
        raise


def _hide_our_frames(error: BaseException, path: str) -> None:
    """Have the script's exception printed from the script's first line on."""
    own = _from_file(error.__traceback__, path)
    hook = sys.excepthook

    def shown(kind: type[BaseException], value: BaseException, _: TracebackType | None) -> None:
        hook(kind, value.with_traceback(own), own)

    sys.excepthook = shown


def _from_file(traceback: TracebackType | None, path: str) -> TracebackType | None:
    while traceback is not None and traceback.tb_frame.f_code.co_filename != path:
        traceback = traceback.tb_next
    return traceback
