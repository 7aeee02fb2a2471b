"""docs/architecture.md leads where it says: every file and name is there, and each stop calls the next."""

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
HANDED_OVER = {  # neither names the other: here the one is handed over, or called after the other
    ("Recorder.token", "plain_text"): "src/tracebus/sources/callbacks/_recorder.py",
    ("plain_text", "RunTracker.streamed"): "src/tracebus/sources/callbacks/_recorder.py",
    ("RunTracker.streamed", "EventBus.publish"): "src/tracebus/sources/attaching/_wiring.py",
    ("Settler.settle", "Delivery.deliver"): "src/tracebus/bus/_worker.py",
    ("end_attributes", "OtlpSink.end"): "exporters/tracebus_exporters/otel/runs/_table.py",
    ("encode_span", "Sender.put"): "exporters/tracebus_exporters/otel/sinks/_otlp_sink.py",
    ("RunTree.apply", "RunList.frame"): "tui/tracebus_tui/picture/_picture.py",
    ("RunState.apply_all", "Feed.publish"): "exporters/tracebus_exporters/web/watching/_tree.py",
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
    """One names the other, or the file in the table above brings them together."""
    (path, _, name), (following, _, called) = here.partition(":"), there.partition(":")
    by = HANDED_OVER.get((name, called))
    if by is not None:
        path = following = by
    assert _mentions(path, called) or _mentions(following, name)


def _mentions(path, name):
    """Tell whether the file calls, makes or takes what is so named."""
    return re.search(rf"\b{name.split('.')[-1]}\b", (ROOT / path).read_text(encoding="utf-8"))


def test_the_ways_are_all_followed():
    """The program's thread, an exporter's, and the four places a token gets to."""
    assert len(WAYS) == 6
    assert all(len(way) > 1 for way in WAYS)


def test_every_room_is_on_the_page():
    """A new folder of the sources and of the exporters with rooms is named there."""
    for folder in (
        "src/tracebus/sources",
        "exporters/tracebus_exporters/otel",
        "exporters/tracebus_exporters/web",
        "tui/tracebus_tui",
    ):
        for room in (ROOT / folder).iterdir():
            if room.is_dir() and (room / "__init__.py").exists():
                assert re.search(rf"[`/]{room.name}`", PAGE), f"{folder}/{room.name}"
