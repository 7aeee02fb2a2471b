"""`tracebus runs`, `show`, `replay` and `export`, as their user meets them."""

from __future__ import annotations

import errno
import itertools
import json
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tracebus.cli._app import cli, main
from tracebus.events import Gap, Outcome, decode_json
from tracebus.logs import FinishedRuns, Progress, RunQuery, open_log
from tracebus.testing.logs import sample_run


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    """Keep every command away from this user's own log."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)


def tracebus(*args):
    return CliRunner().invoke(cli, list(args), catch_exceptions=False)


@pytest.fixture
def log():
    log = open_log("sqlite:")
    log.append(sample_run("run-one", name="first", tags=("blue",), metadata={"thread_id": "t1"}))
    log.append(sample_run("run-two", name="second", time=1_800_000_001_000_000_000, outcome=Outcome.ERROR))
    yield log
    log.close()


def test_runs_lists_the_latest_first(log):
    """The table has name, kind, duration, tokens and the error, the latest run on top."""
    lines = tracebus("runs").stdout.splitlines()
    assert lines[1].split()[0] == "✗"
    assert "second" in lines[1]
    assert "ValueError: no" in lines[1]
    assert "10>3" in lines[2]
    assert "1.00s" in lines[2]
    assert len(lines) == 3


def test_runs_on_a_narrow_terminal_keeps_to_it(log, monkeypatch):
    """At 60 columns no line is longer."""
    monkeypatch.setenv("COLUMNS", "60")
    lines = tracebus("runs").stdout.splitlines()
    assert max(map(len, lines)) <= 60


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--status", "error"], ["second"]),
        (["--tag", "blue"], ["first"]),
        (["--thread", "t1"], ["first"]),
        (["--name", "SEC"], ["second"]),
        (["--model", "sample", "--kind", "chain"], ["second", "first"]),
        (["--min-tokens", "14"], []),
        (["--max-duration", "1s"], ["second", "first"]),
        (["--until", "2027-01-15T08:00:01+00:00"], ["first"]),
        (["--since", "2027-01-15T08:00:01Z"], ["second"]),
        (["--since", "2999-01-01"], []),
        (["--max-tokens", str(10**30)], ["second", "first"]),
        (["-n", "1"], ["second"]),
        (["--all", "--kind", "chat_model"], ["model", "model"]),
    ],
)
def test_runs_can_be_narrowed(log, options, names):
    """Each option keeps the runs it describes."""
    found = [json.loads(line)["name"] for line in tracebus("runs", "--json", *options).stdout.splitlines()]
    assert found == names


def test_runs_of_nothing_says_so():
    """No log yet is no error; a filter that finds nothing says that it is the filter."""
    assert "No runs yet" in tracebus("runs").stderr
    assert "No such runs" in tracebus("runs", "--name", "x").stderr


def test_a_log_that_is_not_there_is_named():
    """A mistyped file is an error, not an empty list."""
    result = CliRunner().invoke(cli, ["runs", "nothing.db"])
    assert result.exit_code != 0
    assert "there is no log at" in result.stderr + str(result.exception)


def test_a_time_that_is_none_is_explained():
    """What is neither a duration nor a date is refused with examples of both."""
    result = tracebus("runs", "--since", "yesterday")
    assert result.exit_code == 2
    assert "2h" in result.stderr
    assert "2026" in result.stderr


def test_show_draws_the_tree_with_input_and_output(log):
    """A run by the end of its id: its tree, its input, what it failed with."""
    text = tracebus("show", "two").stdout
    assert "✗ second" in text
    assert "╰─ ✓ model" in text
    assert '"question": "why?"' in text
    assert "ValueError: no" in text


def test_show_last_shows_the_latest_root(log):
    """`last` needs no id."""
    assert "second" in tracebus("show", "last").stdout


def test_show_gives_events_and_a_document(log):
    """`--events` is JSON Lines of the run's own events; `--json` one document with both runs."""
    events = [decode_json(line) for line in tracebus("show", "run-one", "--events").stdout.splitlines()]
    assert [event.root_run_id for event in events] == ["run-one"] * 7
    document = json.loads(tracebus("show", "run-one", "--json").stdout)
    assert set(document["runs"]) == {"run-one", "run-one-model"}


