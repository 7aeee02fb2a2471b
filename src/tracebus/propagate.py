"""One run tree across processes: the run a request was made in, carried in its headers.

The caller, in a tool or anywhere inside an observed run::

    httpx.post(url, json=question, headers=propagate.inject({}))

The process that answers, when both write to one log (`redis://…`)::

    with propagate.continuing(request.headers):
        chain.invoke(question)          # its runs stand below the caller's

Headers are any string dictionary: those of a request, a task's message, a `multiprocessing` argument,
the environment. Beside the run (`tracebus-run`) the W3C `traceparent` is carried, where a tracing
library knows one. Take headers from callers you trust only: they say where your runs appear.

How the sources take part: they `register` a function that says which run the calling code is in, for
`inject`; and where a run has no parent in its own process they read `remote_parent`, and give its
`RunStarted` that parent, that root, and that `traceparent`.
"""

from __future__ import annotations

import contextlib
import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, unquote

import msgspec

from tracebus import ambient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping

__all__ = [
    "RUN_HEADER",
    "RemoteParent",
    "continuing",
    "environment",
    "extract",
    "inject",
    "register",
    "remote_parent",
]

_logger = logging.getLogger("tracebus")

RUN_HEADER = "tracebus-run"
"""The header that names the run: `RUN_ID;root=ROOT_RUN_ID`, both percent-encoded."""

_TRACEPARENT = "traceparent"
_LONGEST = 512
"""Characters of a header; what is longer is none of ours."""

Headers: TypeAlias = "Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]"
"""A dictionary, or pairs as ASGI has them."""


class RemoteParent(msgspec.Struct, frozen=True, kw_only=True):
    """The run, in another process, that the work here belongs to."""

    run_id: str | None = None
    """`None` where the caller knew a trace but no run: runs here are roots of their own."""
    root_run_id: str | None = None
    traceparent: str | None = None
    """The W3C trace context of the caller."""


remote_parent: ContextVar[RemoteParent | None] = ContextVar("tracebus_remote_parent", default=None)
"""What `continuing` took from the headers; the sources read it when a root run starts."""

_readers: tuple[Callable[[], RemoteParent | None], ...] = ()


def register(reader: Callable[[], RemoteParent | None]) -> None:
    """Ask *reader* for the run that the code calling `inject` is in; twice counts once."""
    global _readers  # noqa: PLW0603 -- copy on write, so that reading needs no lock
    if reader not in _readers:
        _readers += (reader,)


def inject(headers: MutableMapping[str, str] | None = None) -> MutableMapping[str, str]:
    """Add the current run to *headers*, which may be left out, and return them.

    Outside of any run they get what `continuing` received, so that a process in between is no gap.
    """
    headers = {} if headers is None else headers
    current = _current()
    if current is not None and current.run_id is not None:
        root = current.root_run_id or current.run_id
        headers[RUN_HEADER] = f"{quote(current.run_id, safe='')};root={quote(root, safe='')}"
    traceparent = ambient.read() or (current.traceparent if current is not None else None)
    if traceparent is not None:
        headers[_TRACEPARENT] = traceparent
    return headers


def environment() -> dict[str, str]:
    """Return the current run as variables for a subprocess: `{**os.environ, **environment()}`.

    The subprocess calls `continuing(os.environ)`.
    """
    return {name.upper().replace("-", "_"): value for name, value in inject().items()}


def extract(headers: Headers) -> RemoteParent | None:
    """Return the run that *headers* name; `None` where they name none, or name it wrongly.

    Names are compared without regard to case, and `_` counts as `-`, as in the environment.
    """
    found = dict(_relevant(headers))
    run_id, root_run_id = _parsed(found.get(RUN_HEADER, ""))
    traceparent = found.get(_TRACEPARENT)
    if run_id is None and traceparent is None:
        return None
    return RemoteParent(run_id=run_id, root_run_id=root_run_id, traceparent=traceparent)


@contextlib.contextmanager
def continuing(headers: Headers) -> Iterator[RemoteParent | None]:
    """Put the runs that start inside the `with` below the run that *headers* name."""
    parent = extract(headers)
    token = remote_parent.set(parent)
    try:
        yield parent
    finally:
        remote_parent.reset(token)


def _current() -> RemoteParent | None:
    for reader in _readers:
        try:
            if (current := reader()) is not None:
                return current
        except Exception:
            _logger.exception("the current run could not be read by %r", reader)
    return remote_parent.get()


def _relevant(headers: Headers) -> Iterator[tuple[str, str]]:
    pairs = headers.items() if hasattr(headers, "items") else headers
    for name, value in pairs:
        name, value = (_text(part) for part in (name, value))  # noqa: PLW2901 -- the same, as text
        name = name.lower().replace("_", "-")  # noqa: PLW2901 -- the same, as headers have it
        if name in {RUN_HEADER, _TRACEPARENT} and len(value) <= _LONGEST:
            yield name, value


def _text(part: str | bytes) -> str:
    return part.decode("latin-1") if isinstance(part, bytes) else part


def _parsed(header: str) -> tuple[str | None, str | None]:
    run, _, parameters = header.strip().partition(";")
    name, _, root = parameters.strip().partition("=")
    run_id = unquote(run.strip())
    if not run_id.isprintable() or not run_id:
        return None, None
    root_run_id = unquote(root.strip()) if name == "root" else ""
    return run_id, root_run_id if root_run_id and root_run_id.isprintable() else run_id
