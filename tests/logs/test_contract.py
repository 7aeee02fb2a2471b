"""Every log of ours keeps the contract that is published for logs of others."""

from __future__ import annotations

import pytest

from tracebus.logs import Log
from tracebus.testing.logs import LOG_CHECKS
from tracebus_exporters.jsonl import JsonlLog
from tracebus_exporters.sqlite import SqliteLog


@pytest.mark.parametrize("check", LOG_CHECKS, ids=lambda check: check.__name__)
def test_sqlite_keeps_the_contract(check, tmp_path):
    """The embedded log passes the published checks."""
    check(lambda: SqliteLog(tmp_path / "log.db"))


def test_sqlite_is_a_log(tmp_path):
    """The embedded log has every method of the protocol."""
    assert isinstance(SqliteLog(tmp_path / "log.db"), Log)


@pytest.mark.parametrize("check", LOG_CHECKS, ids=lambda check: check.__name__)
def test_jsonl_keeps_the_contract(check, tmp_path):
    """The JSON Lines log passes the published checks."""
    check(lambda: JsonlLog(tmp_path / "log.jsonl"))


def test_jsonl_is_a_log(tmp_path):
    """The JSON Lines log has every method of the protocol."""
    assert isinstance(JsonlLog(tmp_path / "log.jsonl"), Log)


@pytest.mark.parametrize("options", ["", "&protocol=3"], ids=["RESP2", "RESP3"])
@pytest.mark.parametrize("check", LOG_CHECKS, ids=lambda check: check.__name__)
def test_redis_keeps_the_contract(check, options, redis_server):
    """The Redis log passes the published checks against a real server, by either protocol."""
    from tracebus_exporters.redis import from_url

    url = redis_server.url(options)
    check(lambda: from_url(url))


def test_redis_is_a_log(redis_server):
    """The Redis log has every method of the protocol."""
    from tracebus_exporters.redis import from_url

    assert isinstance(from_url(redis_server.url()), Log)
