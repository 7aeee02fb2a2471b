from __future__ import annotations

import signal

import pytest

from tracebus.events import RunStarted

SCRIPT = """
import sys

print(sys.argv, __name__, __file__, sys.path[0])

def f():
    raise KeyError("deep")

match sys.argv[1:]:
    case ["run"]:
        from app import echo

        print(echo.invoke(1))
    case ["raise"]:
        f()
    case ["chain"]:
        try:
            f()
        except KeyError as error:
            raise ValueError("on top") from error
    case ["exit"]:
        sys.exit(7)
    case ["message"]:
        sys.exit("in words")
    case ["eof"]:
        input()
    case ["interrupt"]:
        raise KeyboardInterrupt
    case ["hook"]:
        sys.excepthook = lambda kind, value, traceback: print("hooked", kind.__name__, traceback.tb_frame.f_code.co_name)
        f()
    case ["thread"]:
        import threading
        thread = threading.Thread(target=lambda: print("thread", f.__name__))
        thread.start()
    case ["pickle"]:
        import pickle
        print(pickle.loads(pickle.dumps(f)) is f)
"""


@pytest.fixture
def script(command_line):
    (command_line.folder / "script.py").write_text(SCRIPT)
    return command_line


@pytest.mark.parametrize(
    "case",
    ["run", "raise", "chain", "exit", "message", "eof", "interrupt", "hook", "thread", "pickle", "--flag"],
)
def test_a_script_cannot_tell_the_difference(script, case):
    """Output, errors, tracebacks and exit code are those of `python script.py`."""
    observed = script("run", "script.py", "--", case)
    plain = script("script.py", case, python=True)
    assert observed.stdout == plain.stdout
    assert observed.stderr == plain.stderr
    assert observed.returncode == plain.returncode


def test_a_scripts_runs_are_observed(command_line):
    """Whatever LangChain code the script calls is on record, and exported before the process ends."""
    (command_line.folder / "s.py").write_text("from app import echo\necho.invoke(1)")
    command_line("run", "s.py")
    kinds = [event.kind for event in command_line.events() if isinstance(event, RunStarted)]
    assert kinds == ["chain"]


def test_a_syntax_error_looks_like_pythons(command_line):
    """A script that does not compile is reported as Python reports it."""
    (command_line.folder / "bad.py").write_text("def f(:\n")
    observed = command_line("run", "bad.py")
    plain = command_line("bad.py", python=True)
    assert (observed.returncode, observed.stderr) == (plain.returncode, plain.stderr)


def test_a_script_ends_by_sigint_as_it_would(command_line):
    """A parent sees the same way of dying, and the runs so far are out."""
    (command_line.folder / "wait.py").write_text(
        "import threading\nfrom app import echo\necho.invoke(1)\nprint('ready', flush=True)\n"
        "while True:\n    threading.Event().wait(0.1)\n"
    )
    process = command_line.start("run", "wait.py")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGINT
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert len(command_line.events()) == 2


def test_a_script_has_no_input(command_line):
    """--input with a script is a mistake that is named."""
    (command_line.folder / "s.py").write_text("print(1)")
    done = command_line("run", "s.py", "--input", "{}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "after --" in done.stderr


def test_a_script_in_another_folder_imports_its_neighbours(command_line):
    """As under python, the script's own folder is on the path and the working directory is not."""
    other = command_line.folder / "other"
    other.mkdir()
    (other / "neighbour.py").write_text("word = 'found'")
    (other / "s.py").write_text("import neighbour, sys\nprint(neighbour.word, 'app' in sys.modules)")
    assert command_line("run", "other/s.py").stdout == f"found {False}\n"
