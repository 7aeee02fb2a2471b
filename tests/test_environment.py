from __future__ import annotations

import re
from pathlib import Path

from tracebus.environment import VARIABLES, problems

ROOT = Path(__file__).parents[1]


def test_the_table_has_every_variable_the_source_reads():
    """The documentation and `doctor` are made from the table: what is not in it is hidden."""
    read = set()
    for folder in ("src", "exporters", "tui"):
        for path in (ROOT / folder).rglob("*.py"):
            read |= set(re.findall(r"[\"'](TRACEBUS_[A-Z][A-Z0-9_]*)[\"']", path.read_text(encoding="utf-8")))
    assert read - {variable.name for variable in VARIABLES} == set()


def test_what_cannot_be_is_found():
    """Unknown names with what was meant, values out of range, and nothing of anybody else's."""
    found = dict(
        problems(
            {"TRACEBUS_TOO": "x", "TRACEBUS_EXIT_TIMEOUT": "-1", "TRACEBUS_PRICES": "/no/file", "HOME": "x"}
        )
    )
    assert "did you mean TRACEBUS_TO" in found["TRACEBUS_TOO"]
    assert "must be from 0 seconds on" in found["TRACEBUS_EXIT_TIMEOUT"]
    assert "is no file" in found["TRACEBUS_PRICES"]
    assert len(found) == 3
    assert not list(
        problems({"TRACEBUS_EXIT_TIMEOUT": "2.5", "TRACEBUS_TO": "console", "TRACEBUS_TOKEN": ""})
    )
