"""HTTP and gRPC on loopback: what is taken, what is refused, and with which words."""

from __future__ import annotations

import gzip
import http.client
import json
import sys
import zlib

import grpc
import pytest
from sent_spans import MemoryLog

from tracebus import RunTree
from tracebus_exporters.receiver import serve

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SPAN = {
    "traceId": "ab" * 16,
    "spanId": "cd" * 8,
    "name": "chat",
    "startTimeUnixNano": "1",
    "endTimeUnixNano": "2",
    "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}],
}
BODY = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}).encode()
JSON = {"Content-Type": "application/json"}


def protobuf():
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = b"\xab" * 16, b"\xcd" * 8, "chat"
    span.start_time_unix_nano, span.end_time_unix_nano = 1, 2
    pair = span.attributes.add()
    pair.key, pair.value.string_value = "gen_ai.operation.name", "chat"
    return request.SerializeToString()


@pytest.fixture
def served():
    log = MemoryLog()
    with serve(log, http_port=0, grpc_port=0, hold=0.0) as listening:
        yield listening, log


def post(served, body, headers=JSON, path="/v1/traces", method="POST"):
    connection = http.client.HTTPConnection("127.0.0.1", served.http, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.getheaders())
    finally:
        connection.close()


def kinds(log):
    tree = RunTree()
    for event in log.events:
        tree.apply(event)
    return [root.kind.value for root in tree.roots]


def chunked(body):
    yield body[:10]
    yield body[10:]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (lambda: BODY, JSON),
        (protobuf, {"Content-Type": "application/x-protobuf"}),
        (lambda: gzip.compress(BODY), {**JSON, "Content-Encoding": "gzip"}),
        (lambda: zlib.compress(BODY), {**JSON, "Content-Encoding": "deflate"}),
        (lambda: chunked(BODY), JSON),
    ],
    ids=["json", "protobuf", "gzip", "deflate", "chunked"],
)
def test_http_takes_what_senders_send(served, body, headers):
    """Both encodings, packed or in chunks: one run, and the answer of the protocol."""
    listening, log = served
    status, text, answered = post(listening, body(), headers)
    assert status == 200
    assert answered["Content-Type"] == headers["Content-Type"]
    assert text == ("{}" if headers["Content-Type"] == "application/json" else "")
    assert kinds(log) == ["chat_model"]


def test_one_connection_carries_many_requests(served):
    """As exporters keep it open."""
    listening, log = served
    connection = http.client.HTTPConnection("127.0.0.1", listening.http, timeout=20)
    for _ in range(3):
        connection.request("POST", "/v1/traces", BODY, JSON)
        assert connection.getresponse().read() == b"{}"
    connection.close()
    assert kinds(log) == ["chat_model"]


def test_metrics_are_taken_and_let_go(served):
    """SDKs that send all signals get no error for the one that is of no run."""
    listening, log = served
    assert post(listening, b"x", {"Content-Type": "application/x-protobuf"}, "/v1/metrics")[0] == 200
    assert log.events == []


def records():
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.trace_id, record.span_id = b"\xab" * 16, b"\xcd" * 8
    record.event_name, record.time_unix_nano = "gen_ai.user.message", 1
    pair = record.body.kvlist_value.values.add()
    pair.key, pair.value.string_value = "content", "When?"
    return request.SerializeToString()


RECORD = {
    "traceId": "ab" * 16,
    "spanId": "CD" * 8,
    "timeUnixNano": "1",
    "attributes": [{"key": "event.name", "value": {"stringValue": "gen_ai.user.message"}}],
    "body": {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "When?"}}]}},
}


@pytest.mark.parametrize("way", ["json", "protobuf", "grpc"])
def test_what_was_said_comes_as_log_records(served, way):
    """By every protocol: the messages of the span the record names."""
    listening, log = served
    match way:
        case "json":
            body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [RECORD]}]}]}).encode()
            assert post(listening, body, path="/v1/logs")[:2] == (200, "{}")
        case "protobuf":
            kind = {"Content-Type": "application/x-protobuf"}
            assert post(listening, records(), kind, "/v1/logs")[0] == 200
        case _:
            with grpc.insecure_channel(f"127.0.0.1:{listening.grpc}") as channel:
                channel.unary_unary("/opentelemetry.proto.collector.logs.v1.LogsService/Export")(records())
    assert post(listening, BODY)[0] == 200
    assert log.events[0].inputs == {"messages": [{"type": "human", "content": "When?"}]}


