#!/usr/bin/env bash
# opentelemetry-exporter-otlp-proto-http 1.45.2: an answer of status 200 counts as delivered, whatever it holds. The page of a login
# wall before the collector is a success, and so is the collector's own `partial_success` that rejects every span sent: `export` says
# SUCCESS, `force_flush` is True, and a program that asks is told that nothing was lost.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2

cat >"$work/seen" <<'SEEN'
/login: force_flush True, export SUCCESS
/rejects: force_flush True, export SUCCESS
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

logging.disable(logging.CRITICAL)
rejected = ExportTraceServiceResponse()
rejected.partial_success.rejected_spans = 1
ANSWERS = {
    "/login": ("text/html", b"<!doctype html><title>Sign in</title>"),
    "/rejects": ("application/x-protobuf", rejected.SerializeToString()),
}


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        kind, body = ANSWERS[self.path]
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Noted(OTLPSpanExporter):
    def export(self, spans):
        self.result = super().export(spans)
        return self.result


server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
for path in ANSWERS:
    exporter = Noted(endpoint=f"http://127.0.0.1:{server.server_port}{path}")
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    provider.get_tracer("t").start_span("chat").end()
    print(f"{path}: force_flush {provider.force_flush()}, export {exporter.result.name}")
    provider.shutdown()
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