def test_show_marks_what_is_lost(log):
    """A run whose process is gone is shown as lost, not as running."""
    log.append(sample_run("run-three")[:-1])
    log.close()
    assert "? answer" in tracebus("show", "run-three").stdout


def test_nothing_from_a_model_reaches_the_terminal_raw(log):
    """Escape sequences in names, inputs and errors are shown, not obeyed."""
    log.append(
        sample_run("evil", name="a\x1b]52;c;x\x07\nb", inputs={"q": "\x1b[31m\u202e"}, tags=("\x9b1m",))
    )
    for command in (["runs"], ["show", "evil"]):
        text = tracebus(*command).stdout
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text), command


def test_who_reads_our_output_may_have_enough(log, monkeypatch, capsys):
    """`tracebus show last | head` ends as click ends it, without a word of ours."""

    def gone(*_, **__):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with monkeypatch.context() as patch:
        patch.setattr(click, "echo", gone)
        patch.setattr(sys, "stdout", sys.stdout)  # click puts another in its place
        patch.setattr(sys, "stderr", sys.stderr)
        with pytest.raises(SystemExit) as left:
            main(["show", "last", "--events"])
    assert left.value.code == 1
    assert capsys.readouterr() == ("", "")


def test_replay_hands_everything_on_at_its_own_pace_or_faster(log, tmp_path):
    """All events arrive in the other log, in order; `--run` plays one run only."""
    result = tracebus("replay", "sqlite:", "--speed", "0", "--to", "jsonl:out.jsonl")
    assert result.exit_code == 0
    assert "14 events replayed, 0 lost" in result.stderr
    assert [run.name for run in open_log("jsonl:out.jsonl").runs(RunQuery())] == ["second", "first"]
    tracebus("replay", "sqlite:", "--speed", "1000", "--run", "run-one", "--to", "jsonl:one.jsonl")
    assert len(open_log("jsonl:one.jsonl").read()) == 7


def test_export_says_what_keep_left_out(log):
    """Of the two runs in the log none took an hour."""
    result = tracebus("export", "sqlite:", "--to", "jsonl:out.jsonl?keep=slower:1h")
    assert "14 events looked at, 0 root runs sent and 2 left out by `keep`" in result.stderr


def test_export_sends_each_finished_run_once(log):
    """A second export sends nothing; what finishes in between is sent by the third, whole."""
    log.append(sample_run("slow")[:4])
    assert (
        "14 events sent, 1 runs not finished"
        in tracebus("export", "sqlite:", "--to", "jsonl:out.jsonl").stderr
    )
    assert (
        "0 events sent, the others were before (--again sends them), 1 runs not finished"
        in tracebus("export", "sqlite:", "--to", "jsonl:out.jsonl").stderr
    )
    log.append(sample_run("slow")[4:])
    assert "7 events sent" in tracebus("export", "sqlite:", "--to", "jsonl:out.jsonl").stderr
    out = open_log("jsonl:out.jsonl")
    assert len(out.read()) == 21
    assert len(out.read_run("slow")) == 7


def test_export_begins_anew_where_the_destination_did(log):
    """Somebody removes the file exported to: the next export sends everything again."""
    tracebus("export", "sqlite:", "--to", "jsonl:out.jsonl")
    Path("out.jsonl").unlink()
    assert "14 events sent" in tracebus("export", "sqlite:", "--to", "jsonl:out.jsonl").stderr


def test_an_export_that_cannot_be_remembered_says_so(log, tmp_path):
    """Where this user can write no note (a read-only home), what was sent has arrived, and goes again."""
    (tmp_path / "file").touch()
    for _ in range(2):
        result = tracebus("export", "sqlite:", "--to", "jsonl:out.jsonl", "--state", "file/note.json")
        assert result.exit_code == 0
        assert "14 events sent\nThis is not remembered (" in result.stderr
        assert "--state FILE" in result.stderr


def test_receiving_into_what_cannot_be_written_is_refused(tmp_path):
    """Before a sender hears that its spans are taken."""
    pytest.importorskip("grpc", reason="needs the extra otel")
    (tmp_path / "file").touch()
    result = tracebus("receive", "sqlite:file/x.db", "--http-port", "0", "--grpc-port", "0", "--until-eof")
    assert result.exit_code == 1
    assert "cannot be opened" in result.stderr


