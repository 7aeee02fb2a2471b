from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracebus._destinations import canonical, once_each
from tracebus.exceptions import UnknownExporterError
from tracebus.exporting import environment_destinations, resolve


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("consle", "console"),
        ("Konsole", "console"),
        ("structlg", "structlog"),
        ("sqlit:x.db2", "sqlite:x.db2"),
        ("http://localhost:4318", "otlp+http://localhost:4318"),
        ("https://host/v1", "otlp+https://host/v1"),
        ("otlp://http://host", "otlp+http://host"),
        ("otlp:https://host:4318", "otlp+https://host:4318"),
        ("localhost:4317", "otlp://localhost:4317"),
        ("localhost:4318", "otlp+http://localhost:4318"),
        ("localhost:6379", "redis://localhost:6379"),
        ("otel://host", "otlp://host"),
        ("x.db", "sqlite:x.db"),
        ("./runs/x.jsonl", "jsonl:./runs/x.jsonl"),
        ("file:///tmp/x.jsonl", "jsonl:/tmp/x.jsonl"),
    ],
)
def test_a_near_miss_is_answered_with_the_likely_meaning(written, meant):
    """The message names what was probably meant, so that it can be copied."""
    with pytest.raises(UnknownExporterError) as caught:
        resolve(written)
    assert f"did you mean {meant!r}?" in str(caught.value)


@pytest.mark.parametrize("url", ["", "  "])
def test_an_empty_url_says_what_to_do(url):
    """An unset shell variable ends up here."""
    with pytest.raises(UnknownExporterError, match="empty URL"):
        resolve(url)


@given(st.text())
def test_any_text_is_answered_by_our_error_or_an_exit(text):
    """No spelling makes the search for its meaning fail, and what stands for it stands for itself."""
    assert canonical(canonical(text)) == canonical(text)
    with pytest.raises(UnknownExporterError, match="nothing-like-it"):
        resolve("nothing-like-it:" + text)


def test_an_exit_named_twice_is_one(monkeypatch, tmp_path):
    """Spellings of one exit count as one, in a list and in the variable."""
    assert len(resolve(["console", "console:", "CONSOLE"])) == 1
    assert len(resolve(["console", "console?width=90"])) == 1
    assert len(resolve(["console", "console?stream=stdout"])) == 2
    monkeypatch.chdir(tmp_path)
    assert once_each(["sqlite:a.db", f"sqlite:{tmp_path}/a.db", f"sqlite://{tmp_path}/a.db"]) == [
        "sqlite:a.db"
    ]
    monkeypatch.setenv("TRACEBUS_TO", "console, jsonl:x.jsonl console:")
    assert environment_destinations() == ["console", "jsonl:x.jsonl"]
