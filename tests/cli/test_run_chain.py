from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest

from tracebus.events import Outcome, RunEnded, RunStarted


def ends(events):
    return {event.run_id: event.outcome for event in events if isinstance(event, RunEnded)}


def starts(events):
    return [event for event in events if isinstance(event, RunStarted)]


def test_text_goes_to_standard_output(command_line):
    """A chain writes its text and only that to standard output; its runs go where TRACEBUS_TO says."""
    done = command_line("run", "app:chain", "--input", "when?")
    assert (done.returncode, done.stdout, done.stderr) == (0, "It goes at noon.\n", "")
    assert {event.kind for event in starts(command_line.events())} >= {"chat_model"}
    assert set(ends(command_line.events()).values()) == {Outcome.OK}


@pytest.mark.parametrize("target", ["app.py:chain", "./app.py:chain", "app:make", "app:model"])
def test_the_ways_to_name_a_chain(inside, target):
    """By module, by file, or made by a function without arguments."""
    done = inside("run", target, "--input", "when?")
    assert (done.exit_code, done.stdout) == (0, "It goes at noon.\n")


@pytest.mark.parametrize(
    ("given", "stdin", "received"),
    [
        ('{"a": [1, null]}', "", {"a": [1, None]}),
        ("plain words", "", "plain words"),
        ("-", '["from", "stdin"]', ["from", "stdin"]),
        ("@input.json", "", {"from": "file"}),
        ("42", "", 42),
    ],
)
def test_the_input_is_json_or_text(inside, tmp_path, given, stdin, received):
    """JSON is parsed, anything else is the text itself; @FILE and - are read."""
    (tmp_path / "input.json").write_text('{"from": "file"}')
    done = inside("run", "app:echo", "--input", given, stdin=stdin)
    assert json.loads(done.stdout) == {"given": received}


def test_broken_json_is_passed_on_with_a_word(inside):
    """Text that starts like JSON and is none is likely a slip: say so."""
    done = inside("run", "app:echo", "--input", '{"a": }')
    assert json.loads(done.stdout) == {"given": '{"a": }'}
    assert "looks like JSON but is not" in done.stderr


@pytest.mark.parametrize("given", ['{"configurable": {"thread_id": "7"}, "tags": ["t"]}', "@config.json"])
@pytest.mark.parametrize("target", ["app:configured", "app:remembering"])
def test_the_config_of_the_call(inside, tmp_path, given, target):
    """What a checkpointer asks for: which thread."""
    (tmp_path / "config.json").write_text('{"configurable": {"thread_id": "7"}}')
    done = inside("run", target, "--input", '{"thread": ""}', "--config", given)
    assert json.loads(done.stdout) == {"thread": "7"}, done.stderr


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("[1]", "it is no JSON object"),
        ("{", "it is no JSON: "),
        ("@nowhere.json", "cannot read nowhere.json"),
    ],
)
def test_a_config_that_is_none_is_named(inside, given, words):
    """A config is an object: nothing else is passed on."""
    done = inside("run", "app:echo", "--config", given)
    assert done.exit_code == 2
    assert f"Invalid value for --config: {words}" in done.stderr


def test_tool_calls_are_shown_after_the_text(inside):
    """An answer that calls tools shows its text and the calls, assembled from their fragments."""
    done = inside("run", "app:caller", "--input", "q")
    text, _, calls = done.stdout.partition("\n")
    assert text == "Let me see."
    assert json.loads(calls)["tool_calls"][0]["args"] == {"q": "line seven"}


def test_an_error_is_a_short_message(command_line):
    """A failing chain exits with 1 and says what it raised; where, only when asked."""
    done = command_line("run", "app:failing", "--input", "x")
    assert done.returncode == 1
    assert done.stderr == "Error: ValueError: no such stop: x\n(--traceback shows where)\n"
    assert set(ends(command_line.events()).values()) == {Outcome.ERROR}


def test_the_traceback_is_there_for_the_asking(inside):
    """--traceback shows where in the user's code."""
    assert "in fail" in inside("run", "app:failing", "--input", "x", "--traceback").stderr


def test_without_input_an_error_says_what_the_chain_got(inside):
    """The commonest mistake is to forget --input: the message names it."""
    assert "--input" in inside("run", "app:failing").stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nowhere:chain", ["no module 'nowhere'", "path/to/file.py:chain"]),
        ("nowhere.py:chain", ["no file nowhere.py"]),
        ("app:nothing", ["has no 'nothing'", "Runnables in it: model, chain"]),
        ("app:number", ["no Runnable but an int"]),
        ("app:function", ["wrap it: RunnableLambda(function)"]),
        ("app", ["no target", "pkg.module:chain"]),
        ("app:1x", ["'1x'", "no Python name"]),
        ("script.py", ["no file script.py"]),
        (".", ["directory"]),
    ],
)
def test_a_bad_target_is_named_with_its_remedy(inside, target, words):
    """Exit code 2, no traceback, the thing and what to write instead."""
    done = inside("run", target)
    assert done.exit_code == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr


