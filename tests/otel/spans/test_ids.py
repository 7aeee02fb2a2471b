"""Ids made from run ids."""

from __future__ import annotations

import uuid

import pytest
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from tracebus_exporters.otel.spans._ids import span_id_of, trace_id_of


def _uuid7(number):
    return str(uuid.UUID(int=(0x01A1FD01AF6E << 80) | (7 << 76) | (2 << 62) | number))


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_ids_sample_at_the_ratio_asked_for(ratio):
    """A ratio sampler takes that share of our traces, though run ids are UUIDs with fixed bits."""
    sampler = TraceIdRatioBased(ratio)
    taken = sum(
        sampler.should_sample(None, int.from_bytes(trace_id_of(_uuid7(n)), "big"), "x").decision.is_sampled()
        for n in range(4_000)
    )
    assert abs(taken / 4_000 - ratio) < 0.04


def test_span_ids_of_runs_of_one_moment_differ():
    """UUIDv7s of the same millisecond make different span ids."""
    assert len({span_id_of(_uuid7(n)) for n in range(20_000)}) == 20_000


def test_ids_are_the_same_every_time_and_not_each_others():
    """A run exported twice is the same span; its span id is no part of its trace id."""
    assert trace_id_of("r") == trace_id_of("r")
    assert span_id_of("r") not in trace_id_of("r")
