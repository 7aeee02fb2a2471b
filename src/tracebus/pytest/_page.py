"""A test's runs as one HTML file that needs nothing else: no script, no style sheet, no network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from tracebus.outline import described
from tracebus.text import sanitise
from tracebus.transcript import given, put_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracebus.tree import RunNode

__all__ = ["page"]

_LONGEST = 20_000
"""Characters of one text; the log has all of it."""
_DEEPEST = 200
"""Levels that are nested; what is deeper stands at this level: no browser nests without end."""

_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --faint: #7778; --bad: #c0392b; --stopped: #b45309; }}
body {{ font: 14px/1.45 ui-monospace, SFMono-Regular, Menlo, monospace; margin: 1.5rem; }}
h1 {{ font-size: 1.1rem; overflow-wrap: anywhere; }}
.error > summary, .failed {{ color: var(--bad); }}
.cancelled > summary, .abandoned > summary,
.interrupted > summary, .lost > summary {{ color: var(--stopped); }}
details {{ margin-left: 1.2rem; border-left: 1px solid var(--faint); padding-left: .6rem; }}
body > details {{ margin-left: 0; }}
summary {{ cursor: pointer; overflow-wrap: anywhere; }}
summary:focus-visible {{ outline: 2px solid; }}
h2 {{ font-size: .8rem; font-weight: normal; margin: .4rem 0 0 1.2rem; opacity: .7; }}
pre {{ margin: .1rem 0 .5rem 1.2rem; white-space: pre-wrap; overflow-wrap: anywhere; }}
</style>
<h1 class="{state}">{title}</h1>
"""


def page(title: str, roots: Sequence[RunNode], *, failed: bool) -> str:
    """Return the page: every run as a line that opens on what it was given, put out and failed with."""
    head = _HEAD.format(title=escape(sanitise(title, one_line=True)), state="failed" if failed else "passed")
    return head + "".join(part for root in roots for part in _run(root)) + "</html>\n"


def _run(root: RunNode) -> Iterator[str]:
    pending: list[tuple[RunNode, int, bool]] = [(root, 0, False)]
    while pending:
        node, depth, ended = pending.pop()
        if ended:
            yield "</details>\n"
            continue
        opened = " open" if node.children or node.error is not None else ""
        yield f'<details class="{node.status.value}"{opened}><summary>{escape(described(node))}</summary>\n'
        yield from _texts(node)
        if depth >= _DEEPEST:
            yield "</details>\n"
        else:
            pending.append((node, depth, True))
        pending.extend((child, depth + 1, False) for child in reversed(node.children))


def _texts(node: RunNode) -> Iterator[str]:
    error = node.error
    traceback = (error.traceback or f"{error.type}: {error.message}") if error is not None else ""
    for heading, text in (
        ("given", given(node)),
        ("put out", put_out(node)),
        ("error", "" if any(child.error is not None for child in node.children) else traceback),
    ):
        if text:
            shown = (
                text
                if len(text) <= _LONGEST
                else f"{text[:_LONGEST]}\n… {len(text) - _LONGEST} characters more"
            )
            yield f"<h2>{heading}</h2><pre>{escape(sanitise(shown))}</pre>\n"
