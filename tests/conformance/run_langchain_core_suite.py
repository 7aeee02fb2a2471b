"""Run langchain-core's own unit tests with and without tracebus, and compare.

    python tests/conformance/run_langchain_core_suite.py

Fetches the source distribution of the installed langchain-core version through pip, runs its
callback, tracer, runnable, language model and tool tests twice (plain, and with tracebus observing
the whole process), and fails when a test's result differs or a run is left open. Needs the packages
in `REQUIREMENTS`, which it installs into a virtual environment of its own below `.cache/`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import venv
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "conformance"
PLUGIN_FOLDER = Path(__file__).resolve().parent

REQUIREMENTS = (
    "blockbuster",
    "freezegun",
    "grandalf",
    "langchain-tests",
    "numpy",
    "pytest",
    "pytest-asyncio",
    "pytest-benchmark",
    "pytest-mock",
    "pytest-socket",
    "responses",
    "syrupy",
)
SUITES = (
    "tests/unit_tests/callbacks",
    "tests/unit_tests/tracers",
    "tests/unit_tests/runnables",
    "tests/unit_tests/language_models",
    "tests/unit_tests/test_tools.py",
)

# Tests that see the observer because looking at the handlers is what they do.
EXPECTED_DIFFERENCES = {
    "tests/unit_tests/runnables/test_config.py::test_merge_config_callbacks": "counts the handlers",
}


def main() -> int:
    """Compare the two runs; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--core", default=version("langchain-core"), help="langchain-core version")
    parser.add_argument("--only", default=None, help="passed to pytest as -k")
    options = parser.parse_args()
    python = prepare_environment(options.core)
    suite = fetch_suite(python, options.core)
    select = ["-k", options.only] if options.only else []
    plain = run(python, suite, observed=False, select=[*SUITES, *select])
    observed = run(python, suite, observed=True, select=[*SUITES, *select])
    # Some of these tests assert wall-clock times, which a busy machine breaks: a second chance each.
    for test in unexpected(plain, observed):
        again = run(python, suite, observed=True, select=[test])
        observed[test] = again.get(test, observed.get(test, "missing"))
    return report(plain, observed)


def prepare_environment(core: str) -> Path:
    """Return the interpreter of an environment with langchain-core, its test needs and tracebus."""
    folder = CACHE / f"venv-{core}-{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin" / "python"
    marker = folder / "ready"
    if not marker.exists():
        venv.create(folder, with_pip=True, clear=True)
        packages = [f"langchain-core=={core}", *REQUIREMENTS, "-e", str(ROOT)]
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
        marker.touch()
    return python


def fetch_suite(python: Path, core: str) -> Path:
    """Return the folder of langchain-core's unpacked source distribution."""
    folder = CACHE / f"langchain_core-{core}"
    if not folder.exists():
        download = [str(python), "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "langchain-core"]
        subprocess.run([*download, "-d", str(CACHE), f"langchain-core=={core}"], check=True)
        with tarfile.open(CACHE / f"langchain_core-{core}.tar.gz") as archive:
            archive.extractall(CACHE, filter="data")
    return folder


def run(python: Path, suite: Path, *, observed: bool, select: list[str]) -> dict[str, str]:
    """Run what *select* names of the suite and return every test's result, and under `runs` what tracebus saw."""
    report = CACHE / ("observed.json" if observed else "plain.json")
    report.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": str(PLUGIN_FOLDER),
        "TRACEBUS_CONFORMANCE_REPORT": str(report),
        "TRACEBUS_CONFORMANCE_OBSERVE": "1" if observed else "",
    }
    command = [str(python), "-m", "pytest", "-q", "-p", "observing_plugin", "-p", "no:cacheprovider"]
    command += ["--benchmark-disable", "--disable-socket", "--allow-unix-socket", "--tb=short", *select]
    output = report.with_suffix(".txt")
    print(
        f"— {'observed' if observed else 'plain'}: {suite.name}; its output: {output.relative_to(ROOT)}",
        flush=True,
    )
    with output.open("wb") as file:
        subprocess.run(command, cwd=suite, env=environment, check=False, stdout=file, stderr=file)
    results: dict[str, str] = json.loads(report.read_text())
    return results


def differing(plain: dict[str, str], observed: dict[str, str]) -> list[str]:
    """Return the tests whose results differ."""
    tests = (plain.keys() | observed.keys()) - {"runs"}
    return sorted(test for test in tests if plain.get(test) != observed.get(test))


def unexpected(plain: dict[str, str], observed: dict[str, str]) -> list[str]:
    """Return the tests whose results differ for no known reason."""
    return [test for test in differing(plain, observed) if test not in EXPECTED_DIFFERENCES]


def report(plain: dict[str, str], observed: dict[str, str]) -> int:
    """Print what differs; return 1 if anything unexpected does or a run was left open."""
    runs = json.loads(observed["runs"])
    for test in differing(plain, observed):
        why = EXPECTED_DIFFERENCES.get(test, "UNEXPECTED")
        print(f"differs ({why}): {test}: {plain.get(test)} without tracebus, {observed.get(test)} with it")
    for run_id in runs["open"]:
        print(f"left open: {run_id}")
    passed = sum(result == "passed" for result in observed.values())
    print(
        f"{len(observed) - 1} tests, {passed} pass with tracebus, {len(differing(plain, observed))} differ; "
        f"{runs['started']} runs begun, {runs['ended']} ended, {len(runs['open'])} left open, "
        f"{runs['callback_errors']} callback errors",
    )
    failed = unexpected(plain, observed) or runs["open"] or runs["callback_errors"] or not runs["started"]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
