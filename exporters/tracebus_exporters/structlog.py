"""structlog: a line when a run starts, is tried again and ends.

::

    observe(chain, to="structlog")                       # our own lines on the standard error
    observe(chain, to=StructlogExporter(my_logger))      # your logger, your processors
"""

from __future__ import annotations

import json
import logging
import math
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO, assert_never

import msgspec
import structlog

from tracebus.events import CustomEmitted, Gap, Outcome, RunEnded, RunRetried, RunStarted, RunStreamed
from tracebus.text import sanitise
from tracebus.tree import RunTree
from tracebus.watching import LoopFact, fact_of
from tracebus_exporters._options import one_of, options_of, switch, tristate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from structlog.typing import EventDict

    from tracebus.events import ErrorInfo, Event, ModelInfo, RunEvent, TokenUsage
    from tracebus.tree import PriceFunction, RunNode
    from tracebus.watching import BudgetFact

__all__ = ["StructlogExporter", "from_url"]

_LEVELS = {
    Outcome.OK: "info",
    Outcome.ERROR: "error",
    Outcome.CANCELLED: "warning",
    Outcome.ABANDONED: "warning",
    # A pause on purpose: nobody has to look into it.
    Outcome.INTERRUPTED: "info",
}
_ABOUT = frozenset(("run_id", "name"))
_KEPT_ROOTS = 256
_TRACEPARENT_PARTS = (2, 32, 16, 2)


