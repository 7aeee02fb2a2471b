"""What a Redis URL says: the server, the names of the keys, the limits."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from tracebus.exceptions import InvalidLogError
from tracebus.exporting import without_secrets
from tracebus.logs import Options, parse_duration, parse_log_url, parse_size

__all__ = ["Keys", "Settings", "connect", "settings_from"]

_TIMEOUT = 5.0
"""Seconds without an answer after which a connection counts as broken."""


_THEIRS = frozenset(
    {
        *("db", "username", "password", "client_name", "lib_name", "lib_version", "protocol"),
        *("socket_timeout", "socket_connect_timeout", "socket_keepalive", "socket_read_size"),
        *("retry_on_timeout", "retry_on_error", "max_connections", "health_check_interval"),
        *("legacy_responses", "timeout"),
    }
)
"""Options of redis-py's own, which go on to it as they are; so do those that begin with `ssl_`."""
_NEVER = frozenset({"decode_responses", "encoding", "encoding_errors", "parser_class"})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How one log in one server is used."""

    server: str
    """The URL redis-py connects by."""
    name: str = "default"
    keep: float = 3600.0
    """Seconds a run's events stay after the last one arrived."""
    run_entries: int = 20_000
    """Entries (of up to 128 events) kept of one run, about."""
    runs: int = 100_000
    """Entries kept of the index, about; a run makes one for each batch with starts or ends in it."""
    backlog: int = 64_000_000
    """Bytes held in this process while the server is away."""
    cluster: bool = False

    @property
    def url(self) -> str:
        """The URL without the password."""
        parts = urlsplit(self.server)
        host = parts.netloc.rpartition("@")[2]
        user = f"{parts.username}@" if parts.username else ""
        options = {"name": self.name} if self.name != "default" else {}
        if parts.scheme == "unix" and (db := parse_qs(parts.query).get("db")):
            options["db"] = db[-1]
        return _joined(parts.scheme, user + host, parts.path, urlencode(options))


class Keys:
    """The names of a log's keys. One hash tag, so that a cluster keeps them on one node."""

    def __init__(self, name: str) -> None:
        prefix = f"tracebus:{{{name}}}"
        self.seq = f"{prefix}:seq"
        self.index = f"{prefix}:index"
        self._run = f"{prefix}:run:"
        self._about = f"{prefix}:about:"
        self._parts = f"{prefix}:parts:"
        self._stamps = f"{prefix}:stamps:"
        self._producer = f"{prefix}:producer:"
        self._alive = f"{prefix}:alive:"

    def run(self, root_run_id: str) -> str:
        """Return the key of the stream of a root run's events."""
        return self._run + root_run_id

    def about(self, root_run_id: str) -> str:
        """Return the key of what is counted about a root run."""
        return self._about + root_run_id

    def parts(self, root_run_id: str) -> str:
        """Return the key of the texts and messages a root run's events refer to."""
        return self._parts + root_run_id

    def stamps(self, root_run_id: str) -> str:
        """Return the key of the positions at which these were stored last."""
        return self._stamps + root_run_id

    def producer(self, producer: str) -> str:
        """Return the key of the last batch a process has stored."""
        return self._producer + producer

    def alive(self, producer: str) -> str:
        """Return the key that is there while a process gives signs of life."""
        return self._alive + producer


def settings_from(url: str) -> Settings:
    """Return what *url* says.

    Raises:
        InvalidLogError: an option is unknown or makes no sense, or there is no host.
    """
    given, shown = parse_log_url(url).options, without_secrets(url)
    theirs = {name: value for name, value in given.items() if name.startswith("ssl_") or name in _THEIRS}
    for name in _NEVER & given.keys():
        raise InvalidLogError(f"{shown}: {name} cannot be chosen: a log is read and written as bytes")
    options = Options(shown, {name: value for name, value in given.items() if name not in theirs})
    parts = urlsplit(url)
    if parts.scheme == "unix":
        if parts.hostname or not parts.path.strip("/"):
            raise InvalidLogError(f"{shown!r} names no socket; write unix:///run/redis/redis.sock?db=0")
    elif not parts.hostname:
        raise InvalidLogError(
            f"{shown!r} names no host; write redis://localhost:6379/0, or unix:///PATH for a socket's file"
        )
    usual = Settings(server=_joined(parts.scheme, parts.netloc, parts.path, urlencode(theirs)))
    settings = Settings(
        server=usual.server,
        name=options.take("name", _name, usual.name),
        keep=options.take("keep", parse_duration, usual.keep),
        run_entries=options.take("run_entries", _positive, usual.run_entries),
        runs=options.take("runs", _positive, usual.runs),
        backlog=options.take("backlog", parse_size, usual.backlog),
        cluster=options.take("cluster", lambda text: text not in {"0", "no"}, usual.cluster),
    )
    options.nothing_left()
    return settings


def connect(settings: Settings) -> Any:
    """Return a client; it connects with its first command.

    No retries of redis-py's own: whether a batch may be sent again is ours to know.
    """
    options: dict[str, Any] = {
        "socket_timeout": _TIMEOUT,
        "socket_connect_timeout": _TIMEOUT,
        "protocol": 2,
    }
    try:
        if settings.cluster:
            return RedisCluster.from_url(settings.server, **options)
        return redis.Redis.from_url(settings.server, retry=Retry(NoBackoff(), 0), **options)
    except (ValueError, TypeError) as error:
        raise InvalidLogError(f"{settings.url}: {error}") from error


def _joined(scheme: str, host: str, path: str, query: str) -> str:
    """Put a URL together; `urlunsplit` leaves out the slashes that redis-py asks for."""
    return f"{scheme}://{host}{path}" + (f"?{query}" if query else "")


def _name(text: str) -> str:
    if not text or set(text) & set("{}:* "):
        raise ValueError("expected a name without braces, colons, stars or spaces")
    return text


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("expected a whole number from 1 on")
    return int(text)
