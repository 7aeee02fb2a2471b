"""The pytest plugin, as the writer of a test meets it."""

from __future__ import annotations

import stat
import subprocess
import sys

import pytest

from tracebus.logs import RunQuery, open_log

LOOPS = ("-o", "asyncio_default_fixture_loop_scope=function")

AGENT = """
    import asyncio, unittest
    import pytest
    from langchain_core.runnables import RunnableLambda
    from langchain_core.tools import tool
    from tracebus.testing import ScriptedChatModel

    @tool
    def departures(hour: int) -> str:
        "Return departures."
        if hour > 23:
            raise ValueError("no such hour")
        return f"N7 leaves at {hour}:12"

    def ask(hour):
        return departures.invoke({"hour": hour})

    chain = RunnableLambda(ask, name="desk") | ScriptedChatModel(script=["It leaves."])
"""


@pytest.fixture
def inner(pytester, monkeypatch):
    """Give a folder with a test file's beginning, and run what is added to it."""
    monkeypatch.delenv("TRACEBUS_TO", raising=False)

    def run(tests, *options, subprocess=False):
        pytester.makepyfile(test_desk=AGENT + tests)
        start = pytester.runpytest_subprocess if subprocess else pytester.runpytest_inprocess
        return start("-p", "no:cacheprovider", "-p", "no:timeout", *LOOPS, *options)

    return run


def test_a_failing_test_prints_its_tree(inner):
    """Under the test's output stands what ran, with what failed; a test that passes prints nothing."""
    result = inner("""
    def test_late(recorded_runs):
        chain.invoke(99)

    def test_early(recorded_runs):
        chain.invoke(1)

    def test_unasked():
        chain.invoke(99)
    """)
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines([
        "*- tracebus -*",
        "✗ RunnableSequence*ValueError: no such hour",
        "╰─ ✗ desk*",
        "   ╰─ ✗ departures  tool*ValueError: no such hour",
    ])  # fmt: skip
    assert result.stdout.str().count("- tracebus -") == 1


def test_runs_of_failed_tests_are_kept(inner, pytester):
    """`--tracebus=failed` records tests that ask for nothing; a log and a page each, for this user alone."""
    tests = """
    @pytest.mark.parametrize("hour", [1, 99])
    def test_hours(hour):
        chain.invoke(hour)

    def test_nothing():
        pass
    """
    result = inner(tests, "--tracebus=failed")
    result.assert_outcomes(failed=1, passed=2)
    result.stdout.fnmatch_lines(["*- tracebus kept -*", "*.html", "*tracebus show last *.jsonl)"])
    kept = sorted(pytester.path.joinpath(".tracebus").iterdir())
    assert [file.name for file in kept] == [
        f"test_desk.py-test_hours[99].{kind}" for kind in ("html", "jsonl")
    ]
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept} == {0o600}
    log = open_log(f"jsonl:{kept[1]}")
    assert [run.status for run in log.runs(RunQuery())] == ["error"]
    log.close()
    page = kept[0].read_text()
    assert "no such hour" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_all_are_kept_where_asked(inner, pytester):
    """`all`, from the ini file, into a folder of one's own."""
    pytester.makeini("[pytest]\ntracebus = all\ntracebus_dir = traces\n")
    inner("""
    def test_early():
        chain.invoke(1)
    """).assert_outcomes(passed=1)
    assert len(list(pytester.path.joinpath("traces").iterdir())) == 2


def test_a_wrong_setting_is_named(inner, pytester):
    """A typo in the ini file is no silence."""
    pytester.makeini("[pytest]\ntracebus = fail\n")
    result = inner("def test_x(): pass")
    result.stderr.fnmatch_lines(["*the ini option tracebus is off, failed or all, not 'fail'"])


