"""The instruments of a `Meter`, each made when it has its first value."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import Counter, Histogram, Meter

    from tracebus_exporters.otel.conventions._generations import Instrument

__all__ = ["MeterInstruments"]


class MeterInstruments:
    """Gives what takes the values of an instrument, for one set of attributes."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._made: dict[str, Histogram | Counter] = {}
        self._making = threading.Lock()

    def of(self, instrument: Instrument, attributes: dict[str, Any]) -> Callable[[float], None]:
        """Return a function that takes a value of *instrument* with *attributes*, which nobody may change."""
        made = self._made.get(instrument.name)
        if made is None:
            with self._making:  # two buses may have their first run of a kind at once
                made = self._made.get(instrument.name)
                if made is None:
                    made = self._made[instrument.name] = self._make(instrument)
        take = made.record if hasattr(made, "record") else made.add
        return partial(take, attributes=attributes)

    def _make(self, instrument: Instrument) -> Histogram | Counter:
        if not instrument.buckets:
            return self._meter.create_counter(instrument.name, instrument.unit, instrument.description)
        return self._meter.create_histogram(
            instrument.name,
            instrument.unit,
            instrument.description,
            explicit_bucket_boundaries_advisory=list(instrument.buckets),
        )
