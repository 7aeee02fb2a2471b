"""Run LangChain's own unit tests with and without tracebus, and compare.

    python tests/conformance/run_langchain_suites.py [--project langchain-core]

Fetches the source distributions of the installed versions of langchain-core, langchain and langgraph
through pip, and runs their tests three times: plain; with tracebus observing the whole process; and with a
second handler beside it that notes how LangChain says each run ended. Fails when a test's result differs, a
run is left open, or an outcome contradicts what LangChain said. Needs the packages in `REQUIREMENTS`, which
it installs into a virtual environment of its own below `.cache/`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import venv
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "conformance"
PLUGIN_FOLDER = Path(__file__).resolve().parent

REQUIREMENTS = (
    *("pytest", "pytest-asyncio", "pytest-benchmark", "pytest-dotenv", "pytest-mock", "pytest-repeat"),
    *("pytest-socket", "blockbuster", "fastmcp", "freezegun", "grandalf", "httpx", "langchain-openai"),
    *("langchain-tests", "langgraph-checkpoint-postgres", "langgraph-checkpoint-sqlite", "numpy"),
    *("psycopg[binary]", "pycryptodome", "redis", "responses", "syrupy", "toml", "uvloop", "anyio", "trio"),
)


@dataclass(frozen=True)
class Project:
    """One distribution whose tests are run."""

    name: str
    suites: tuple[str, ...]
    options: tuple[str, ...] = ()


PROJECTS = (
    Project(
        "langchain-core",
        tuple(
            f"tests/unit_tests/{part}"
            for part in ("callbacks", "tracers", "runnables", "language_models", "test_tools.py")
        ),
        (
            *("--disable-socket", "--allow-unix-socket"),
            # Fails where a thousand calls take a second: a busy machine fails no test of ours.
            "--deselect=tests/unit_tests/language_models/chat_models/test_benchmark.py::test_benchmark_model",
        ),
    ),
    Project("langchain", ("tests/unit_tests",), ("--disable-socket", "--allow-unix-socket")),
    Project("langgraph", ("tests",), ("--ignore=tests/example_app",)),
)

EXPECTED_DIFFERENCES = {
    "tests/unit_tests/runnables/test_config.py::test_merge_config_callbacks": "counts the handlers",
}
"""Tests that see any observer, because looking at the handlers is what they do; that this is so is tried
with a handler that does nothing."""


def main() -> int:
    """Compare the runs; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--project", action="append", help="only this one (may be repeated)")
    parser.add_argument("--only", default=None, help="passed to pytest as -k")
    options = parser.parse_args()
    python = prepare_environment()
    failed = False
    for project in PROJECTS:
        if options.project is None or project.name in options.project:
            failed |= compare(python, project, ["-k", options.only] if options.only else [])
    return 1 if failed else 0


def compare(python: Path, project: Project, select: list[str]) -> bool:
    """Run *project*'s tests without us and with us; return whether anything is amiss."""
    suite = fetch_suite(python, project)
    selected = [*project.suites, *project.options, *select]
    plain = run(python, suite, "", selected)
    observed = run(python, suite, "tracebus", selected)
    # Some of these tests assert wall-clock times, which a busy machine breaks: a second chance each.
    for test in differing(plain, observed):
        if test not in EXPECTED_DIFFERENCES:
            again = [*project.options, test]
            observed[test] = run(python, suite, "tracebus", again).get(test, observed.get(test, "missing"))
            if test in differing(plain, observed):
                plain[test] = run(python, suite, "", again).get(test, plain.get(test, "missing"))
    failed = report(project, plain, observed)
    failed |= not inherent(python, suite, project, plain, observed)
    beside = json.loads(run(python, suite, "both", selected)["runs"])
    for line in beside["contradictions"]:
        print(f"contradiction: {line}")
    for words, count in beside["told_again"].items():
        print(f"{project.name}: {count} runs whose end LangChain told twice: {words}")
    print(f"{project.name}: {beside['compared']} outcomes compared with what LangChain said")
    return failed or bool(beside["contradictions"])


