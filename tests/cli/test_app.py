from __future__ import annotations

import errno
import io
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from tracebus.cli import _app, _table, cli
from tracebus.cli._table import CommandLine


def run(*args):
    return CliRunner().invoke(cli, args)


def test_help_lists_the_commands_that_are_there():
    """Commands whose file is not installed are not advertised."""
    names = {
        line.split()[0]
        for line in run("--help").output.split("Commands:\n")[1].splitlines()
        if line[:3] == "  " + line[2:3] and line.strip()
    }
    assert names >= {"demo", "run", "doctor"}
    assert set(_table.available()) <= {line.name for line in _table.COMMANDS}


@pytest.mark.parametrize("line", _table.available().values(), ids=lambda line: line.name)
def test_every_command_in_the_table_is_a_command(line):
    """Each line leads to a click command whose help renders, and says the same short words."""
    done = run(line.name, "--help")
    assert done.exit_code == 0
    assert "Usage: " in done.output


def test_the_help_imports_no_langchain():
    """`tracebus --help` answers at once: it imports neither LangChain nor any command."""
    code = (
        "import sys\n"
        "from tracebus.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'langchain_core', 'textual', 'opentelemetry', 'tracebus.cli.run', 'tracebus.cli.demo'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "[]\n")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["demmo"], "Did you mean 'demo'?"),
        (["app:chain"], "tracebus run app:chain"),
        (["script.py"], "tracebus run script.py"),
        (["zzz"], "Commands: "),
        (["--versoin"], "--versoin"),
    ],
)
def test_a_mistyped_command_gets_a_hint(args, words):
    """Exit code 2 and what to write instead."""
    done = run(*args)
    assert done.exit_code == 2
    assert words in done.output


@pytest.fixture
def watch(monkeypatch):
    """A watch command that says what it was given."""

    @click.command()
    @click.argument("log", required=False)
    @click.option("--ascii", "ascii_only", is_flag=True)
    def watch(log, *, ascii_only):
        click.echo(f"watching {log}{' in ASCII' if ascii_only else ''}")

    monkeypatch.setattr(_table, "COMMANDS", (CommandLine("watch", "fake_watch:watch", "Watch."),))
    monkeypatch.setattr(_table, "find_spec", lambda name: name)
    module = type(sys)("fake_watch")
    module.watch = watch
    monkeypatch.setitem(sys.modules, "fake_watch", module)


def test_bare_tracebus_watches(watch):
    """Without a command, and with a log instead of one, `tracebus` is `tracebus watch`."""
    assert run().output == "watching None\n"
    assert run("sqlite:x.db").output == "watching sqlite:x.db\n"
    for log in ("events.jsonl", "Events.NDJSON", "runs.db"):
        assert run(log).output == f"watching {log}\n"
    assert run("redis://localhost/0").output == "watching redis://localhost/0\n"
    assert run("--ascii").output == "watching None in ASCII\n"
    assert run("--ascii", "x.db").output == "watching x.db in ASCII\n"


def test_an_option_nobody_knows_is_refused(watch):
    """It is not taken for a log."""
    result = run("--fast")
    assert result.exit_code == 2
    assert "--fast" in result.output


def test_bare_tracebus_without_watch_helps(monkeypatch):
    """Where the terminal UI is not installed, bare `tracebus` shows the help."""
    lines = tuple(line for line in _table.COMMANDS if line.name != "watch")
    monkeypatch.setattr(_table, "COMMANDS", lines)
    done = run()
    assert done.exit_code == 0
    assert "Start with: tracebus demo" in done.output


def test_the_version_is_the_distributions():
    """`tracebus --version` names the installed version."""
    from importlib.metadata import version

    assert run("--version").output == f"tracebus {version('tracebus')}\n"


def _echoing(monkeypatch, echo):
    """Have `tracebus --version` run *echo* instead."""
    monkeypatch.setattr(_app.cli, "main", lambda *_, **__: echo())


@pytest.mark.parametrize("encoding", ["cp437", "cp1252", "latin-1", "cp932"])
def test_what_a_code_page_lacks_is_escaped(monkeypatch, encoding):
    """A model says what it likes; a script that runs after the command finds its stream as it was."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    _echoing(monkeypatch, lambda: click.echo("\N{BUS} ä … 時"))
    with pytest.raises(SystemExit) as left:
        _app.main([])
    assert not left.value.code
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding).startswith("\\U0001f68c ")
    assert stream.errors == "strict"


def test_a_stream_that_is_closed_takes_what_is_said(monkeypatch):
    """A service may be started without: Python's stream is None then."""
    monkeypatch.setattr(sys, "stdout", None)
    _echoing(monkeypatch, lambda: sys.stdout.isatty())
    with pytest.raises(SystemExit) as left:
        _app.main([])
    assert not left.value.code
    assert sys.stdout is None


def test_a_full_disk_behind_standard_output_is_a_message(monkeypatch, capsys):
    """No traceback: there is nothing to mend in the command."""

    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    _echoing(monkeypatch, full)
    with pytest.raises(SystemExit) as left:
        _app.main([])
    assert left.value.code == 1
    assert capsys.readouterr().err == "Error: standard output cannot be written: No space left on device\n"