def test_a_module_that_does_not_import_says_its_own_error(command_line):
    """A missing dependency of the user's module is not mistaken for a missing target."""
    (command_line.folder / "broken.py").write_text("import a_module_that_is_not_there\n")
    done = command_line("run", "broken:chain")
    assert done.returncode == 1
    assert "No module named 'a_module_that_is_not_there'" in done.stderr


def test_an_unknown_destination_names_the_known_ones(inside):
    """A mistyped --to is refused before anything runs."""
    done = inside("run", "app:chain", "--input", "x", "--to", "consle")
    assert done.exit_code == 2
    assert "consle" in done.stderr
    assert "console" in done.stderr
    assert done.stdout == ""


def test_arguments_are_for_scripts(inside):
    """Loose arguments after a chain are a mistake, not ignored."""
    done = inside("run", "app:chain", "--", "x")
    assert (done.exit_code, done.stdout) == (2, "")


@pytest.mark.parametrize("target", ["app:waiting", "app:blocking"])
def test_ctrl_c_cancels_the_runs(command_line, target):
    """SIGINT ends the process with 130 and every run as cancelled, also in a thread that never ends."""
    process = command_line.start("run", target, "--input", "x")
    assert process.stdout.readline() in ("running\n", "blocking\n")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors == "interrupted\n"
    events = command_line.events()
    assert len(ends(events)) == len(starts(events)) > 0
    roots = [event.run_id for event in starts(events) if event.parent_run_id is None]
    assert [ends(events)[run_id] for run_id in roots] == [Outcome.CANCELLED]


def test_output_to_a_closed_pipe_is_no_crash(command_line):
    """`tracebus run … | head` ends without a traceback."""
    (command_line.folder / "many.py").write_text(
        "from tracebus.testing import ScriptedChatModel\nchain = ScriptedChatModel(script=['word ' * 20_000])\n"
    )
    process = command_line.start("run", "many:chain", "--input", "x")
    with process:
        process.stdout.read(10)
        process.stdout.close()
        errors = process.stderr.read()
    assert "Traceback" not in errors
    assert process.returncode != 0


def test_a_graph_shows_its_last_message(command_line, inside):
    """Of a graph whose state holds messages one wants to read the answer; of others the state."""
    pytest.importorskip("langgraph", reason="needs langgraph")
    (command_line.folder / "graphs.py").write_text(
        "from langgraph.graph import END, START, MessagesState, StateGraph\n"
        "from tracebus.testing import ScriptedChatModel\n"
        "model = ScriptedChatModel(script=['At noon.'])\n"
        "graph = StateGraph(MessagesState)\n"
        "graph.add_node('answer', lambda state: {'messages': [model.invoke(state['messages'])]})\n"
        "graph.add_edge(START, 'answer')\n"
        "graph.add_edge('answer', END)\n"
        "app = graph.compile()\n"
        "named = app.with_config(run_name='named')\n"
    )
    for target in ("graphs:app", "graphs:named"):
        done = inside("run", target, "--input", '{"messages": [["user", "when?"]]}')
        assert (done.exit_code, done.stdout) == (0, "At noon.\n")


def test_a_pydantic_result_is_json(command_line, inside):
    """Objects come out as JSON, joined over the stream."""
    (command_line.folder / "objects.py").write_text(
        "from langchain_core.runnables import RunnableLambda, RunnableParallel\n"
        "from pydantic import BaseModel\n"
        "class Stop(BaseModel):\n    name: str\n"
        "chain = RunnableParallel(stop=RunnableLambda(lambda _: Stop(name='Mill Lane')), odd=RunnableLambda(lambda _: {1, }))\n"
    )
    done = inside("run", "objects:chain", "--input", "x")
    assert json.loads(done.stdout) == {"stop": {"name": "Mill Lane"}, "odd": "{1}"}


def test_a_models_escapes_do_not_reach_the_terminal(command_line):
    """On a terminal control characters are shown, not obeyed; in a pipe text is what it is."""
    (command_line.folder / "evil.py").write_text(
        "from tracebus.testing import ScriptedChatModel\nchain = ScriptedChatModel(script=['a\\x1b]0;owned\\x07b'])\n"
    )
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        command_line.command("run", "evil:chain", "--input", "x"),
        cwd=command_line.folder,
        env=command_line.env,
        stdout=theirs,
    )
    os.close(theirs)
    assert process.wait(30) == 0
    shown = os.read(ours, 10_000)
    os.close(ours)
    assert b"owned" in shown
    assert b"\x1b" not in shown
    assert command_line("run", "evil:chain", "--input", "x").stdout == "a\x1b]0;owned\x07b\n"
