"""From a URL to a log."""

from __future__ import annotations

import sys
import textwrap
import time
from datetime import datetime
from pathlib import Path

import pytest

from tracebus.exceptions import InvalidLogError
from tracebus.logs import (
    LogUrl,
    known_logs,
    open_log,
    parse_duration,
    parse_log_url,
    parse_moment,
    parse_size,
)
from tracebus_exporters.jsonl import JsonlLog
from tracebus_exporters.sqlite import SqliteLog


def test_schemes_and_suffixes_open_our_logs(tmp_path):
    """A URL by its scheme, a bare file name by its suffix, nothing at all as the embedded log."""
    assert isinstance(open_log(), SqliteLog)
    assert isinstance(open_log(f"sqlite:{tmp_path}/x"), SqliteLog)
    assert isinstance(open_log(f"{tmp_path}/x.db"), SqliteLog)
    assert isinstance(open_log("x.jsonl"), JsonlLog)
    assert {"sqlite", "jsonl", "redis", "rediss"} <= set(known_logs())
    assert list(tmp_path.iterdir()) == []


def test_a_third_party_adds_a_log_by_entry_point(tmp_path, monkeypatch):
    """A distribution that names a function in `tracebus.logs` is asked for its scheme."""
    (tmp_path / "theirs-1.dist-info").mkdir()
    (tmp_path / "theirs-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: theirs\nVersion: 1\n"
    )
    (tmp_path / "theirs-1.dist-info" / "entry_points.txt").write_text(
        "[tracebus.logs]\ntheirs = their_module:from_url\nbroken = no_such_module:from_url\n"
    )
    (tmp_path / "their_module.py").write_text(
        textwrap.dedent("""
            def from_url(url):
                return ("their log", url)
        """)
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert open_log("theirs:place?x=1") == ("their log", "theirs:place?x=1")
    with pytest.raises(InvalidLogError, match=r"needs a library that is not installed .*no_such_module"):
        open_log("broken:x")


def test_a_missing_library_names_the_extra(monkeypatch):
    """Without redis-py, the error says what to install."""
    for name in [
        name for name in sys.modules if name.partition(".")[0] == "redis" or "exporters.redis" in name
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(InvalidLogError, match=r"pip install 'redis>=5.2'"):
        open_log("redis://localhost")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://x", "no log answers for 'mysql'; known are jsonl, redis"),
        ("some text", "is no log: give a URL such as sqlite:PATH"),
        ("", "is no log"),
    ],
)
def test_what_is_no_log_is_refused_with_what_is(url, message):
    """A scheme nobody knows, and what is no URL at all."""
    with pytest.raises(InvalidLogError, match=message):
        open_log(url)


def test_urls_are_taken_apart():
    """Scheme, place and options; one letter is a drive, not a scheme."""
    assert parse_log_url("sqlite:a/b.db?max_size=1GB&x=") == LogUrl(
        "sqlite", "a/b.db", {"max_size": "1GB", "x": ""}
    )
    assert parse_log_url("C:\\logs\\x.db").scheme == "sqlite"
    assert str(parse_log_url("sqlite:////x/y%20z.db").path()) == "/x/y z.db"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:", None),
        ("sqlite:runs.db", "runs.db"),
        ("sqlite:/abs/runs.db", "/abs/runs.db"),
        ("sqlite:////abs/runs.db", "/abs/runs.db"),
        ("sqlite://///abs/runs.db", "/abs/runs.db"),
        ("sqlite:///runs.db", "runs.db"),
        ("sqlite:///no-such-folder/runs.db", "no-such-folder/runs.db"),
        ("sqlite:///{first}/runs.db", "/{first}/runs.db"),
        ("sqlite:///./runs.db", "runs.db"),
        ("sqlite:///../runs.db", "../runs.db"),
        ("sqlite://./runs.db", "runs.db"),
        ("sqlite:~/runs.db", "{home}/runs.db"),
        ("sqlite:///~/runs.db", "{home}/runs.db"),
        ("sqlite:%7E/my%20runs.db", "{home}/my runs.db"),
        ("sqlite:100%25.db", "100%.db"),
        ("sqlite:100%.db", "100%.db"),
        ("sqlite:///C:/Users/me/runs.db", "C:/Users/me/runs.db"),
        ("sqlite:C:\\Users\\me\\runs.db", "C:\\Users\\me\\runs.db"),
        ("jsonl:////abs/runs.jsonl", "/abs/runs.jsonl"),
        ("SQLite:///runs.db?max_size=1GB", "runs.db"),
    ],
)
def test_every_spelling_of_a_place_means_it(url, path):
    """SQLAlchemy's slashes, other URLs' slashes, the home directory, percent signs, drives."""
    places = {"home": Path.home(), "first": Path(__file__).parts[1]}
    found = parse_log_url(url.format(**places)).path()
    assert (None if found is None else str(found)) == (None if path is None else path.format(**places))


def test_a_file_that_is_called_so_is_meant_literally(tmp_path):
    """What looks like an escape may be a name."""
    odd = tmp_path / "50%20off.db"
    odd.touch()
    assert parse_log_url(f"sqlite:{odd}").path() == odd


@pytest.mark.parametrize(
    "url", ["sqlite://host/runs.db", "sqlite://:memory:", "sqlite:///:memory:", "sqlite::memory:"]
)
def test_what_is_no_file_here_is_refused(url):
    """A host, and SQLAlchemy's database in memory."""
    with pytest.raises(InvalidLogError, match=r"names a host|is no file"):
        parse_log_url(url).path()


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5h", 5400), ("250ms", 0.25), ("7d", 604_800), ("2min", 120)]
)
def test_durations(text, seconds):
    """Numbers with a unit, seconds without."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("90", 90), ("1.5GB", 1_500_000_000), ("64k", 64_000), ("2 MB", 2_000_000)]
)
def test_sizes(text, size):
    """Numbers with a unit of a thousand, bytes without."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1s", "1y", "1 2"])
def test_nonsense_is_neither(text):
    """What is no amount is refused."""
    with pytest.raises(ValueError, match="expected"):
        parse_duration(text)
    with pytest.raises(ValueError, match="expected"):
        parse_size(text)


def test_a_moment_is_a_time_ago_or_a_date():
    """What the commands and the MCP tools take as a point in time, one way for both; a date without a zone is local."""
    day = datetime(2026, 11, 21, 10, 30)  # noqa: DTZ001 -- local on purpose
    assert parse_moment("2026-11-21T10:30") == int(day.timestamp() * 1e9)
    before = time.time_ns()
    assert before - 7_200 * 10**9 <= parse_moment("2h") <= time.time_ns() - 7_200 * 10**9
    with pytest.raises(ValueError, match="'noon' is neither a duration such as 2h nor a date"):
        parse_moment("noon")