def prepare_environment() -> Path:
    """Return the interpreter of an environment with LangChain, its tests' needs and tracebus."""
    pins = [f"{project.name}=={version(project.name)}" for project in PROJECTS]
    folder = CACHE / f"venv-{sys.version_info.major}.{sys.version_info.minor}"
    python, marker = folder / "bin" / "python", folder / "ready"
    wanted = " ".join([*pins, *REQUIREMENTS])
    if not marker.exists() or marker.read_text() != wanted:
        venv.create(folder, with_pip=True, clear=True)
        packages = [*pins, *REQUIREMENTS, "-e", str(ROOT)]
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
        marker.write_text(wanted)
    return python


def fetch_suite(python: Path, project: Project) -> Path:
    """Return the folder of *project*'s unpacked source distribution."""
    stem = f"{project.name.replace('-', '_')}-{version(project.name)}"
    folder = CACHE / stem
    if not folder.exists():
        download = [str(python), "-m", "pip", "download", "-q", "--no-deps", "--no-binary", project.name]
        wanted = f"{project.name}=={version(project.name)}"
        subprocess.run([*download, "-d", str(CACHE), wanted], check=True)
        with tarfile.open(CACHE / f"{stem}.tar.gz") as archive:
            archive.extractall(CACHE, filter="data")
    return folder


def run(python: Path, suite: Path, observer: str, select: list[str]) -> dict[str, str]:
    """Run what *select* names of the suite; return every test's result, and under `runs` what tracebus saw."""
    report = CACHE / f"{suite.name}-{observer or 'plain'}.json"
    report.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": str(PLUGIN_FOLDER),
        "TRACEBUS_CONFORMANCE_REPORT": str(report),
        "TRACEBUS_CONFORMANCE_OBSERVE": observer,
        "LANGSMITH_TRACING": "false",
        "NO_DOCKER": "true",  # langgraph's tests of servers are skipped
    }
    command = [str(python), "-m", "pytest", "-q", "-p", "observing_plugin", "-p", "no:cacheprovider"]
    command += ["--benchmark-disable", "--tb=short", *select]
    output = report.with_suffix(".txt")
    print(f"— {observer or 'plain'}: {suite.name}; its output: {output.relative_to(ROOT)}", flush=True)
    with output.open("wb") as file:
        subprocess.run(command, cwd=suite, env=environment, check=False, stdout=file, stderr=file)
    results: dict[str, str] = json.loads(report.read_text())
    return results


def differing(plain: dict[str, str], observed: dict[str, str]) -> list[str]:
    """Return the tests whose results differ."""
    tests = (plain.keys() | observed.keys()) - {"runs"}
    return sorted(test for test in tests if plain.get(test) != observed.get(test))


def inherent(
    python: Path, suite: Path, project: Project, plain: dict[str, str], observed: dict[str, str]
) -> bool:
    """Return whether each expected difference shows with a handler that does nothing, too."""
    for test in differing(plain, observed):
        if test in EXPECTED_DIFFERENCES:
            beside = run(python, suite, "bystander", [*project.options, test]).get(test)
            print(f"{test}: {beside} with a handler that does nothing")
            if beside != observed[test]:
                return False
    return True


def report(project: Project, plain: dict[str, str], observed: dict[str, str]) -> bool:
    """Print what differs; return whether anything unexpected does or a run was left open."""
    runs = json.loads(observed["runs"])
    found = differing(plain, observed)
    for test in found:
        why = EXPECTED_DIFFERENCES.get(test, "UNEXPECTED")
        print(f"differs ({why}): {test}: {plain.get(test)} without tracebus, {observed.get(test)} with it")
    for run_id in runs["open"]:
        print(f"left open: {run_id}")
    passed = sum(result == "passed" for result in observed.values())
    print(
        f"{project.name}: {len(observed) - 1} tests, {passed} pass with tracebus, {len(found)} differ; "
        f"{runs['started']} runs begun, {runs['ended']} ended, {len(runs['open'])} left open, "
        f"{runs['callback_errors']} callback errors",
        flush=True,
    )
    unexpected = [test for test in found if test not in EXPECTED_DIFFERENCES]
    return bool(unexpected or runs["open"] or runs["callback_errors"] or not runs["started"])


if __name__ == "__main__":
    sys.exit(main())