@pytest.mark.parametrize(
    ("body", "headers", "path", "status", "said"),
    [
        (b"{", JSON, "/v1/traces", 400, "the body is no JSON"),
        (b'{"resourceSpans": 7}', JSON, "/v1/traces", 400, "no ExportTraceServiceRequest"),
        (b"\xff\xff", {"Content-Type": "application/x-protobuf"}, "/v1/traces", 400, "no ExportTraceServiceRequest"),
        (b'{"resourceLogs": 7}', JSON, "/v1/logs", 400, "no ExportLogsServiceRequest"),
        (b"\xff\xff", {"Content-Type": "application/x-protobuf"}, "/v1/logs", 400, "no ExportLogsServiceRequest"),
        (BODY, {"Content-Type": "text/plain"}, "/v1/traces", 415, "text/plain is not taken"),
        (BODY, {**JSON, "Content-Encoding": "br"}, "/v1/traces", 415, "send gzip or none"),
        (b"no gzip", {**JSON, "Content-Encoding": "gzip"}, "/v1/traces", 400, "cannot be unpacked"),
        (gzip.compress(BODY)[:-9], {**JSON, "Content-Encoding": "gzip"}, "/v1/traces", 400, "ended early"),
        (BODY, JSON, "/api/traces", 404, "traces are at /v1/traces"),
        (BODY, {**JSON, "Origin": "https://evil.example"}, "/v1/traces", 403, "may not send"),
        (BODY, {**JSON, "Host": "evil.example"}, "/v1/traces", 421, "no name of loopback"),
        (BODY, {**JSON, "Content-Length": "99999999999"}, "/v1/traces", 413, "more than the"),
    ],
)  # fmt: skip
def test_http_refuses_the_rest_with_a_reason(served, *, body, headers, path, status, said):
    """A status senders understand, a sentence people do, and nothing stored."""
    listening, log = served
    found, text, _ = post(listening, body, headers, path)
    assert (found, said in text) == (status, True)
    assert log.events == []


def test_a_bomb_does_not_go_off(served, monkeypatch):
    """What unpacks to more than is taken is refused before it is unpacked."""
    monkeypatch.setattr("tracebus_exporters.receiver._http.LARGEST", 1_000)
    listening, _ = served
    status, text, _ = post(listening, gzip.compress(b" " * 100_000), {**JSON, "Content-Encoding": "gzip"})
    assert status == 413
    assert "unpacked" in text


def test_a_page_of_this_machine_may_send(served):
    """A web application under development: its preflight and its spans."""
    listening, log = served
    headers = {**JSON, "Origin": "http://localhost:3000"}
    status, _, answered = post(listening, b"", headers, method="OPTIONS")
    assert status == 200
    assert answered["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert post(listening, BODY, headers)[0] == 200
    assert kinds(log) == ["chat_model"]


def test_a_full_disk_is_said_to_senders(served):
    """They are asked to come again; what they send then is stored, with what came before."""
    listening, log = served
    log.failures = 1
    status, text, answered = post(listening, BODY)
    assert (status, answered["Retry-After"]) == (503, "1")
    assert "no space left" in text
    assert post(listening, BODY)[0] == 200
    assert kinds(log) == ["chat_model"]


def call(port, body, path=EXPORT):
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        return channel.unary_unary(path)(body, timeout=20)


def test_grpc(served):
    """A batch is taken, nonsense is an invalid argument, a full disk is unavailable, other signals are let go."""
    listening, log = served
    assert call(listening.grpc, protobuf()) == b""
    assert kinds(log) == ["chat_model"]
    assert call(listening.grpc, b"", EXPORT.replace("trace", "logs").replace("Trace", "Logs")) == b""
    with pytest.raises(grpc.RpcError) as caught:
        call(listening.grpc, b"\xff\xff")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "no ExportTraceServiceRequest" in caught.value.details()
    log.failures = 1
    with pytest.raises(grpc.RpcError) as caught:
        call(listening.grpc, protobuf().replace(b"\xcd" * 8, b"\xce" * 8))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_taken_port_is_named(served):
    """The second receiver says which, and leaves nothing open."""
    listening, _ = served
    with (
        pytest.raises(OSError, match=r"in use|taken"),
        serve(MemoryLog(), http_port=listening.http, grpc_port=0),
    ):
        pass
    with (
        pytest.raises(OSError, match=f"{listening.grpc} is taken"),
        serve(MemoryLog(), http_port=0, grpc_port=listening.grpc),
    ):
        pass


def test_the_command(tmp_path):
    """It says where it listens, takes spans into the log, and ends with its standard input."""
    import re
    import subprocess

    url = f"sqlite:{tmp_path / 'events.db'}"
    command = [
        sys.executable,
        "-m",
        "tracebus",
        "receive",
        url,
        "--http-port",
        "0",
        "--grpc-port",
        "0",
        "--until-eof",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        ports = re.search(
            r"http://127\.0\.0\.1:(\d+) \(HTTP\), 127\.0\.0\.1:(\d+)", process.stdout.readline()
        )
        connection = http.client.HTTPConnection("127.0.0.1", int(ports[1]), timeout=20)
        connection.request("POST", "/v1/traces", BODY, JSON)
        assert connection.getresponse().status == 200
        connection.close()
        assert call(int(ports[2]), protobuf()) == b""
        _, said = process.communicate()
    assert process.returncode == 0
    assert "2 spans received, 2 events written" in said
    from tracebus.logs import RunQuery, open_log

    log = open_log(url)
    assert [run.kind.value for run in log.runs(RunQuery())] == ["chat_model"]
    log.close()


def test_beside_the_screen(tmp_path, served):
    """`--receive` has a process of its own, which ends with the screen; a taken port is said before it opens."""
    import click

    from tracebus.cli._receiving import receiving

    listening, _ = served
    url = f"sqlite:{tmp_path / 'events.db'}"
    with receiving(url, "--http-port", "0", "--grpc-port", "0"):
        pass
    taken = ("--http-port", str(listening.http), "--grpc-port", "0")
    with pytest.raises(click.ClickException, match="cannot receive"), receiving(url, *taken):
        pass
