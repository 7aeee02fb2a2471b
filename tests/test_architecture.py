"""docs/architecture.md leads where it says: every file and name is there, and each stop leads to the next."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
FILE = r"(?:src|exporters|tui|tests|docs|scripts)/[\w./-]+"
PLACES = sorted(set(re.findall(rf"`({FILE}(?::[\w.]+)?)`", PAGE)))
WAYS = [
    re.findall(rf"`({FILE}:[\w.]+)`", way)
    for way in re.findall(r"(?:^\d\. .*\n)+|\*\*The \w+\.\*\*(?:.+\n)+", PAGE, flags=re.MULTILINE)
]
STEPS = [pair for way in WAYS for pair in pairwise(way)]
HANDED_OVER = {  # neither names the other: who calls the one after the other, or hands it over, as the page says
    ("plain_text", "RunTracker.streamed"): "src/tracebus/sources/callbacks/_recorder.py:Recorder._streamed",
    ("RunTracker.streamed", "EventBus.write"): "src/tracebus/sources/attaching/_wiring.py:_tracker_of",
    ("Settler.settle", "Delivery.deliver"): "src/tracebus/bus/_worker.py:Worker._turn",
    ("end_attributes", "OtlpSink.end"): "exporters/tracebus_exporters/otel/runs/_table.py:RunTable._finish",
    ("encode_span", "Sender.put"): "exporters/tracebus_exporters/otel/sinks/_otlp_sink.py:OtlpSink",
    ("Feed.take", "Runs.apply"): "tui/tracebus_tui/picture/_picture.py:Picture._take",
    ("RunTree.apply", "RunList.frame"): "tui/tracebus_tui/picture/_picture.py:Picture._show_runs",
    (
        "RunState.apply_all",
        "Feed.publish",
    ): "exporters/tracebus_exporters/web/watching/_tree.py:WatchedTree.take",
    ("frame", "follow"): "exporters/tracebus_exporters/web/static/app.js",
    ("apply", "Tree"): "exporters/tracebus_exporters/web/static/app.js",
}


def defined(path, name):
    """Return the source of *name*, `Class.method` or a constant, in the file *path*."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".js":
        found = re.search(rf"(?:function|class|const) {name}\b", text)
        return text[found.start() :] if found else None
    body = ast.parse(text).body
    node = None
    for part in name.split("."):
        node = next((one for one in body if part in _names(one)), None)
        if node is None:
            return None
        body = getattr(node, "body", [])
    return ast.get_source_segment(text, node)


def _names(node):
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    return {getattr(node, "name", None), *(target.id for target in targets if isinstance(target, ast.Name))}


@pytest.mark.parametrize("place", PLACES)
def test_what_the_page_names_is_there(place):
    """Each file and folder, and what is said to be in it."""
    path, _, name = place.partition(":")
    assert (ROOT / path).exists()
    assert not name or defined(ROOT / path, name) is not None


@pytest.mark.parametrize(("here", "there"), STEPS)
def test_each_stop_of_the_token_leads_to_the_next(here, there):
    """One names the other, or whoever the table above says calls the second; and the page names them."""
    (path, _, name), (following, _, called) = here.partition(":"), there.partition(":")
    by = HANDED_OVER.get((name, called))
    if by is not None:
        place, _, caller = by.partition(":")
        assert place in PAGE
        source = defined(ROOT / place, caller) if caller else (ROOT / place).read_text(encoding="utf-8")
        assert re.search(rf"\b{called.split('.')[-1]}\b", source)
        return
    assert _mentions(path, called) or _mentions(following, name)


def _mentions(path, name):
    """Tell whether the file calls, makes or takes what is so named."""
    return re.search(rf"\b{name.split('.')[-1]}\b", (ROOT / path).read_text(encoding="utf-8"))


def test_the_ways_are_all_followed():
    """The program's thread, an exporter's, and the four places a token gets to."""
    assert len(WAYS) == 6
    assert all(len(way) > 1 for way in WAYS)


def test_every_folder_is_on_the_page():
    """A new folder of the sources, of OpenTelemetry, of the web and of the terminal UI is named there."""
    for folder in (
        "src/tracebus/sources",
        "exporters/tracebus_exporters/otel",
        "exporters/tracebus_exporters/web",
        "tui/tracebus_tui",
    ):
        for inner in (ROOT / folder).iterdir():
            if inner.is_dir() and (inner / "__init__.py").exists():
                assert re.search(rf"[`/]{inner.name}`", PAGE), f"{folder}/{inner.name}"