class StructlogExporter:
    """Logs the life of every run.

    ========================  =======================================================================
    event                     level
    ========================  =======================================================================
    ``run.started``           info
    ``run.ended``             by outcome: ok and interrupted info, cancelled and abandoned warning,
                              error error
    ``run.retried``           warning
    ``run.emitted``           info: a custom event
    ``run.budget``            info when it is set, warning when a limit is near, used up or not known
    ``run.looped``            warning: the run goes in circles
    ``run.streamed``          debug, only with *tokens*
    ``events.missed``         warning: a gap
    ========================  =======================================================================

    Fields, each left out where unknown: ``timestamp`` (when it happened), ``run_id``, ``parent_run_id``,
    ``root_run_id``, ``kind``, ``name``, ``outcome``, ``duration_ms``, ``ttft_ms``, ``model``, ``provider``,
    ``input_tokens``, ``output_tokens``, ``cache_read_tokens``, ``cache_creation_tokens``,
    ``reasoning_tokens`` and ``cost_usd`` (of model runs only, so that a sum over all lines counts nothing
    twice), ``tree_input_tokens``, ``tree_output_tokens`` and ``tree_cost_usd`` (of root runs: the sum),
    ``attempt``, ``error_type``, ``error_message``, ``kept`` and ``kept_share`` (root runs that came through
    `keep`: why, and which part of the runs like it), ``trace_id`` and ``span_id`` (the trace the root run
    was started in).

    Args:
        logger: a structlog logger, used as it is, with your processors. Where not given, lines go to
            *file*, coloured for people if that is a terminal, else as JSON; structlog's global
            configuration is neither used nor changed.
        tokens: log every chunk a run streams, too.
        content: log inputs, outputs, text and custom data, which may be private. Tracebacks, too.
        timestamp: the field for the time; another name keeps it from your own `TimeStamper`.
        file: where lines go without a *logger*; the standard error where not given.
        as_json: JSON lines, or lines for people; by *file* where not given.
        colour: colours in lines for people; by *file* and `NO_COLOR` where not given.
        price: what a model run cost; list prices where not given.
    """

    def __init__(
        self,
        logger: Any = None,
        *,
        tokens: bool = False,
        content: bool = False,
        timestamp: str = "timestamp",
        file: TextIO | None = None,
        as_json: bool | None = None,
        colour: bool | None = None,
        price: PriceFunction | None = None,
    ) -> None:
        file = file if file is not None else sys.stderr
        as_json = not file.isatty() if as_json is None else as_json
        self._raw = logger is None and as_json
        self._logger: Any = (
            logger if logger is not None else _own_logger(file, as_json=as_json, colour=colour)
        )
        self._tokens = tokens
        self._content = content
        self._timestamp = timestamp
        self._tree = RunTree(max_roots=_KEPT_ROOTS, price=price)
        # The batch that failed in part; it is kept, so that its events keep their identity.
        self._offered: Sequence[Event] = ()

    def export(self, batch: Sequence[Event], /) -> None:
        """Log *batch*.

        Raises:
            Exception: what the logger raised first. The other events are logged all the same, and
                none again when the batch is offered again.
        """
        offered = {id(event) for event in self._offered}
        failure: Exception | None = None
        for event in batch:
            if id(event) in offered:
                continue
            try:
                self._log(event)
            except Exception as error:  # noqa: BLE001 - one line that fails must not cost the others
                failure = failure or error
        self._offered = batch if failure is not None else ()
        if failure is not None:
            raise failure

    def flush(self, _timeout: float, /) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is held: a logger given is its owner's."""

    def _log(self, event: Event) -> None:
        node = self._tree.apply(event)
        match event:
            case RunStreamed():
                if self._tokens:
                    self._write("debug", "run.streamed", event, self._streamed(event))
            case RunStarted():
                self._write("info", "run.started", event, self._started(event))
            case RunEnded():
                node = node or self._tree.get(event.run_id)
                self._write(_LEVELS[event.outcome], "run.ended", event, self._ended(event, node))
            case RunRetried():
                fields = {"attempt": event.attempt, "delay_s": event.delay, **self._error(event.error)}
                self._write("warning", "run.retried", event, self._about(event) | fields)
            case CustomEmitted() if (fact := fact_of(event)) is not None:
                self._noticed(event, fact)
            case CustomEmitted():
                data = {"emitted": event.name, "data": event.data if self._content else None}
                self._write("info", "run.emitted", event, self._about(event) | data)
            case Gap():
                self._write("warning", "events.missed", event, {"missed": event.missed})
            case _:
                assert_never(event)

    def _write(self, level: str, name: str, event: Event, fields: dict[str, Any]) -> None:
        when = datetime.fromtimestamp(event.time / 1e9, UTC).isoformat(timespec="microseconds")
        said = {self._timestamp: when} | {key: value for key, value in fields.items() if value is not None}
        getattr(self._logger, level)(name, **(said if self._raw else _safe(said)))

    def _noticed(self, event: CustomEmitted, fact: BudgetFact | LoopFact) -> None:
        said = {name: value for name, value in msgspec.to_builtins(fact).items() if name not in _ABOUT}
        if isinstance(fact, LoopFact):
            self._write("warning", "run.looped", event, self._about(event) | _prefixed("loop", said))
        else:
            level = "info" if fact.state == "set" else "warning"
            self._write(level, "run.budget", event, self._about(event) | _prefixed("budget", said))

    # The fields of each event.

    def _about(self, event: RunEvent) -> dict[str, Any]:
        """Return what every line about a run says, from its start where that was seen."""
        node = self._tree.get(event.run_id)
        start = node.start if node is not None else None
        return {
            "run_id": event.run_id,
            "parent_run_id": event.parent_run_id,
            "root_run_id": event.root_run_id,
            "kind": start.kind.value if start is not None else None,
            "name": start.name if start is not None else None,
            **self._trace(event.root_run_id),
        }

    def _started(self, event: RunStarted) -> dict[str, Any]:
        return {
            **self._about(event),
            "kind": event.kind.value,
            "name": event.name,
            **_model(event.model),
            "attempt": event.attempt,
            "batch_id": event.batch.id if event.batch is not None else None,
            "batch_index": event.batch.index if event.batch is not None else None,
            "tags": list(event.tags) or None,
            "inputs": event.inputs if self._content else None,
        }

    def _streamed(self, event: RunStreamed) -> dict[str, Any]:
        private = {"text": event.text or None, "reasoning": event.reasoning or None} if self._content else {}
        return {
            **self._about(event),
            "characters": len(event.text) + len(event.reasoning),
            "tool_calls": len(event.tool_calls) or None,
            **private,
        }

    def _ended(self, event: RunEnded, node: RunNode | None) -> dict[str, Any]:
        fields = {**self._about(event), "outcome": event.outcome.value, **self._error(event.error)}
        if self._content:
            fields |= {"inputs": event.inputs, "outputs": event.outputs}
        fields |= _usage(event.usage) | {"cached": event.cached or None}
        if event.kept is not None:
            fields |= {"kept": list(event.kept.reasons), "kept_share": event.kept.share}
        if node is not None:
            fields |= _measured(node)
        return fields

    def _error(self, error: ErrorInfo | None) -> dict[str, Any]:
        if error is None:
            return {}
        traceback = {"error_traceback": error.traceback} if self._content else {}
        return {"error_type": error.type, "error_message": error.message or None, **traceback}

    def _trace(self, root_run_id: str) -> dict[str, str]:
        root = self._tree.get(root_run_id)
        parts = (
            (root.start.traceparent if root is not None and root.start is not None else None) or ""
        ).split("-")
        if tuple(map(len, parts)) != _TRACEPARENT_PARTS:
            return {}
        return {"trace_id": parts[1], "span_id": parts[2]}


