"""How many spans go out at once, and how often: as the environment says."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How spans are gathered and how long one batch is tried."""

    delay: float = 1.0
    """Seconds between batches, unless one is full (`OTEL_BSP_SCHEDULE_DELAY`)."""
    queue: int = 2_048
    batch: int = 512
    batch_bytes: int = 3_000_000
    """Collectors take messages of at most 4 MiB over gRPC."""
    queue_bytes: int = 64_000_000
    patience: float = 60.0
    """Seconds one batch is tried."""
    first_pause: float = 1.0
    longest_pause: float = 16.0

    @classmethod
    def from_environment(cls, prefix: str = "OTEL_BSP") -> Pace:
        """Read the `OTEL_BSP_*` variables (or `OTEL_BLRP_*`); what is no positive number is ignored."""
        default = cls()
        delay = _positive(f"{prefix}_SCHEDULE_DELAY")
        queue = int(_positive(f"{prefix}_MAX_QUEUE_SIZE") or default.queue)
        batch = int(_positive(f"{prefix}_MAX_EXPORT_BATCH_SIZE") or default.batch)
        return cls(delay=delay / 1e3 if delay else default.delay, queue=queue, batch=min(batch, queue))


def _positive(variable: str) -> float | None:
    try:
        found = float(os.environ.get(variable, ""))
    except ValueError:
        return None
    return found if found > 0 else None