STYLES = """
    def test_plain(recorded_runs):
        chain.invoke(1)
        recorded_runs.called_only("departures")

    async def test_asyncio(recorded_runs):
        await chain.ainvoke(1)
        recorded_runs.called_only("departures")

    @pytest.mark.anyio
    def test_anyio_mark(recorded_runs):
        chain.invoke(1)
        recorded_runs.called_only("departures")

    def test_threads(recorded_runs):
        import threading
        thread = threading.Thread(target=chain.invoke, args=(1,))
        thread.start()
        thread.join()
        recorded_runs.called_only("departures")

    class TestOfUnittest(unittest.TestCase):
        @pytest.fixture(autouse=True)
        def _recorded(self, recorded_runs):
            self.runs = recorded_runs

        def test_method(self):
            chain.invoke(1)
            self.runs.called_only("departures")

    class TestOfAsyncUnittest(unittest.IsolatedAsyncioTestCase):
        @pytest.fixture(autouse=True)
        def _recorded(self, recorded_runs):
            self.runs = recorded_runs

        async def test_method(self):
            await chain.ainvoke(1)
            self.runs.called_only("departures")
"""


def test_every_style_of_test_is_recorded(inner):
    """Functions, coroutines, threads without a context, and both kinds of unittest."""
    inner(STYLES, "-o", "asyncio_mode=auto").assert_outcomes(passed=6)


def test_anyio_tests_are_recorded(inner):
    """Anyio's plugin runs a test's coroutine in a runner of its own."""
    inner(
        """
    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    async def test_anyio(recorded_runs):
        await chain.ainvoke(1)
        recorded_runs.called_only("departures")
    """,
        "-p",
        "no:asyncio",
    ).assert_outcomes(passed=1)


def test_xdist_brings_the_trees_back(inner, pytester):
    """Trees and files come from the worker processes, each test's own."""
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    result = inner(
        """
    @pytest.mark.parametrize("hour", [98, 99])
    def test_hours(hour):
        chain.invoke(hour)
    """,
        "-n1",
        "--tracebus=failed",
        subprocess=True,
    )
    result.assert_outcomes(failed=2)
    assert result.stdout.str().count("- tracebus -") == 2
    assert len(list(pytester.path.joinpath(".tracebus").iterdir())) == 4


def test_what_the_process_observes_anyway_goes_on(inner, pytester):
    """A test that installs tracebus is recorded beside that, and its own log is complete."""
    inner("""
    def test_installed(recorded_runs):
        import tracebus
        seen = []
        tracebus.install(to=seen.extend)
        chain.invoke(1)
        tracebus.uninstall()
        recorded_runs.called_only("departures")
        assert {event.run_id for event in seen} == {node.run_id for node in recorded_runs.runs}
    """).assert_outcomes(passed=1)


def test_a_shape_is_written_kept_and_compared(inner, pytester):
    """Without one it says how; `--tracebus-update` writes; a change shows as a difference."""
    tests = """
    def test_desk(recorded_runs):
        chain.invoke({hour})
        recorded_runs.have_shape()
    """
    result = inner(tests.replace("{hour}", "1"))
    result.stdout.fnmatch_lines(["*no shape is kept in *test_desk.txt*pytest --tracebus-update*"])
    inner(tests.replace("{hour}", "1"), "--tracebus-update").assert_outcomes(passed=1)
    kept = pytester.path.joinpath("__shapes__", "test_desk", "test_desk.txt")
    assert kept.read_text().splitlines() == [
        "chain RunnableSequence: ok",
        "  chain desk: ok",
        "    tool departures: ok",
        "  chat_model ScriptedChatModel: ok",
    ]
    inner(tests.replace("{hour}", "2")).assert_outcomes(passed=1)
    kept.write_text(kept.read_text().replace("    tool departures: ok\n", ""))
    result = inner(tests.replace("{hour}", "2"))
    result.stdout.fnmatch_lines(["*the runs have another shape*", "*  +     tool departures: ok"])


def test_what_a_tests_runs_print_is_in_that_tests_output(tmp_path):
    """A chain observed for good prints its tree with the test that ran it, and not with the next one."""
    (tmp_path / "test_it.py").write_text(
        "from langchain_core.runnables import RunnableLambda\n"
        "from tracebus import observe\n"
        "chains = {n: observe(RunnableLambda(str, name=n), to='console') for n in ('first', 'second')}\n"
        "def test_first(): chains['first'].invoke(1)\n"
        "def test_second(): chains['second'].invoke(1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rP", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    sections = done.stdout.split("_ test_second _")
    assert "◇ first" in sections[0], done.stdout
    assert "◇ second" in sections[1]
