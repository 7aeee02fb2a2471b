"""The exporter: which events are logged, and at which level."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO, assert_never

from tracebus.events import CustomEmitted, Gap, Outcome, RunEnded, RunRetried, RunStarted, RunStreamed
from tracebus.text import sanitise
from tracebus.tree import RunTree
from tracebus.watching import BudgetFact, LoopFact, fact_of
from tracebus_exporters._options import one_of, options_of, switch, tristate
from tracebus_exporters.structlog._fields import Fields
from tracebus_exporters.structlog._lines import own_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracebus.events import Event
    from tracebus.tree import PriceFunction

__all__ = ["StructlogExporter", "from_url"]

_LEVELS = {
    Outcome.OK: "info",
    Outcome.ERROR: "error",
    Outcome.CANCELLED: "warning",
    Outcome.ABANDONED: "warning",
    # A pause on purpose: nobody has to look into it.
    Outcome.INTERRUPTED: "info",
}
_KEPT_ROOTS = 256


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
        self._logger: Any = logger if logger is not None else own_logger(file, as_json=as_json, colour=colour)
        self._tokens = tokens
        self._timestamp = timestamp
        self._tree = RunTree(max_roots=_KEPT_ROOTS, price=price)
        self._fields = Fields(self._tree, content=content)
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
                    self._write("debug", "run.streamed", event, self._fields.streamed(event))
            case RunStarted():
                self._write("info", "run.started", event, self._fields.started(event))
            case RunEnded():
                node = node or self._tree.get(event.run_id)
                self._write(_LEVELS[event.outcome], "run.ended", event, self._fields.ended(event, node))
            case RunRetried():
                self._write("warning", "run.retried", event, self._fields.retried(event))
            case CustomEmitted() if (fact := fact_of(event)) is not None:
                name = "run.looped" if isinstance(fact, LoopFact) else "run.budget"
                level = "info" if isinstance(fact, BudgetFact) and fact.state == "set" else "warning"
                self._write(level, name, event, self._fields.noticed(event, fact))
            case CustomEmitted():
                self._write("info", "run.emitted", event, self._fields.emitted(event))
            case Gap():
                self._write("warning", "events.missed", event, {"missed": event.missed})
            case _:
                assert_never(event)

    def _write(self, level: str, name: str, event: Event, fields: dict[str, Any]) -> None:
        when = datetime.fromtimestamp(event.time / 1e9, UTC).isoformat(timespec="microseconds")
        said = {self._timestamp: when} | {key: value for key, value in fields.items() if value is not None}
        getattr(self._logger, level)(name, **(said if self._raw else _safe(said)))


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
