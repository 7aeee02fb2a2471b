"""Streaming a chain from your own endpoint."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from tracebus.bus import EventBus
from tracebus_exporters.web.protocols import _langserve
from tracebus_exporters.web.protocols._agui import AguiProjection
from tracebus_exporters.web.protocols._plain import TextProjection
from tracebus_exporters.web.protocols._vercel import VERCEL_HEADERS, VercelProjection
from tracebus_exporters.web.serving._projected import projected, projected_text
from tracebus_exporters.web.watching._content import everything, without_tracebacks
from tracebus_exporters.web.watching._session import Session
from tracebus_exporters.web.watching._shape import APPENDING, PLAIN
from tracebus_exporters.web.wire._sse import PING, sse_response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.responses import Response

    from tracebus.capture import Capture
    from tracebus_exporters.web.watching._hub import Hub

__all__ = ["WIRES", "Wire", "stream_response"]

Wire: TypeAlias = Literal["patch", "append", "text", "agui", "ai", "langserve_log", "langserve_events"]
"""What the client understands.

patch: snapshot, then RFC 6902. append: the same with the `append` operation. text: the text only.
agui: AG-UI 1.0. ai: the UI message stream of the Vercel AI SDK. langserve_log, langserve_events:
what `langserve.RemoteRunnable` reads.
"""
WIRES: tuple[str, ...] = get_args(Wire)

_LANGSERVE = {"langserve_log": _langserve.log_frames, "langserve_events": _langserve.event_frames}
_CAPACITY = 16_384
_PATCH_FRAME = 0.05


def stream_response(
    chain: Any,
    input: Any,  # noqa: A002  LangChain's name
    config: Mapping[str, Any] | None = None,
    *,
    wire: Wire = "patch",
    to: Any = (),
    capture: Capture | None = None,
    tracebacks: bool = False,
    cancel_on_disconnect: bool = True,
    thread_id: str | None = None,
    run_id: str | None = None,
    result: str | Callable[[Any], Any] | None = None,
    inner: bool = False,
    ping: float = PING,
    **kwargs: Any,
) -> Response:
    """Run *chain* and return its run as a stream of server-sent events, for Starlette and FastAPI.

    `patch` and `append` send all that is captured, prompts included; the other wires send what the models
    say to the user and the tools to the model: no prompts, no graph state, no tool's artifact.

    Args:
        chain: any Runnable; it is run by `astream`.
        input: its input.
        config: its config.
        wire: what the client understands; see `Wire`.
        to: where else the events go, as for `observe`; not with the wires of LangServe.
        capture: what of the content is captured; LangServe's wires send everything.
        tracebacks: send an error's traceback as well as its type and message.
        cancel_on_disconnect: a client that goes away cancels the run, which ends as cancelled; else it
            runs on unwatched.
        thread_id: AG-UI's `threadId`.
        run_id: AG-UI's `runId`.
        result: AG-UI's `RUN_FINISHED.result`: a key of the outputs, or a function of them; nothing
            without it.
        inner: also send what models say that is not for the user: those tagged `nostream`, those of
            middleware (summaries, guards), those inside tools.
        ping: seconds between two comments that keep the connection alive.
        **kwargs: given to `astream`.

    Raises:
        ValueError: there is no such wire, *to* is not for it, or `config["run_id"]` is no UUID.
        TypeError: *chain* is no Runnable.
        UnknownExporterError: a URL in *to* that nobody answers for.
    """
    if wire not in WIRES:
        raise ValueError(f"wire is one of {', '.join(WIRES)}, not {wire!r}")
    if wire in _LANGSERVE:
        if to:
            raise ValueError(f"wire={wire!r} sends events nowhere else: give it observe(chain, to=…) instead")
        return sse_response(_LANGSERVE[wire](chain, input, config, **kwargs), ping=ping)
    root_id = str((config or {}).get("run_id") or uuid.uuid4())
    bus = _bus(to)
    options: Any = {**(config or {}), "run_id": uuid.UUID(root_id)}
    # A graph asked to go on tells the rest of what its client has half of.
    told = {"inner": inner, "resumes": input is None or getattr(input, "resume", None) is not None}
    agui = AguiProjection(root_id, thread_id, run_id, result=_selected(result), **told)
    session = Session(
        bus,
        root_id,
        _observed(chain, bus, capture).astream(input, options, **kwargs),
        _frames(wire, root_id, agui, told),
        frame=_PATCH_FRAME if wire in ("patch", "append") else 0.0,
        view=everything if tracebacks else without_tracebacks,
        cancel=cancel_on_disconnect,
    )
    return sse_response(session.stream(), headers=VERCEL_HEADERS if wire == "ai" else None, ping=ping)


def _selected(result: str | Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    """Return what makes a result of the outputs."""
    if not isinstance(result, str):
        return result
    return lambda outputs: outputs.get(result) if isinstance(outputs, dict) else None


def _frames(
    wire: Wire, root_id: str, agui: AguiProjection, told: Mapping[str, bool]
) -> Callable[[Hub], AsyncIterator[bytes]]:
    """Return what makes the frames of *wire* out of a hub."""
    match wire:
        case "text":
            return lambda hub: projected_text(hub, root_id, TextProjection(root_id, inner=told["inner"]))
        case "agui":
            return lambda hub: projected(hub, root_id, agui)
        case "ai":
            return lambda hub: projected(hub, root_id, VercelProjection(root_id, **told))
        case _:
            return lambda hub: _patches(hub, root_id, append=wire == "append")


async def _patches(hub: Hub, root_id: str, *, append: bool) -> AsyncIterator[bytes]:
    feed = await hub.tree(root_id)
    async for frame in feed.stream(shape=APPENDING if append else PLAIN):
        yield frame


def _bus(to: Any) -> EventBus:
    from tracebus.exporting import resolve  # noqa: PLC0415  imports exporters' entry points

    bus = EventBus(capacity=_CAPACITY)
    for exporter in resolve(to) if to else ():
        bus.attach(exporter)
    return bus


def _observed(chain: Any, bus: EventBus, capture: Capture | None) -> Any:
    from tracebus.sources import observe  # noqa: PLC0415  LangChain is imported by who runs chains

    return observe(chain, bus=bus, capture=capture)
