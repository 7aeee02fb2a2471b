"""`tracebus compare`, as its user meets it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tracebus import observe
from tracebus.cli._app import cli
from tracebus.logs import open_log
from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("TRACEBUS_TO", raising=False)


def tracebus(*args):
    return CliRunner().invoke(cli, list(args), catch_exceptions=False)


def ask(hour, *more, question="When does the night bus leave?"):
    """Run an agent that looks up departures, and write it to this user's log."""
    from langchain.agents import create_agent
    from langchain_core.tools import tool

    @tool
    def departures(hour: int) -> str:
        """Return departures."""
        return f"N7 leaves at {hour}:12"

    call = Turn(tool_calls=[ScriptedToolCall("departures", {"hour": hour})])
    again = [Turn(tool_calls=[ScriptedToolCall("departures", {"hour": each})]) for each in more]
    model = ScriptedChatModel(script=[call, *again, f"The bus leaves at {hour}:12."])
    with observe(create_agent(model, [departures]), to="sqlite:") as agent:
        agent.invoke({"messages": [("user", question)]})


@pytest.fixture
def two():
    pytest.importorskip("langchain.agents", reason="an agent needs the package langchain")
    ask(12, 13)
    ask(0)


def test_two_runs_of_an_agent(two):
    """Where they part comes first, then all steps with time and tokens, then the words that differ."""
    text = tracebus("compare", "last~1", "last").stdout
    assert "They part at model / ScriptedChatModel: its answer differs." in text
    assert "ScriptedChatModel" in next(line for line in text.splitlines() if "← here" in line)
    assert 'answer: departures({"hour": 12}) → departures({"hour": 0})' in text
    assert '- assistant calls: departures({"hour": [-12-]})' in text
    assert '+ assistant calls: departures({"hour": {+0+}})' in text
    assert any(line.startswith("-     departures") for line in text.splitlines())
    # The conversation stands in later prompts and in the state, too: what differs in it is told once.
    assert text.count("N7 leaves at [-12-]") == 1


def test_as_json(two):
    """One document: whether they are the same, where they part, every step with both sides."""
    found = json.loads(tracebus("compare", "last~1", "last", "--json").stdout)
    assert found["same"] is False
    parted = found["steps"][found["parted"]]
    assert parted["left"]["kind"] == "chat_model"
    assert [difference["what"] for difference in parted["differences"]] == ["answer"]
    assert all(step["left"] or step["right"] for step in found["steps"])


def test_a_run_with_itself(two):
    """They are the same, and that is what is said; with `--exit-code` the code says it, too."""
    result = tracebus("compare", "last", "last", "--exit-code")
    assert "The same steps with the same inputs and outputs." in result.stdout
    assert result.exit_code == 0


def test_exit_code_is_asked_for(two):
    """Runs that differ are no failure unless one asks."""
    assert CliRunner().invoke(cli, ["compare", "last~1", "last"], standalone_mode=False).return_value == 0
    asked = CliRunner().invoke(cli, ["compare", "last~1", "last", "--exit-code"], standalone_mode=False)
    assert asked.return_value == 1


def test_runs_of_two_logs(two, tmp_path):
    """The second run may stand in a log of its own."""
    log, other = open_log("sqlite:"), open_log(f"jsonl:{tmp_path / 'other.jsonl'}")
    from tracebus.logs import RunQuery

    newest = log.runs(RunQuery(limit=1))[0]
    other.append(log.read_run(newest.run_id))
    log.close()
    other.close()
    result = tracebus("compare", "last", "last", "--with", f"jsonl:{tmp_path / 'other.jsonl'}")
    assert "The same steps" in result.stdout


def test_what_is_not_there_is_named(two):
    """A wrong id, and more runs back than there are."""
    result = tracebus("compare", "nothing", "last")
    assert result.exit_code == 2
    assert "no run 'nothing'" in result.stderr
    result = tracebus("compare", "last~7", "last")
    assert "only 2 root runs" in result.stderr


def test_what_a_model_said_reaches_no_terminal_raw():
    """Escape sequences in prompts and answers are shown, not obeyed."""
    for answer in ("\x1b]52;c;AAAA\x07one", "\x1b[2Jtwo"):
        model = ScriptedChatModel(script=[answer])
        with observe(model, to="sqlite:") as observed:
            observed.invoke(f"say {answer}")
    text = tracebus("compare", "last~1", "last", "--full").stdout
    assert "\x1b" not in text
    assert "␛" in text
