"""A log that is a plain file of JSON Lines: one event a line, for `jq`, `grep` and keeping.

`jsonl:PATH`, with the options `max_size` and `max_age`, by default without limits. Several processes
may append; the file may be rotated or truncated underneath. It has no index: questions about runs
read the whole file. A process killed while writing leaves at most half a line, which is not read.
"""

from __future__ import annotations

from tracebus_exporters.jsonl._log import JsonlLog, from_url

__all__ = ["JsonlLog", "from_url"]
