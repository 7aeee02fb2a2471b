from __future__ import annotations

import shlex
import sys

from packaging.requirements import Requirement

from tracebus import installing


def test_the_command_names_packages_an_index_knows():
    """`tracebus[otel]` is known to no index: the command names what the extra stands for, and this Python."""
    command = shlex.split(installing.install_command("[otel]"))
    packages = command[command.index("install") + 1 :]
    assert {Requirement(package).name for package in packages} == {
        "opentelemetry-sdk",
        "opentelemetry-exporter-otlp",
    }


def test_an_extra_of_extras_is_resolved_once():
    """`all` and `tui-web` stand for other extras; nothing is named twice."""
    names = [Requirement(package).name for package in installing.packages_of("all")]
    assert {"textual", "redis", "starlette", "textual-serve"} <= set(names)
    assert "tracebus" not in names
    command = installing.install_command("[all]")
    assert command.count("textual>=") + command.count("textual<") == 1


def test_it_runs_this_interpreter(monkeypatch):
    """A `python` on the path that is another one would install elsewhere."""
    monkeypatch.setattr(installing.shutil, "which", lambda name: None)
    monkeypatch.setattr(installing, "find_spec", lambda name: object())
    assert installing.install_command("redis") == f"{shlex.quote(sys.executable)} -m pip install redis"
    monkeypatch.setattr(installing, "find_spec", lambda name: None)
    monkeypatch.setattr(installing.shutil, "which", lambda name: "/usr/bin/uv" if name == "uv" else None)
    assert installing.install_command("redis").startswith("uv pip install --python ")