def test_export_can_hand_on_open_runs(log):
    """`--open` sends what there is of unfinished runs, without remembering it as done."""
    log.append(sample_run("slow")[:4])
    assert "18 events sent" in tracebus("export", "sqlite:", "--to", "jsonl:out.jsonl", "--open").stderr
    log.append(sample_run("slow")[4:])
    assert "7 events sent" in tracebus("export", "sqlite:", "--to", "jsonl:out.jsonl").stderr


def test_an_exit_that_fails_can_be_tried_again(log, tmp_path, monkeypatch):
    """A destination that is away is an error with the way on; nothing is remembered as sent."""
    monkeypatch.setattr("tracebus.cli.export.time.sleep", lambda _: None)
    (tmp_path / "file").touch()
    result = CliRunner().invoke(cli, ["export", "sqlite:", "--to", f"jsonl:{tmp_path}/file/x.jsonl"])
    assert result.exit_code != 0
    (tmp_path / "file").unlink()
    again = tracebus("export", "sqlite:", "--to", f"jsonl:{tmp_path}/file/x.jsonl")
    assert "14 events sent" in again.stderr


def test_an_exit_whose_flush_fails_remembers_nothing(log, monkeypatch):
    """What was handed over and did not arrive is sent again by the next call, not taken for done."""
    from tracebus_exporters.jsonl import JsonlLog

    def fail(self, timeout):
        raise TimeoutError("could not be delivered")

    with monkeypatch.context() as patch:
        patch.setattr(JsonlLog, "flush", fail)
        result = CliRunner().invoke(cli, ["export", "sqlite:", "--to", "jsonl:out.jsonl"])
        assert result.exit_code == 1
        assert "could not be delivered\nRun the same command again" in result.stderr
    assert "14 events sent" in tracebus("export", "sqlite:", "--to", "jsonl:out.jsonl").stderr


@pytest.mark.parametrize("command", [["runs"], ["show", "last"], ["replay"]])
def test_a_server_that_is_away_is_a_message(command, monkeypatch):
    """No traceback for a mistyped host."""
    pytest.importorskip("redis", reason="needs redis-py (pip install 'tracebus[redis]')")
    result = CliRunner().invoke(cli, [*command, "redis://127.0.0.1:1/0"])
    assert result.exit_code == 1
    assert "redis://127.0.0.1:1/0 cannot be reached" in result.stderr


def test_interleaved_runs_come_out_one_by_one():
    """Events of two runs that overlap are given out run by run, when each is over."""
    one, two = sample_run("one"), sample_run("two")
    mixed = [event for pair in zip(one, two, strict=True) for event in pair]
    runs = FinishedRuns()
    given = [runs.add(numbered(event, seq)) for seq, event in enumerate(mixed, 1)]
    assert [[event.root_run_id for event in batch] for batch in given if batch] == [["one"] * 7, ["two"] * 7]
    assert runs.progress == Progress(position=14)


def test_progress_can_be_taken_up_at_any_event():
    """Stopped after any event and begun again, every event is given out exactly once."""
    runs = [sample_run("a"), sample_run("b"), sample_run("c")[:-1]]
    order = [0, 1, 0, 2, 1, 0, 0, 2, 0, 1, 2, 0, 0, 1, 1, 2, 1, 2, 1, 2]
    queues = [iter(run) for run in runs]
    log = [numbered(next(queues[n]), seq) for seq, n in enumerate(order, 1)]
    log.append(Gap(seq=25, time=1, missed=5))
    everything = [event.seq for event in log if isinstance(event, Gap) or event.root_run_id != "c"]
    for stop, again in itertools.product(range(len(log) + 1), repeat=2):
        given, progress = [], Progress()
        for end in (stop, again, len(log)):
            runs_out = FinishedRuns(progress)
            behind = [event for event in log if event.seq > runs_out.progress.resume_after]
            given += [event for event in behind[:end] for event in runs_out.add(event)]
            progress = runs_out.progress
        assert sorted(event.seq for event in given) == everything, (stop, again)


def numbered(event, seq):
    import msgspec

    return msgspec.structs.replace(event, seq=seq)
