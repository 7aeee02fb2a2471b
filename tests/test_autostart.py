"""`TRACEBUS_TO` and programs that do not import tracebus, as interpreters of their own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CHAIN = "from langchain_core.runnables import RunnableLambda\nprint(RunnableLambda(lambda x: x + 1, name='adder').invoke(1))\n"


@pytest.fixture
def python(tmp_path):
    def run(code, **env):
        (tmp_path / "program.py").write_text(code)
        return subprocess.run(
            [sys.executable, "-W", "error", "program.py"],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), **env},
            capture_output=True,
            text=True,
            check=True,
        )

    return run


@pytest.mark.parametrize(
    "before",
    [
        "",
        "import tracebus\n",
        "import tracebus.sources\n",
        "import langchain_core.messages\nimport tracebus\n",
    ],
    ids=["never", "first", "its sources", "last"],
)
def test_the_variable_observes_whoever_imports_what(python, before):
    """The tree is printed once, whether and whenever the program imports tracebus."""
    done = python(before + CHAIN, TRACEBUS_TO="console")
    assert done.stdout == "2\n"
    assert done.stderr.count("adder") == 1


def test_an_exit_named_by_the_variable_and_the_call_is_one(python):
    """`TRACEBUS_TO=console` and `to="console"` print one tree; another exit still gets it, too."""
    code = (
        "from langchain_core.runnables import RunnableLambda\n"
        "from tracebus import observe\n"
        "seen = []\n"
        "with observe(RunnableLambda(lambda x: x + 1, name='adder'), to=['console:', seen.extend]) as chain:\n"
        "    print(chain.invoke(1))\n"
        "with observe(RunnableLambda(lambda x: x + 1, name='other'), to='console') as chain:\n"
        "    chain.invoke(1)\n"
        "print(len(seen))\n"
    )
    done = python(code, TRACEBUS_TO="console")
    assert done.stdout == "2\n2\n"
    assert done.stderr.count("adder") == 1
    assert done.stderr.count("other") == 1


def test_a_program_without_langchain_pays_nothing(python):
    """Neither LangChain nor our sources are imported where the program does not."""
    code = "import sys\nprint([name for name in ('langchain_core', 'tracebus.sources', 'msgspec') if name in sys.modules])\n"
    assert python(code, TRACEBUS_TO="console").stdout == "[]\n"


def test_without_the_variable_nothing_is_imported(python):
    """The line every interpreter start runs does nothing."""
    code = "import sys\nprint('tracebus' in sys.modules)\n"
    assert python(code, TRACEBUS_TO="").stdout == "False\n"


def test_langchain_is_loaded_by_its_own_loader(python):
    """What looks at the module finds nothing of ours; only what is told by nobody else is waited for."""
    code = "import langchain_core, sys\nprint(type(langchain_core.__loader__).__name__, type(langchain_core.__spec__.loader).__name__)\nprint([f.awaited for f in sys.meta_path if 'tracebus' in type(f).__module__])\n"
    assert (
        python(code, TRACEBUS_TO="console").stdout == "SourceFileLoader SourceFileLoader\n"
        "['langgraph.prebuilt.tool_node', 'langgraph.pregel._loop', 'langchain_core.language_models.chat_models', "
        "'langgraph.pregel._remote_run_stream', 'langgraph.pregel.remote', 'langgraph.pregel.main', "
        "'langgraph.callbacks']\n"
    )
