"""The page's scripts and styles, each in one file: thirty requests take longer than all that is in them.

The scripts stay modules one can read and import alone; what one file of them takes is little, since they are
ours: imports and exports stand at the beginning of a line, and nothing is renamed.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response
from starlette.routing import Route

from tracebus_exporters.web.wire._wire import json_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

__all__ = ["STATIC", "bundle_routes", "page_html", "script"]

STATIC = Path(__file__).parents[1] / "static"
_STYLES = ("theme", "layout", "rows", "detail", "compare")
_PAGE = ("wire/follow.js", "app.js")
"""What connects comes before what draws."""
_WORKER = ("wire/worker.js",)
_IMPORT = re.compile(r'^import (?:(\{[^}]+\})|\* as (\w+)) from "(\.[^"]+)";$', re.MULTILINE)
_LATER = re.compile(r'\bimport\("(\.[^"]+)"\)')
_EXPORT = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.MULTILINE)
_KEPT = {"cache-control": "max-age=31536000, immutable"}


class _Part(NamedTuple):
    text: str
    kind: str

    @property
    def mark(self) -> str:
        """Return what changes with the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]


def bundle_routes() -> list[Route]:
    """Return the routes of the page's parts, below `/static/bundle`."""
    return [Route(f"/static/bundle/{name}", _Served(name)) for name in _parts()]


def page_html(beginning: Mapping[str, bytes]) -> bytes:
    """Return the page.

    Args:
        beginning: what it would ask for first, as JSON by channel; it draws that before it is connected.
    """
    # Data, not a script: browsers run nothing of this type. An escaped `<` ends no element.
    parts = b",".join([b"%s:%s" % (json_bytes(channel), data) for channel, data in beginning.items()])
    data = (b"{%s}" % parts).replace(b"<", b"\\u003c")
    return (
        _html()
        .encode()
        .replace(b"</body>", b'<script type="application/json" id="beginning">%s</script>\n</body>' % data)
    )


@cache
def _html() -> str:
    """Return the page's frame, its parts named by what is in them: a browser that has them does not ask."""
    html = (STATIC / "index.html").read_text("utf-8")
    for name, part in _parts().items():
        html = html.replace(f'static/bundle/{name}"', f'static/bundle/{name}?{part.mark}"')
    return html


def script(*names: str) -> str:
    """Return scripts, with all they import, as one module.

    Args:
        names: files below `static`; their parts run in this order.
    """
    done: dict[str, str] = {}
    for name in names:
        _add(name, done)
    return "".join(done.values())


class _Served:
    """Answers with a part."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        part = _parts()[self._name]
        # A worker is asked for without the mark.
        headers = _KEPT if scope["query_string"] else {"cache-control": "no-cache"}
        await Response(part.text, media_type=part.kind, headers=headers)(scope, receive, send)


@cache
def _parts() -> dict[str, _Part]:
    styles = "".join((STATIC / "style" / f"{name}.css").read_text("utf-8") for name in _STYLES)
    return {
        "page.css": _Part(styles, "text/css"),
        "page.js": _Part(script(*_PAGE), "text/javascript"),
        "worker.js": _Part(script(*_WORKER), "text/javascript"),
    }


def _add(name: str, done: dict[str, str]) -> str:
    """Put a script behind those it imports; return the name its exports go by."""
    variable = "from_" + re.sub(r"\W", "_", name.removesuffix(".js"))
    if name in done:
        return variable
    text = (STATIC / name).read_text("utf-8")

    def there(path: str) -> str:
        target = (STATIC / name).parent.joinpath(path).resolve()
        return _add(target.relative_to(STATIC.resolve()).as_posix(), done)

    def imported(found: re.Match[str]) -> str:
        names, whole, path = found.groups()
        return f"const {whole or names} = {there(path)};"

    text = _IMPORT.sub(imported, text)
    text = _LATER.sub(lambda found: f"Promise.resolve({there(found[1])})", text)
    exports = ", ".join(found[2] for found in _EXPORT.finditer(text))
    text = _EXPORT.sub(r"\1 \2", text)
    done[name] = f"// {name}\nconst {variable} = (() => {{\n{text}\nreturn {{ {exports} }};\n}})();\n"
    return variable
