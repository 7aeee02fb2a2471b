from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

EXPECTED = {
    "quickstart.py": ["Line 7 leaves at noon."],
    "events_loop.py": ["ScriptedChatModel (chat_model) started", "ended: ok, 9 tokens"],
    "custom_exporter.py": ["slow,ok,0."],
    "structlog_production.py": ['"service": "help-desk"', '"error_type": "ConnectionError"'],
    "langgraph_agent.py": ["The next ones leave at 12:00 and 12:12."],
}
NEEDS = {"langgraph_agent.py": "langgraph"}


def test_every_example_is_tested():
    """A new example needs a line here, so that it cannot rot."""
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_example_runs(name, tmp_path):
    """Each example runs to its end without a warning and prints what it promises."""
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason=f"needs {NEEDS[name]}")
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name],
        cwd=tmp_path,
        env={**os.environ, "TRACEBUS_TO": "", "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for words in EXPECTED[name]:
        assert words in done.stdout
    assert "Traceback" not in done.stderr


def test_the_quickstart_is_five_lines():
    """What is advertised as five lines is: imports aside, no more than five statements."""
    tree = ast.parse((EXAMPLES / "quickstart.py").read_text(encoding="utf-8"))
    body = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr)]
    assert len(body) <= 5


def test_the_production_example_logs_no_content(tmp_path):
    """Neither question nor answer is in the log lines of the example that promises so."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / "structlog_production.py"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert "overloaded" not in done.stdout
    assert "noon" not in done.stdout
    assert "line 7" not in done.stdout
