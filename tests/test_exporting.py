"""From `to=` to exporters."""

from __future__ import annotations

import pytest

from tracebus.exceptions import UnknownExporterError
from tracebus.exporting import environment_destinations, known_exporters, resolve, without_secrets
from tracebus.testing import RecordingExporter


def test_every_kind_of_destination_resolves():
    """An exporter as it is, a function of a batch, a URL; one alone or many."""
    recording, seen = RecordingExporter(), []
    exporters = resolve([recording, seen.extend, "console"])
    assert exporters[0] is recording
    exporters[1].export(["event"])
    assert seen == ["event"]
    assert type(exporters[2]).__name__ == "ConsoleExporter"
    assert resolve(recording) == [recording]
    assert len(resolve("console")) == 1
    assert resolve(()) == []


def test_the_exits_of_the_design_are_known():
    """The names in the documentation are the names in the package."""
    assert {"console", "structlog", "sqlite", "jsonl", "otlp", "otlp+http", "redis"} <= set(known_exporters())


def test_an_unknown_url_is_refused_without_its_password():
    """The message names the URL and the known ones, and no secret."""
    with pytest.raises(
        UnknownExporterError, match=r"no exporter answers to 'carrier://me:\*\*\*@pigeon'"
    ) as caught:
        resolve("carrier://me:hunter2@pigeon")
    assert "hunter2" not in str(caught.value)


def test_what_is_no_destination_is_refused():
    """The message says what there is to give."""
    with pytest.raises(TypeError, match="is no exporter: give an object with export"):
        resolve([42])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:hunter2@host:6379/0", "redis://:***@host:6379/0"),
        ("rediss://me:hunter2@host", "rediss://me:***@host"),
        ("otlp+http://host:4318?api_key=hunter2&x=1", "otlp+http://host:4318?api_key=***&x=1"),
        ("sqlite:/tmp/a.db?max_age=1d", "sqlite:/tmp/a.db?max_age=1d"),
        ("structlog", "structlog"),
    ],
)
def test_secrets_are_kept_out_of_messages(url, shown):
    """What is not a secret stays readable."""
    assert without_secrets(url) == shown


def test_the_environment_lists_urls(monkeypatch):
    """By commas or white space; empty means none."""
    monkeypatch.setenv("TRACEBUS_TO", "console, structlog  jsonl:a.jsonl,")
    assert environment_destinations() == ["console", "structlog", "jsonl:a.jsonl"]
    monkeypatch.setenv("TRACEBUS_TO", "")
    assert environment_destinations() == []
