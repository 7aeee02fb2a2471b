"""Redis URLs: passwords, TLS, sockets, clusters, redis-py's own options, and what is wrong with the others."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from processes import until

from tracebus import open_log
from tracebus.exceptions import InvalidLogError
from tracebus.exporting import resolve
from tracebus.logs import RunQuery
from tracebus.testing.logs import sample_run

redis = pytest.importorskip("redis", reason="needs redis-py (pip install 'tracebus[redis]')")

from tracebus_exporters.redis import _writer, from_url  # noqa: E402 -- after the skip above


def test_a_password_is_used_and_not_shown(start_redis):
    """AUTH through the URL; the URL that is shown has no password; a wrong one is explained."""
    server = start_redis("--requirepass", "s3cret")
    log = from_url(f"redis://:s3cret@127.0.0.1:{server.port}/0")
    assert log.append(sample_run("a")) == 7
    assert "s3cret" not in log.url + repr(log)
    log.close()
    wrong = from_url(f"redis://:wrong@127.0.0.1:{server.port}/0")
    for use in (lambda: wrong.append(sample_run("a")), lambda: wrong.export(sample_run("a")), wrong.read):
        with pytest.raises(InvalidLogError, match="USER:PASSWORD"):
            use()
    assert wrong.waiting == 0
    wrong.close()


def test_a_socket_s_file_in_redis_pys_own_spelling(start_redis):
    """As an exit and as a log, with a password and a database of its own; what is shown opens it again."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path may not be long
        socket_file = Path(folder, "s")
        start_redis("--unixsocket", str(socket_file), "--requirepass", "s3cret")
        (exporter,) = resolve(f"unix://:s3cret@{socket_file}?db=3&name=mine")
        exporter.export(sample_run("a"))
        exporter.flush(10)
        assert exporter.url == f"unix://{socket_file}?name=mine&db=3"
        assert "s3cret" not in repr(exporter)
        exporter.close()
        log = open_log(f"{exporter.url}&password=s3cret")
        assert len(log.read()) == 7
        log.close()


def test_tls_through_the_url(start_redis, tmp_path):
    """`rediss://` with a certificate authority of one's own."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command, to make a certificate")
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
            ),
            *(
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
                str(tmp_path / "key"),
                "-out",
                str(tmp_path / "crt"),
            ),
        ],
        check=True,
        capture_output=True,
    )
    plain = start_redis(
        *("--tls-cert-file", str(tmp_path / "crt"), "--tls-key-file", str(tmp_path / "key")),
        *("--tls-auth-clients", "no", "--tls-port", "0"),
    )
    client = redis.Redis(port=plain.port)
    port = plain.port + 1 if plain.port < 65_000 else plain.port - 1
    client.config_set("tls-port", port)
    client.close()
    for options in ("", "&protocol=3", "&ssl_min_version=771", "&ssl_cert_reqs=required"):
        log = from_url(
            f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={tmp_path}/crt{options}&name=tls{options[-2:]}"
        )
        assert log.append(sample_run("a")) == 7
        assert len(log.read()) == 7
        log.close()


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_cluster_keeps_a_log_on_one_node(start_redis, protocol):
    """In cluster mode every key of a log is in one slot: writing and reading work as on one server."""
    server = start_redis("--cluster-enabled", "yes")
    client = redis.Redis(port=server.port)
    client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    until(lambda: "cluster_state:ok" in str(client.execute_command("CLUSTER", "INFO")), "no cluster")
    client.close()
    log = from_url(server.url(f"&cluster=1&protocol={protocol}"))
    assert log.append([event for name in "abcdef" for event in sample_run(name)]) == 42
    assert [event.seq for event in log.read()] == list(range(1, 43))
    assert len(log.runs(RunQuery())) == 6
    log.close()


@pytest.mark.parametrize(
    "option",
    [
        *("protocol=2", "protocol=3", "db=1", "client_name=me", "lib_name=mine", "lib_version=1"),
        *("socket_timeout=3", "socket_connect_timeout=3", "socket_keepalive=1", "socket_read_size=4096"),
        *("retry_on_timeout=1", "retry_on_error=ConnectionError", "max_connections=5"),
        *("health_check_interval=5", "legacy_responses=1", "legacy_responses=0", "username=default"),
    ],
)
@pytest.mark.filterwarnings(
    "ignore:Call to:DeprecationWarning"
)  # `lib_name` and `lib_version` are on their way out
async def test_redis_pys_own_options_are_taken(redis_server, option):
    """Every connection option a URL of redis-py may have: written, read and followed with it."""
    if option.startswith("retry_on_error"):
        option = f"retry_on_timeout=1&{option}"
    log = from_url(redis_server.url(f"&{option}"))
    log.export(sample_run("a"))
    log.flush(5)
    assert [event.seq for event in log.read()] == list(range(1, 8))
    assert len(log.read_run("a")) == 7
    assert len(log.runs(RunQuery())) == 1
    followed = log.follow(0)
    assert [(await anext(followed)).seq for _ in range(7)] == list(range(1, 8))
    await followed.aclose()
    log.close()


def test_the_user_and_the_password_may_be_options(start_redis):
    """As redis-py has them; and no message shows them."""
    server = start_redis("--requirepass", "s3cret-word")
    log = from_url(f"redis://127.0.0.1:{server.port}/0?username=default&password=s3cret-word")
    assert log.append(sample_run("a")) == 7
    assert "s3cret" not in repr(log) + log.url
    log.close()
    with pytest.raises(InvalidLogError, match="unknown option") as raised:
        from_url(f"redis://127.0.0.1:{server.port}/0?password=s3cret-word&nane=x")
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("option", ["decode_responses=1", "encoding=latin-1"])
def test_options_that_would_make_text_of_bytes_are_refused(option):
    """The log is bytes."""
    with pytest.raises(InvalidLogError, match="cannot be chosen"):
        from_url(f"redis://h/0?{option}")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis:///0", "names no host"),
        ("unix:///", "names no socket"),
        ("unix://localhost/run/redis.sock", "names no socket"),
        ("redis://h/0?nane=x", "nane; known here: name, keep"),
        ("redis://h/0?name=a:b", "without braces, colons"),
        ("redis://h/0?runs=0", "from 1 on"),
        ("redis://h/0?keep=long", "expected a duration"),
    ],
)
def test_a_wrong_url_says_what_is_wrong(url, message):
    """Options and places that make no sense are refused with what would."""
    with pytest.raises(InvalidLogError, match=message):
        from_url(url)


def test_nobody_there_is_an_error_that_names_the_server(short_timeouts, monkeypatch):
    """A server that was never there: appending and reading raise, naming it."""
    monkeypatch.setattr(_writer, "_PATIENCE", 0.1)
    log = from_url("redis://127.0.0.1:1/0")
    with pytest.raises(ConnectionError, match=r"redis://127\.0\.0\.1:1/0 cannot be reached"):
        log.append(sample_run("a"))
    with pytest.raises(ConnectionError, match="cannot be reached"):
        log.read()
    log.close()
