"""The command that installs what is missing, fit for the environment that runs."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

__all__ = ["install_command", "packages_of"]

_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")


def install_command(*packages: str) -> str:
    """Return the shell command that installs *packages*; `[otel]` stands for those of an extra of ours.

    It names the packages themselves and this environment's Python, so that it works however tracebus came
    here: from an index, a repository, a clone. `pip install 'tracebus[otel]'` works in the first case only.
    """
    wanted: list[str] = []
    for package in packages:
        wanted += packages_of(package[1:-1]) if package.startswith("[") else [package]
    return f"{_installer()} {' '.join(map(shlex.quote, dict.fromkeys(wanted)))}"


def packages_of(extra: str) -> list[str]:
    """Return the requirements of *extra*, such as `redis>=5.2`."""
    found = []
    for line in metadata.requires("tracebus") or ():
        requirement, _, marker = line.partition(";")
        needed_by = _EXTRA.search(marker)
        if needed_by is not None and needed_by[1] == extra:
            found.append(requirement.strip())
    return found


def _installer() -> str:
    """Return the beginning of the command, by what is there: pip, or uv where the environment has no pip."""
    python = shlex.quote(_shown(sys.executable))
    if find_spec("pip") is None and shutil.which("uv"):
        return f"uv pip install --python {python}"
    return f"{python} -m pip install"


def _shown(executable: str) -> str:
    """Return the interpreter's path, `python` where that is what the shell would find."""
    try:
        found = shutil.which("python")
        if found and Path(found).parent.samefile(Path(executable).parent):
            return "python"
    except OSError:
        pass  # a directory on the path that cannot be read
    return executable
