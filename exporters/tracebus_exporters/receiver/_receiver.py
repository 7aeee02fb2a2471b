"""Writes received spans into a log, whatever protocol they came by."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from tracebus.capture import DEFAULT_CAPTURE
from tracebus.exceptions import TracebusError
from tracebus_exporters.receiver._traces import Traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tracebus.capture import Capture
    from tracebus.events import RunEvent
    from tracebus.logs import Log
    from tracebus_exporters.receiver._span import Record, Span

__all__ = ["Receiver"]

_MOST_UNWRITTEN = 200_000
"""Events kept while the log cannot be written; beyond, senders are asked to come again."""
_TICK = 0.25

logger = logging.getLogger("tracebus")


class _Request:
    """Spans that are to be taken in."""

    __slots__ = ("done", "error", "read")

    def __init__(self, read: Callable[[], Iterable[Span]]) -> None:
        self.read = read
        self.done = False
        self.error: BaseException | None = None


class Receiver:
    """Writes the runs that received spans are into a log. Usable from any thread.

    Args:
        log: where events go.
        capture: what of the content is kept, and what is redacted.
        hold: seconds a trace waits for its root span.
        clock: seconds of a clock that never runs backwards.
    """

    def __init__(
        self,
        log: Log,
        *,
        capture: Capture = DEFAULT_CAPTURE,
        hold: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._traces = Traces(capture, hold=hold)
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[_Request] = deque()
        self._working = threading.Lock()
        self._writing = threading.Lock()
        """Held by the thread that writes; with it, what another has taken out is stored or back."""
        self._unwritten: list[RunEvent] = []
        self._spans = 0
        self._records = 0
        self._events = 0
        self._refused = 0
        self._said = False
        self._closed = threading.Event()
        self._ticking: threading.Thread | None = None

    def take(self, spans: Iterable[Span]) -> None:
        """Take *spans* in; what can be told of them is stored when this returns.

        Raises:
            OSError: the log cannot be written now. What came is kept and stored with what comes next, unless
                there is too much of it: then nothing of *spans* was taken.
        """
        self._worked_off(_Request(lambda: spans))

    def take_encoded(self, body: bytes, decode: Callable[[bytes], Iterable[Span]]) -> None:
        """Take in the spans that *decode* finds in *body*, as `take` does.

        Raises:
            BadRequestError: raised by *decode*; nothing was taken.
            OSError: as in `take`.
        """
        self._worked_off(_Request(lambda: decode(body)))

    def _worked_off(self, request: _Request) -> None:
        """Have *request* done, by this thread or by one that does all that wait.

        One thread works at a time: several get no more done, for all need the interpreter, and handing that
        to and fro took a sixth of the time. What waits meanwhile is stored in one transaction.
        """
        self._waiting.append(request)
        with self._working:
            if not request.done:
                self._work()
        if request.error is not None:
            raise request.error

    def _work(self) -> None:
        requests = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            if len(self._unwritten) > _MOST_UNWRITTEN:
                self._write()
            for request in requests:
                self._read(request)
            self._write()
        except BaseException as error:  # noqa: BLE001  each is told in its own thread
            for request in requests:
                request.error = request.error or error
        for request in requests:
            request.done = True

    def _read(self, request: _Request) -> None:
        """Take the spans of *request* in; what is wrong with them is told to their sender only."""
        try:
            self._add(list(request.read()))
        except Exception as error:  # noqa: BLE001  a bug of ours, too, is raised in the sender's thread
            request.error = error

    def _add(self, spans: list[Span]) -> None:
        with self._lock:
            self._unwritten += self._traces.add(spans, self._clock())
            self._spans += len(spans)

    def note(self, records: Iterable[Record]) -> None:
        """Take log records in that say what was said in spans; others are let go.

        Raises:
            OSError: as in `take`.
        """
        listed = list(records)
        with self._lock:
            self._unwritten += self._traces.note(listed, self._clock())
            self._records += len(listed)
        self._write()

    def tick(self) -> None:
        """Store what has waited long enough.

        Raises:
            OSError: the log cannot be written now.
        """
        with self._lock:
            self._unwritten += self._traces.due(self._clock())
        self._write()

    def start(self) -> None:
        """Have a thread look after what waits."""
        self._ticking = threading.Thread(target=self._keep_ticking, name="tracebus-receiver", daemon=True)
        self._ticking.start()

    def close(self) -> None:
        """Store all that is left.

        Raises:
            OSError: the log cannot be written.
        """
        self._closed.set()
        if self._ticking is not None:
            self._ticking.join()
        with self._lock:
            self._unwritten += self._traces.close()
        self._write()

    def statistics(self) -> dict[str, int]:
        """Return how many spans and log records came, of these too late; what is stored, waits, cannot be."""
        return {
            "spans": self._spans,
            "records": self._records,
            "late": self._traces.late,
            "events": self._events,
            "held": self._traces.held,
            "refused": self._refused,
        }

    def _write(self) -> None:
        """Store what is there, other threads' spans too: they add theirs while one writes."""
        with self._writing:
            with self._lock:
                batch, self._unwritten = self._unwritten, []
            if not batch:
                return
            try:
                self._append(batch)
            except OSError:
                raise
            except Exception:  # noqa: BLE001  what one trace holds must not keep the others from the log
                self._write_apart(batch)

    def _append(self, batch: list[RunEvent]) -> None:
        """Store *batch*. Where the log cannot be written now it is put back, for the next time."""
        try:
            self._log.append(batch)
        except Exception as error:
            if not isinstance(error, OSError | TracebusError):
                raise
            with self._lock:
                self._unwritten = batch + self._unwritten
            raise (error if isinstance(error, OSError) else OSError(str(error))) from error
        self._events += len(batch)

    def _write_apart(self, batch: list[RunEvent]) -> None:
        """Store the events of each trace by themselves, and let go of those that no log takes."""
        traces: dict[str, list[RunEvent]] = {}
        for event in batch:
            traces.setdefault(event.root_run_id, []).append(event)
        while traces:
            root = next(iter(traces))
            try:
                self._append(traces.pop(root))
            except OSError:
                with self._lock:
                    self._unwritten += [event for events in traces.values() for event in events]
                raise
            except Exception as error:  # noqa: BLE001  no log takes it, and the others are not to wait
                self._refused += 1
                self._say_once(error, f"the trace of {root} cannot be stored, and is let go")

    def _keep_ticking(self) -> None:
        while not self._closed.wait(_TICK):
            try:
                self.tick()
            except OSError:
                continue  # what is left is stored with what comes next; senders are told
            except Exception as error:  # noqa: BLE001  a bug of ours ends no thread that others need
                self._say_once(error, "what waits could not be looked after")

    def _say_once(self, error: Exception, what: str) -> None:
        if not self._said:
            self._said = True
            logger.error("%s", what, exc_info=error)
