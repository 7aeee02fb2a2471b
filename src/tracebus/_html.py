"""A tree of runs as HTML that needs nothing around it: no server, no script, no font, one style element.

For notebooks, whose front ends show what a cell sends them and no more. Everything that comes from the
program or a model is escaped.
"""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any, Final

from tracebus import figures
from tracebus.signs import KIND, STATUS
from tracebus.text import first_line, sanitise
from tracebus.tree import RunStatus, StatusCounts, TotalOf

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tracebus.tree import RunNode, Totals

__all__ = ["json_html", "page", "runs_html"]

ALIKE: Final = 8
"""More siblings of one name are folded into one row."""
MOST_ROWS: Final = 400
"""Rows of one display; a notebook's file keeps all of them."""
DEEPEST: Final = 60
"""Levels; a deeper tree is no longer looked at this way."""
MOST_TEXT: Final = 4_000
"""Characters of an input or an output."""

_STYLE: Final = """
.tracebus{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-x:auto;
text-align:left;padding-left:.8em}
.tracebus .r{display:grid;gap:0 .8em;
grid-template-columns:minmax(16em,1fr) 9em 5em 8em 6em minmax(6em,14em);align-items:center}
.tracebus .r span{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.tracebus .n{text-align:right;font-variant-numeric:tabular-nums}
.tracebus details>details,.tracebus details>.l{padding-left:1.2em}
.tracebus details>summary{cursor:pointer;list-style-position:outside}
.tracebus details{padding-left:1em;padding-right:0}.tracebus .l{padding-left:1em}
.tracebus .d{opacity:.65}.tracebus .h{opacity:.65;padding-left:1em}
.tracebus .b{position:relative;height:.7em}.tracebus .b i{position:absolute;top:0;bottom:0;min-width:2px;
background:#3b82f6;border-radius:2px}.tracebus .b i.w{opacity:.35}
.tracebus .error{color:#dc2626}.tracebus .b i.error{background:#dc2626}
.tracebus .running{color:#0891b2}.tracebus .b i.running{background:#0891b2}
.tracebus .cancelled,.tracebus .abandoned{color:#b45309}.tracebus .interrupted{color:#9333ea}
.tracebus .b i.cancelled,.tracebus .b i.abandoned{background:#b45309}
.tracebus .b i.interrupted{background:#9333ea}
.tracebus .ok{color:#15803d}
.tracebus pre{white-space:pre-wrap;margin:.2em 0 .4em 1.2em;max-height:24em;overflow:auto}
""".replace("\n", "")
_NANO: Final = 1_000_000_000
_TROUBLE: Final = frozenset((RunStatus.ERROR, RunStatus.RUNNING))


def page(body: str) -> str:
    """Return *body* with the style it needs."""
    return f'<div class="tracebus"><style>{_STYLE}</style>{body}</div>'


def runs_html(roots: Sequence[RunNode], *, content: bool, live: bool = False, now: int = 0) -> str:
    """Return the trees under *roots*, folded; while *live*, and down to errors, unfolded.

    Args:
        roots: the topmost runs to show.
        content: show inputs and outputs, too.
        live: the program still runs.
        now: nanoseconds since the epoch, where open runs are cut; the last event's time where 0.
    """
    if not roots:
        return page('<span class="d">no runs yet</span>')
    heading = "".join(f'<span class="n">{title}</span>' for title in ("TIME", "TTFT", "TOKENS", "COST"))
    rows = _Rows(content=content, live=live)
    body = "".join(rows.siblings(roots, now, None))
    more = f'<div class="l d">… {rows.left_out:,} more runs</div>' if rows.left_out else ""
    return page(f'<div class="r h"><span>RUN</span>{heading}<span></span></div>{body}{more}')


def json_html(value: Any, *, title: str) -> str:
    """Return a JSON value as folds."""
    return page("".join(_folds(title, value, depth=0)))


