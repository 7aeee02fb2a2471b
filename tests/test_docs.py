"""The documentation says what is so: generated pages are fresh, snippets compile and some run, links lead somewhere."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
SNIPPET = re.compile(r"(<!-- run -->\n)?```python\n(.*?)```", re.DOTALL)
SNIPPETS = [
    pytest.param(match[2], bool(match[1]), id=f"{page.relative_to(ROOT)}:{number}")
    for page in PAGES
    for number, match in enumerate(SNIPPET.finditer(page.read_text(encoding="utf-8")), 1)
]


def test_generated_pages_are_what_the_source_says():
    """scripts/docs was run after the last change of events, conventions, variables, exits or commands."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/make_pages.py", "check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("code", "runs"), SNIPPETS)
def test_the_snippet_is_python_and_names_what_there_is(code, runs, tmp_path):
    """It compiles (await at the top included), what it imports of ours exists, and what says so runs."""
    compile(code, "snippet", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tracebus"):
            module = pytest.importorskip(node.module, reason=f"needs what {node.module} needs")
            for name in node.names:
                assert hasattr(module, name.name) or importlib.import_module(f"{node.module}.{name.name}")
    if runs:
        subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, check=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(page):
    """Every relative link and its anchor."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z+]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor and there.suffix == ".md":
            assert anchor in _anchors(there), target


def _anchors(page):
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_the_examples_page_has_their_code():
    """The code on the page is the code in examples/."""
    text = (ROOT / "docs/examples.md").read_text(encoding="utf-8")
    for path in (ROOT / "examples").glob("*.py"):
        assert path.read_text(encoding="utf-8").rstrip() in text, f"{path.name}; run: scripts/docs examples"
