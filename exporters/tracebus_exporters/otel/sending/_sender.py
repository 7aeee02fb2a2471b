"""A bounded queue of encoded spans, and the thread that sends them."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracebus_exporters.otel.sending._clients import Client, Delivery
    from tracebus_exporters.otel.sending._losses import Losses
    from tracebus_exporters.otel.sending._pace import Pace

CLOSE_TIMEOUT: Final = 2.0
"""Seconds `close` takes at most. What is not sent by then is counted as lost."""


class Sender:
    """Sends spans in batches from a daemon thread of its own, so that a slow backend delays nobody.

    The oldest spans are dropped when the queue is full. A batch that cannot be delivered is tried
    again for `Pace.patience` seconds, honouring `Retry-After`. Every span ends up sent or counted.
    """

    def __init__(
        self,
        client: Callable[[], Client],
        seal: Callable[[Sequence[bytes]], bytes],
        losses: Losses,
        pace: Pace,
        timeout: float,
    ) -> None:
        self._make_client = client
        self._seal = seal
        self._losses = losses
        self._pace = pace
        self._timeout = timeout
        self._reset()

    def _reset(self) -> None:
        self._queue: deque[bytes] = deque()
        self._bytes = 0
        self._taken = 0  # spans in the batch under way
        self._busy = False  # a batch is under way or being accounted for
        self._client: Client | None = None
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._flushes = 0
        self._failures = 0  # attempts that failed and will be repeated
        self._lost = 0  # items lost that no flush has told of
        self._why_lost = ""
        self._closing_at: float | None = None
        self._closed = False
        self._last_tried = False

    @property
    def waiting(self) -> int:
        """How many spans are queued or under way."""
        return len(self._queue) + self._taken

    def put(self, span: bytes) -> None:
        """Queue an encoded span. Never blocks for longer than the lock is held."""
        dropped = 0
        with self._changed:
            if self._closing_at is not None:
                dropped = 1
            else:
                while self._queue and (
                    len(self._queue) >= self._pace.queue or self._bytes + len(span) > self._pace.queue_bytes
                ):
                    self._bytes -= len(self._queue.popleft())
                    dropped += 1
                self._queue.append(span)
                self._bytes += len(span)
                if len(self._queue) == 1 or len(self._queue) == self._pace.batch:
                    self._ensure_thread()
                    self._changed.notify_all()
        if dropped:
            self._lose(dropped, "queue_full", "the backend takes spans more slowly than they come")

    def flush(self, timeout: float) -> None:
        """Send what is queued.

        Raises:
            TimeoutError: there is something left, at once where the backend cannot be reached; or
                something was lost since the last flush, which is said once.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            self._flushes += 1
            failures = self._failures
            self._ensure_thread()
            self._changed.notify_all()
            while self._queue or self._busy:
                if self._failures > failures:
                    raise TimeoutError("spans could not be delivered and wait for another attempt")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"spans were not delivered within {timeout} s")
                self._changed.wait(left)
            lost, self._lost = self._lost, 0
        if lost:
            raise TimeoutError(f"{lost} items are lost and counted: {self._why_lost}")

    def close(self) -> None:
        """Send what can be sent within `CLOSE_TIMEOUT` seconds and count the rest as lost."""
        with self._changed:
            if self._closing_at is not None:
                return
            self._closing_at = time.monotonic() + CLOSE_TIMEOUT
            alive = self._queue and self._ensure_thread()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(CLOSE_TIMEOUT)
        elif not alive:
            self._drain()
        self._give_up()

    def after_fork(self) -> None:
        """Start afresh: the queue, the connections, the counts and the thread are the parent's."""
        self._losses.reset()
        self._reset()

    def _give_up(self) -> None:
        with self._changed:
            self._closed = True
            left = len(self._queue) + self._taken
            self._queue.clear()
            self._taken = 0
            client = self._client
        self._lose(left, "at_close", f"not delivered within {CLOSE_TIMEOUT} s")
        self._losses.report()
        if client is not None:
            client.close()

    def _ensure_thread(self) -> bool:
        """Start the thread where there is none; `False` where none can be started any more."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="tracebus-otlp", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter is shutting down: `close` sends in place
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        seen = 0
        while True:
            with self._changed:
                seen = self._wait_for_work(seen)
                if self._closing_at is not None:
                    break
            self._drain()
        self._drain()

    def _wait_for_work(self, seen: int) -> int:
        """Wait until there is something to send and it is time; return the newest flush."""
        while not self._queue and self._closing_at is None and self._flushes == seen:
            self._changed.wait()
        deadline = time.monotonic() + self._pace.delay
        while (
            self._closing_at is None
            and self._flushes == seen
            and len(self._queue) < self._pace.batch
            and (left := deadline - time.monotonic()) > 0
        ):
            self._changed.wait(left)
        return self._flushes

    def _drain(self) -> None:
        """Send batch after batch until the queue is empty."""
        while batch := self._take():
            self._deliver(batch)

    def _take(self) -> list[bytes]:
        with self._changed:
            batch: list[bytes] = []
            size = 0
            while self._queue and len(batch) < self._pace.batch:
                size += len(self._queue[0])
                if batch and size > self._pace.batch_bytes:
                    break
                batch.append(self._queue.popleft())
                self._bytes -= len(batch[-1])
            self._taken = len(batch)
            self._busy = bool(batch)
            return batch

    def _deliver(self, batch: list[bytes]) -> None:
        """Send *batch*, again and again if need be, and account for it."""
        body = self._seal(batch)
        give_up_at = time.monotonic() + self._pace.patience
        pause = self._pace.first_pause
        while True:
            delivery = self._send(body)
            if delivery.delivered or not delivery.retryable:
                break
            asked = delivery.retry_after
            spread = random.uniform(0.8, 1.2)  # noqa: S311  spreads retries, guards nothing
            if not self._pause(
                pause * spread if asked is None else asked, give_up_at, asked=asked is not None
            ):
                break
            pause = min(pause * 2, self._pace.longest_pause)
        self._account(len(batch), delivery)

    def _send(self, body: bytes) -> Delivery:
        timeout = self._timeout
        if self._closing_at is not None:
            timeout = max(0.05, min(timeout, self._closing_at - time.monotonic()))
        if self._client is None:
            self._client = self._make_client()
        return self._client.send(body, timeout)

    def _pause(self, seconds: float, give_up_at: float, *, asked: bool) -> bool:
        """Wait before another attempt; `False` if there shall be none.

        A flush or the end of the program cuts a wait of our own short, but not one the backend *asked* for.
        """
        with self._changed:
            until = time.monotonic() + seconds
            if until > give_up_at:
                return False
            self._failed()
            flushes = self._flushes
            while (left := until - time.monotonic()) > 0:
                if self._closing_at is not None:
                    return not asked and self._last_attempt()
                if self._flushes != flushes:
                    if not asked:
                        return True
                    flushes = self._flushes
                    self._failed()
                self._changed.wait(left)
            return not self._closed

    def _failed(self) -> None:
        """Tell those who wait in `flush` that what they wait for will take longer."""
        self._failures += 1
        self._changed.notify_all()

    def _last_attempt(self) -> bool:
        """Allow one attempt, and no more, once the exporter is closing."""
        if self._last_tried:
            return False
        self._last_tried = True
        return True

    def _account(self, spans: int, delivery: Delivery) -> None:
        with self._changed:
            if self._closed:  # counted as lost already
                return
            self._taken = 0
        if delivery.delivered:
            rejected = min(delivery.rejected, spans)
            self._losses.sent(spans - rejected)
            self._lose(rejected, "rejected", delivery.message)
        else:
            reason = "unreachable" if delivery.retryable else "refused"
            self._lose(spans, reason, delivery.message)
        with self._changed:
            self._busy = False
            self._changed.notify_all()

    def _lose(self, items: int, reason: str, message: str) -> None:
        if items:
            with self._changed:
                self._lost += items
                self._why_lost = f"{reason}: {message or 'no reason given'}"
        self._losses.lost(items, reason, message)
