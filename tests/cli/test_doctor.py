from __future__ import annotations

import os
import socket
from importlib import metadata

import pytest
from click.testing import CliRunner

from tracebus.cli import _checks, _self_test, _trials, cli


@pytest.fixture
def sound(monkeypatch, tmp_path):
    """A machine where everything is in order."""
    for name in [name for name in os.environ if name.startswith("TRACEBUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TRACEBUS_TO", "console")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
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
    assert "-m pip install 'langchain-core<2,>=1.0'" in done.output


def test_a_missing_extra_is_a_note_with_its_remedy(sound):
    """What is not installed is no fault, and the command to install it is there to copy."""

    def version(name, real=metadata.version):
        if name == "textual":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    sound.setattr(_checks.metadata, "version", version)
    done = doctor()
    assert done.exit_code == 0, done.output
    assert "-m pip install 'markdown-it-py>=3' 'textual<9,>=8.2'" in done.output


def test_langsmith_tracing_is_pointed_out(sound):
    """Who uses tracebus to keep prompts at home should know that LangChain sends them out."""
    sound.setenv("LANGSMITH_TRACING", "true")
    sound.setattr(_self_test, "observed", lambda: ([], ""))  # nothing must really be sent
    assert "sends your prompts to LangSmith" in doctor().output


def test_an_observation_that_loses_events_is_broken(sound):
    """The self-test fails where ends are missing, whatever the reason."""
    events, answer = _self_test.observed()
    sound.setattr(_self_test, "observed", lambda: (events[:-1], answer))
    done = doctor()
    assert done.exit_code == 1
    assert "1 runs without an end" in line(done.output, "ends")


def test_a_check_that_raises_is_a_finding(sound):
    """A broken part is reported and the rest is still checked."""

    def observed():
        raise RuntimeError("no tracker")

    sound.setattr(_self_test, "observed", observed)
    done = doctor()
    assert done.exit_code == 1
    assert "RuntimeError: no tracker" in done.output
    assert "langchain-core" in done.output


def test_the_log_is_written_and_read_back(sound, tmp_path):
    """Without TRACEBUS_TO the log on this machine is tried, and said to be where a viewer looks."""
    sound.delenv("TRACEBUS_TO")
    first, second = doctor(), doctor()
    assert first.exit_code == 0, first.output
    assert "written and read back" in line(first.output, "sqlite:")
    assert "1 root run, which `tracebus` shows" in line(first.output, "viewer")
    assert "2 root runs" in line(second.output, "viewer")


def test_where_no_log_can_be_written_another_place_is_the_remedy(sound, tmp_path):
    """A home that is read-only has no log of its own; the log that cannot be written is none."""
    sound.delenv("TRACEBUS_TO")
    (tmp_path / "file").touch()
    sound.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    done = doctor()
    assert done.exit_code == 1
    assert "cannot be opened" in line(done.output, "sqlite:")
    assert "remedy: name a place that can be written: TRACEBUS_TO=sqlite:PATH" in done.output


def test_a_log_elsewhere_is_named_to_the_viewer(sound, tmp_path):
    """A log that bare `tracebus` does not open comes with the command that does."""
    sound.setenv("TRACEBUS_TO", f"jsonl:{tmp_path}/a.jsonl")
    done = doctor()
    assert f"tracebus watch 'jsonl:{tmp_path}/a.jsonl'" in line(done.output, "viewer")


def test_a_log_that_cannot_be_opened_is_broken(sound, tmp_path):
    """What the exporter's factory does not notice, the trial does."""
    (tmp_path / "file").write_text("")
    sound.setenv("TRACEBUS_TO", f"jsonl:{tmp_path}/file/below.jsonl")
    done = doctor()
    assert done.exit_code == 1
    assert "✗" in line(done.output, "jsonl:")


@pytest.mark.parametrize("scheme", ["otlp", "otlp+http", "redis"])
def test_a_server_that_is_down_is_broken(sound, scheme):
    """Nobody listens there, and doctor says so instead of `resolves`."""
    pytest.importorskip(
        "redis" if scheme == "redis" else "opentelemetry.exporter.otlp", reason="needs the extra"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    sound.setattr(_trials, "PATIENCE", 1.0)
    sound.setenv("TRACEBUS_TO", f"{scheme}://127.0.0.1:{port}")
    done = doctor()
    assert done.exit_code == 1
    assert "✗" in line(done.output, f"{scheme}://127.0.0.1")


def test_settings_nobody_reads_and_values_that_cannot_be_are_listed(sound):
    """A mistyped variable does nothing, which is hard to see otherwise."""
    sound.setenv("TRACEBUS_T0", "console")
    sound.setenv("TRACEBUS_EXIT_TIMEOUT", "abc")
    done = doctor()
    assert done.exit_code == 1
    assert "did you mean TRACEBUS_TO?" in line(done.output, "TRACEBUS_T0")
    assert "'abc' is no number of seconds" in line(done.output, "TRACEBUS_EXIT_TIMEOUT")
    assert done.output.splitlines()[-1] == "1 broken, 1 warning"
