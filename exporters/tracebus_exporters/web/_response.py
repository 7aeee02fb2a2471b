"""Streaming a chain from your own endpoint."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from tracebus.bus import EventBus
from tracebus.events import ErrorInfo, Outcome, RunEnded, RunKind, RunStarted
from tracebus_exporters.web import _langserve
from tracebus_exporters.web._agui import AguiProjection
from tracebus_exporters.web._content import everything, without_tracebacks
from tracebus_exporters.web._hub import Hub
from tracebus_exporters.web._plain import TextProjection
from tracebus_exporters.web._projected import projected, projected_text
from tracebus_exporters.web._source import BusSource
from tracebus_exporters.web._sse import PING, sse_response
from tracebus_exporters.web._vercel import VERCEL_HEADERS, VercelProjection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.responses import Response

    from tracebus.capture import Capture
    from tracebus_exporters.web._content import View

__all__ = ["WIRES", "Wire", "stream_response"]

_logger = logging.getLogger("tracebus.web")

Wire: TypeAlias = Literal["patch", "append", "text", "agui", "ai", "langserve_log", "langserve_events"]
"""What the client understands.

patch: snapshot, then RFC 6902. append: the same with the `append` operation. text: the text only.
agui: AG-UI 1.0. ai: the UI message stream of the Vercel AI SDK. langserve_log, langserve_events:
what `langserve.RemoteRunnable` reads.
"""
WIRES: tuple[str, ...] = get_args(Wire)

_CAPACITY = 16_384
_CLOSE_TIMEOUT = 5.0

# A task nobody holds may be collected before it is done.
_background: set[asyncio.Task[Any]] = set()


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
    ping: float = PING,
    **kwargs: Any,
) -> Response:
    """Run *chain* and return its run as a stream of server-sent events, for Starlette and FastAPI.

    `patch` and `append` send all that is captured, prompts included; the other wires send what the models
    say and the tools return.

    Args:
        chain: any Runnable; it is run by `astream`.
        input: its input.
        config: its config.
        wire: what the client understands; see `Wire`.
        to: where else the events go, as for `observe`.
        capture: what of the content is captured.
        tracebacks: send an error's traceback as well as its type and message.
        cancel_on_disconnect: a client that goes away cancels the run, which ends as cancelled; else it
            runs on unwatched.
        thread_id: AG-UI's `threadId`.
        run_id: AG-UI's `runId`.
        ping: seconds between two comments that keep the connection alive.
        **kwargs: given to `astream`.

    Raises:
        ValueError: there is no such wire, or `config["run_id"]` is no UUID.
        TypeError: *chain* is no Runnable.
        UnknownExporterError: a URL in *to* that nobody answers for.
    """
    if wire not in WIRES:
        raise ValueError(f"wire is one of {', '.join(WIRES)}, not {wire!r}")
    if wire == "langserve_log":
        return sse_response(_langserve.log_frames(chain, input, config, **kwargs), ping=ping)
    if wire == "langserve_events":
        return sse_response(_langserve.event_frames(chain, input, config, **kwargs), ping=ping)

    root_id = str((config or {}).get("run_id") or uuid.uuid4())

    def frames(hub: Hub) -> AsyncIterator[bytes]:
        match wire:
            case "text":
                return projected_text(hub, root_id, TextProjection(root_id))
            case "agui":
                return projected(hub, root_id, AguiProjection(root_id, thread_id, run_id))
            case "ai":
                return projected(hub, root_id, VercelProjection(root_id))
            case _:
                return _patches(hub, root_id, append=wire == "append")

    bus = _bus(to)
    observed = _observed(chain, bus, capture)
    options: Any = {**(config or {}), "run_id": uuid.UUID(root_id)}
    run = observed.astream(input, options, **kwargs)
    headers = VERCEL_HEADERS if wire == "ai" else None
    delay = 0.05 if wire in ("patch", "append") else 0.0
    view = everything if tracebacks else without_tracebacks
    session = _Session(bus, root_id, run, frames, delay, view=view, cancel=cancel_on_disconnect)
    return sse_response(session.stream(), headers=headers, ping=ping)


async def _patches(hub: Hub, root_id: str, *, append: bool) -> AsyncIterator[bytes]:
    feed = await hub.tree(root_id)
    async for frame in feed.stream(append=append):
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


class _Session:
    """One run and its one viewer."""

    def __init__(
        self,
        bus: EventBus,
        root_id: str,
        run: AsyncIterator[Any],
        frames: Callable[[Hub], AsyncIterator[bytes]],
        delay: float,
        *,
        view: View,
        cancel: bool,
    ) -> None:
        self._bus = bus
        self._root_id = root_id
        self._run = run
        self._frames = frames
        self._delay = delay
        self._view = view
        self._cancel = cancel

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the viewer's frames; leaving early cancels the run or leaves it to itself."""
        hub = Hub(BusSource(self._bus), frame=self._delay, view=self._view)
        await hub.start()
        task = _keep(asyncio.create_task(self._consume()))
        try:
            async for frame in self._frames(hub):
                yield frame
        finally:
            # Not awaited here: a client that went away has this very task cancelled.
            if self._cancel:
                task.cancel()
            _keep(asyncio.create_task(_close(task, hub)))

    async def _consume(self) -> None:
        """Run the chain to its end; the events tell how it went."""
        try:
            async for _ in self._run:
                pass
        except Exception as error:
            _logger.info("a streamed run failed", exc_info=True)
            if not self._bus.statistics().published:
                self._never_began(error)
        finally:
            await self._bus.aclose(_CLOSE_TIMEOUT)

    def _never_began(self, error: Exception) -> None:
        """Tell the viewer of a failure before the first callback, such as an input of the wrong type."""
        ids: dict[str, Any] = {"run_id": self._root_id, "root_run_id": self._root_id, "time": time.time_ns()}
        described = ErrorInfo(type=type(error).__qualname__, message=str(error))
        self._bus.publish(RunStarted(kind=RunKind.UNKNOWN, name="run", **ids))
        self._bus.publish(RunEnded(outcome=Outcome.ERROR, error=described, **ids))


async def _close(task: asyncio.Task[None], hub: Hub) -> None:
    await asyncio.gather(task, return_exceptions=True)
    await hub.close()


def _keep(task: asyncio.Task[Any]) -> asyncio.Task[Any]:
    _background.add(task)
    task.add_done_callback(_background.discard)
    return task
