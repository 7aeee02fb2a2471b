"""The log between machines: Redis Streams (Valkey speaks the same).

`redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, with TLS `rediss://…`, by a socket's file
`unix://[USER:PASSWORD@]/PATH[?db=DB]`. Options beside those of redis-py's
own `ssl_…`: `name` (several logs in one server), `keep` (how long a run stays after its last event,
1h), `run_entries` and `runs` (most entries of one run's stream and of the index), `backlog` (what is
held here while the server is away, 64MB), `cluster=1`.
"""

from __future__ import annotations

from tracebus_exporters.redis._log import RedisLog, from_url

__all__ = ["RedisLog", "from_url"]