class _Rows:
    """Makes rows until there are too many."""

    def __init__(self, *, content: bool, live: bool) -> None:
        self._content = content
        self._live = live
        self._made = 0
        self._depth = 0
        self.left_out = 0

    def siblings(self, nodes: Sequence[RunNode], now: int, scale: tuple[int, int] | None) -> Iterator[str]:
        """Yield the rows of *nodes*, those of one name in one where they are many."""
        groups: dict[tuple[str, str], list[RunNode]] = {}
        for node in nodes:
            groups.setdefault((node.name, node.kind.value), []).append(node)
        for group in groups.values():
            if len(group) > ALIKE:
                yield self._folded(group, now, scale)
            else:
                for node in group:
                    yield self._run(node, now, scale)

    def _run(self, node: RunNode, now: int, scale: tuple[int, int] | None) -> str:
        if self._made >= MOST_ROWS or self._depth >= DEEPEST:
            self.left_out += 1 + node.counts.total
            return ""
        self._made += 1
        self._depth += 1
        span = scale or _scale(node, now)
        label = (
            f'<span class="{node.status.value}">{STATUS[node.status]}</span> {KIND[node.kind]} '
            f"{_text(node.name)}{_detail(node)}"
        )
        row = _row(label, node, _elapsed(node, now), _bar(node, span, now))
        below = [*self._notes(node), *self.siblings(node.children, now, span)]
        self._depth -= 1
        if not below:
            return f'<div class="l">{row}</div>'
        unfolded = " open" if self._unfolds(node) else ""
        return f"<details{unfolded}><summary>{row}</summary>{''.join(below)}</details>"

    def _unfolds(self, node: RunNode) -> bool:
        if node.status in _TROUBLE:
            return True
        return self._live and (node.counts.running > 0 or node.parent is None)

    def _folded(self, group: list[RunNode], now: int, scale: tuple[int, int] | None) -> str:
        counts = StatusCounts.of(node.status for node in group)
        tally = "".join(
            f' <span class="{status.value}">{number:,}{STATUS[status]}</span>'
            for status, number in counts
            if number and counts.ok != counts.total
        )
        worst = RunStatus.ERROR if counts.error else RunStatus.RUNNING if counts.running else RunStatus.OK
        label = (
            f'<span class="{worst.value}">{STATUS[worst]}</span> ≡ {_text(group[0].name)} '
            f"<b>×{len(group):,}</b>{tally}"  # noqa: RUF001 - the multiplication sign it looks like
        )
        known = [node.duration for node in group if node.duration is not None]
        spread = f"{figures.duration(min(known))}–{figures.duration(max(known))}" if known else ""  # noqa: RUF001 - a range
        row = _row(label, TotalOf(group), spread, "")
        rows = "".join(self._run(node, now, scale) for node in group)
        return f"<details><summary>{row}</summary>{rows}</details>"

    def _notes(self, node: RunNode) -> Iterator[str]:
        error = node.error
        if error is not None and not any(
            child.error is not None and child.error.message == error.message for child in node.children
        ):
            told = f"{error.type.rpartition('.')[2]}: {error.message}"
            yield f'<div class="l error">{_text(told, 400)}</div>'
        if not self._content:
            return
        shown = node.outputs if node.outputs is not None else node.text or None
        for title, value in (("input", node.inputs), ("output", shown)):
            if value is not None:
                yield f'<details><summary class="d">{title}</summary><pre>{_value(value)}</pre></details>'


def _row(label: str, totals: Totals, time: str, bar: str) -> str:
    ttft = getattr(totals, "time_to_first_token", None)
    cells = (time, figures.duration(ttft) if ttft is not None else "", _tokens(totals), _cost(totals))
    figures_ = "".join(f'<span class="n">{cell}</span>' for cell in cells)
    return f'<div class="r"><span>{label}</span>{figures_}<span class="b">{bar}</span></div>'


def _detail(node: RunNode) -> str:
    model = node.model
    parts = [model.name] if node.is_model and model is not None and model.name else []
    parts += [f"↻{node.attempts - 1}"] if node.attempts > 1 else []
    return f' <span class="d">{_text(" ".join(parts))}</span>' if parts else ""


def _elapsed(node: RunNode, now: int) -> str:
    seconds = node.elapsed(now or node.last_at)
    return figures.duration(seconds) if seconds is not None else ""


def _tokens(totals: Totals) -> str:
    usage = totals.usage
    if usage is None:
        return ""
    given, made = (
        figures.count(amount) if amount is not None else "?"
        for amount in (usage.input_tokens, usage.output_tokens)
    )
    return f"{given}→{made}{'+' if totals.usage_partial else ''}"


def _cost(totals: Totals) -> str:
    if totals.cost is None:
        return "-" if totals.usage is not None else ""
    return escape(figures.dollars(totals.cost)) + ("+" if totals.cost_partial else "")


def _scale(root: RunNode, now: int) -> tuple[int, int]:
    start = root.started_at or 0
    ends = (node.ended_at or max(now, node.last_at) for node in root.walk())
    return start, max(max(ends, default=start), start + 1)


def _bar(node: RunNode, scale: tuple[int, int], now: int) -> str:
    if node.started_at is None:
        return ""
    start, end = scale

    def percent(time: int) -> float:
        return max(0.0, min(100.0, (time - start) * 100 / (end - start)))

    left, right = percent(node.started_at), percent(node.ended_at or max(now, node.last_at))
    kind = node.status.value if node.status is not RunStatus.OK else ""
    first = node.first_token_at if node.is_model else None
    if first is None:
        return _piece(left, right, kind)
    middle = percent(first)
    return _piece(left, middle, f"w {kind}") + _piece(middle, right, kind)


def _piece(left: float, right: float, kind: str) -> str:
    return f'<i class="{kind.strip()}" style="left:{left:.1f}%;width:{max(0.0, right - left):.1f}%"></i>'


def _text(text: str, width: int = 80) -> str:
    return escape(first_line(text, width))


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    cut = f"\n… {len(text) - MOST_TEXT:,} characters more" if len(text) > MOST_TEXT else ""
    return escape(sanitise(text[:MOST_TEXT])) + cut


def _folds(title: str, value: Any, depth: int) -> Iterable[str]:
    name = _text(str(title))
    if not isinstance(value, dict | list) or not value or depth > 6:  # noqa: PLR2004 - deep enough to look at
        return [f'<div class="l"><span class="d">{name}</span> {_value(value)}</div>']
    items = value.items() if isinstance(value, dict) else enumerate(value)
    below = [part for key, item in list(items)[:200] for part in _folds(str(key), item, depth + 1)]
    more = f'<div class="l d">… {len(value) - 200:,} more</div>' if len(value) > 200 else ""  # noqa: PLR2004 - as above
    unfolded = " open" if depth == 0 else ""
    count = f'<span class="d">{len(value):,}</span>'
    return [f"<details{unfolded}><summary>{name} {count}</summary>{''.join(below)}{more}</details>"]
