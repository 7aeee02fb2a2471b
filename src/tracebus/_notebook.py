"""Trees of runs and documents as HTML for notebooks, where `tracebus` has set who draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Pages", "json_html", "runs_html", "set_pages"]


class Pages(Protocol):
    """What `tracebus._html` offers."""

    def runs_html(self, roots: Sequence[Any], *, content: bool) -> str:
        """Return trees of `tracebus.tree.RunNode` as HTML, with inputs and outputs if *content*."""
        ...

    def json_html(self, value: Any, *, title: str) -> str:
        """Return a JSON value as HTML that folds."""
        ...


_pages: Callable[[], Pages] | None = None


def set_pages(pages: Callable[[], Pages]) -> None:
    """Have *pages* bring who draws, once something is to be shown."""
    global _pages  # noqa: PLW0603 - one for the process
    _pages = pages


def runs_html(roots: Sequence[Any]) -> str | None:
    """Return the trees of *roots* with inputs and outputs; `None`, and a `repr` is shown, if nobody draws."""
    return None if _pages is None else _pages().runs_html(roots, content=True)


def json_html(value: Any, *, title: str) -> str | None:
    """Return *value* as HTML; `None` likewise."""
    return None if _pages is None else _pages().json_html(value, title=title)
