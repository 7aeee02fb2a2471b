"""Every view draws the same run with the same sign."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

import tracebus_exporters.web
from tracebus import signs
from tracebus.cli._cells import echo
from tracebus.events import RunKind
from tracebus.pytest._page import page
from tracebus.tree import RunStatus


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        (signs.STATUS, RunStatus),
        (signs.ASCII_STATUS, RunStatus),
        (signs.KIND, RunKind),
        (signs.ASCII_KIND, RunKind),
    ],
)
def test_everything_has_a_sign_one_cell_wide(table, keys):
    """A row stays aligned whatever it shows."""
    assert set(table) == set(keys)
    assert {cell_len(sign) for sign in table.values()} == {1}


def test_a_terminal_without_unicode_gets_ascii(monkeypatch):
    """Every sign has one cell of ASCII in its place; of texts, what there is not is a question mark."""
    drawn = "".join(map(chr, signs.TO_ASCII))
    assert drawn.translate(signs.TO_ASCII).isascii()
    assert len(drawn.translate(signs.TO_ASCII)) == len(drawn)
    printed = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(printed, encoding="ascii"))
    echo("├─ ✓ step “ok” … 3µs → Καλή")
    assert printed.getvalue() == b'|- o step "ok" ~ 3us > ????\n'


def test_the_web_pages_signs_are_the_terminals():
    """The page is the terminal's twin, and its script cannot import Python; kinds it draws as icons."""
    script = Path(tracebus_exporters.web.__file__).with_name("static") / "format.js"
    found = dict(re.findall(r'(\w+): "(.)"', script.read_text("utf-8")))
    expected = {str(key): sign for key, sign in signs.STATUS.items()}
    assert {key: found.get(key) for key in expected} == expected


STOPPED = set(RunStatus) - {RunStatus.RUNNING, RunStatus.OK, RunStatus.ERROR}


@pytest.mark.parametrize("rules", ["theme.css", "rows.css", "detail.css"])
def test_the_page_has_one_colour_for_every_run_that_was_stopped(rules):
    """In lists and trees, in bars, and in words."""
    text = (Path(tracebus_exporters.web.__file__).parent / "static/style" / rules).read_text()
    coloured = re.findall(r"([^{}]*)\{[^}]*: var\(--stopped\)[^}]*\}", text)
    assert set(re.findall(r'data-status="(\w+)"', "".join(coloured))) == STOPPED


def test_a_tests_report_has_one_too():
    """Errors have a colour of their own there."""
    rule = re.search(r"\}([^{}]*)\{ color: var\(--stopped\); \}", page("t", [], failed=True))
    assert set(re.findall(r"\.(\w+) > summary", rule[1])) == STOPPED
