from __future__ import annotations

from importlib import metadata

import pytest
from click.testing import CliRunner

from tracebus.cli import _checks, _self_test, cli


@pytest.fixture
def sound(monkeypatch):
    """A machine where everything is in order."""
    monkeypatch.setenv("TRACEBUS_TO", "console")
    for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def doctor():
    return CliRunner().invoke(cli, ["doctor"])


def line(output, name):
    return next(line for line in output.splitlines() if line[4:].startswith(name))


def test_a_sound_installation_is_in_order(sound):
    """Exit code 0; versions, destination and the observed chain are reported."""
    done = doctor()
    assert done.exit_code == 0, done.output
    assert metadata.version("langchain-core") in line(done.output, "langchain-core")
    assert "resolves" in line(done.output, "console")
    assert "4 runs: 1 chain, 1 chat_model, 1 parser, 1 prompt" in line(done.output, "events")
    assert done.output.splitlines()[-1] == "all in order"


def test_a_destination_nobody_answers_for_is_broken(sound):
    """A mistyped TRACEBUS_TO is what doctor is for: exit code 1 and the known names."""
    sound.setenv("TRACEBUS_TO", "consle")
    done = doctor()
    assert done.exit_code == 1
    assert "✗" in line(done.output, "consle")
    assert "console" in line(done.output, "consle")
    assert done.output.splitlines()[-1] == "1 broken"


def test_a_password_in_a_destination_is_not_shown(sound):
    """The report is made to be pasted into an issue."""
    sound.setenv("TRACEBUS_TO", "consle://me:secret@host/0")
    output = doctor().output
    assert "consle://me:***@host/0" in output
    assert "secret" not in output


def test_a_version_out_of_range_is_broken(sound):
    """A langchain-core that pip would refuse is named with the range that works."""
    real = metadata.version
    sound.setattr(
        _checks.metadata, "version", lambda name: "0.3.80" if name == "langchain-core" else real(name)
    )
    done = doctor()
    assert done.exit_code == 1
    assert "✗" in line(done.output, "langchain-core")
    assert "remedy: pip install 'langchain-core<2,>=1.0'" in done.output


def test_a_missing_extra_is_a_note_with_its_remedy(sound):
    """What is not installed is no fault, and the command to install it is there to copy."""

    def version(name, real=metadata.version):
        if name == "textual":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    sound.setattr(_checks.metadata, "version", version)
    done = doctor()
    assert done.exit_code == 0, done.output
    assert "pip install 'tracebus[tui]'" in done.output


def test_langsmith_tracing_is_pointed_out(sound):
    """Who uses tracebus to keep prompts at home should know that LangChain sends them out."""
    sound.setenv("LANGSMITH_TRACING", "true")
    sound.setattr(_self_test, "_observed", lambda: ([], ""))  # nothing must really be sent
    assert "sends your prompts to LangSmith" in doctor().output


def test_an_observation_that_loses_events_is_broken(sound):
    """The self-test fails where ends are missing, whatever the reason."""
    events, answer = _self_test._observed()
    sound.setattr(_self_test, "_observed", lambda: (events[:-1], answer))
    done = doctor()
    assert done.exit_code == 1
    assert "1 runs without an end" in line(done.output, "ends")


def test_a_check_that_raises_is_a_finding(sound):
    """A broken part is reported and the rest is still checked."""

    def observed():
        raise RuntimeError("no tracker")

    sound.setattr(_self_test, "_observed", observed)
    done = doctor()
    assert done.exit_code == 1
    assert "RuntimeError: no tracker" in done.output
    assert "langchain-core" in done.output