def from_url(url: str) -> StructlogExporter:
    """Return the exporter for a URL such as `structlog?tokens=1&format=json`.

    Options: `tokens`, `content` (1, 0), `format` (auto, json, text), `colour` (auto, always, never),
    `stream` (stderr, stdout).

    Raises:
        UnknownExporterError: an option is unknown, or its value makes no sense.
    """
    options = options_of(
        url,
        {
            "colour": tristate,
            "content": switch,
            "format": one_of("auto", "json", "text"),
            "stream": one_of("stderr", "stdout"),
            "tokens": switch,
        },
    )
    file = sys.stdout if options.pop("stream", "stderr") == "stdout" else sys.stderr
    as_json = {"auto": None, "json": True, "text": False}[options.pop("format", "auto")]
    return StructlogExporter(file=file, as_json=as_json, **options)


def _own_logger(file: TextIO, *, as_json: bool, colour: bool | None) -> Any:
    """Return a logger with its own processors, apart from structlog's global configuration."""
    if colour is None:
        colour = file.isatty() and not os.environ.get("NO_COLOR")
    renderer = (
        structlog.processors.JSONRenderer(_to_json)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=colour)
    )
    return structlog.wrap_logger(
        _Lines(file),
        processors=[structlog.processors.add_log_level, _head_first, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        context_class=dict,
        cache_logger_on_first_use=True,
    )


class _Lines:
    """Writes lines. Unlike structlog's own it has no lock, which a fork could leave locked for good."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def msg(self, message: str) -> None:
        """Write *message* as a line."""
        self._file.write(f"{message}\n")
        self._file.flush()

    debug = info = warning = error = msg


def _head_first(_logger: Any, _method: str, fields: EventDict) -> EventDict:
    return {**{name: fields[name] for name in ("timestamp", "level", "event") if name in fields}, **fields}


def _to_json(value: Any, **options: Any) -> str:
    """Return *value* as JSON that every reader takes: what is not a number is null."""
    try:
        return json.dumps(value, allow_nan=False, **options)
    except ValueError:
        return json.dumps(_finite(value), **options)


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return value


def _model(model: ModelInfo | None) -> dict[str, Any]:
    return {} if model is None else {"model": model.name, "provider": model.provider}


def _usage(usage: TokenUsage | None) -> dict[str, Any]:
    if usage is None:
        return {}
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_creation_tokens": usage.cache_creation_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def _measured(node: RunNode) -> dict[str, Any]:
    fields = {
        "duration_ms": _milliseconds(node.duration),
        "ttft_ms": _milliseconds(node.time_to_first_token),
        "cost_usd": node.own_cost,
        "attempts": node.attempts if node.attempts > 1 else None,
        **_model(node.model),
    }
    total = node.usage
    if node.parent is None and node.children and total is not None:
        fields |= {
            "tree_input_tokens": total.input_tokens,
            "tree_output_tokens": total.output_tokens,
            "tree_cost_usd": node.cost,
        }
    return fields


def _prefixed(prefix: str, said: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}_{name}": value for name, value in said.items()}


def _milliseconds(seconds: float | None) -> float | None:
    return round(seconds * 1000, 3) if seconds is not None else None


def _safe(value: Any) -> Any:
    """Return *value* with every string in it made safe for one line of a terminal."""
    match value:
        case str():
            return sanitise(value, one_line=True)
        case dict():
            return {_safe(key): _safe(item) for key, item in value.items()}
        case list() | tuple():
            return [_safe(item) for item in value]
        case _:
            return value
