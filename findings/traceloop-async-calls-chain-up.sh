#!/usr/bin/env bash
# opentelemetry-instrumentation-langchain 0.62.4 (Traceloop): three calls one after the other in one task, each a root. By `invoke` they
# are three traces. By `ainvoke` each is a child of the one before, which has ended: one trace that grows as long as the task lives.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  opentelemetry-instrumentation-langchain==0.62.4 opentelemetry-sdk==1.45.2 langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
invoke: 3 spans, 3 roots, 3 traces
ainvoke: 3 spans, 1 roots, 1 traces
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
import asyncio

from langchain_core.runnables import RunnableLambda
from opentelemetry.instrumentation.langchain import LangchainInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
LangchainInstrumentor().instrument(tracer_provider=provider)
chain = RunnableLambda(lambda x: x, name="ask")


async def three_times():
    for number in range(3):
        await chain.ainvoke(number)


def told(way):
    spans = exporter.get_finished_spans()
    traces = len({span.context.trace_id for span in spans})
    print(f"{way}: {len(spans)} spans, {sum(span.parent is None for span in spans)} roots, {traces} traces")
    exporter.clear()


for number in range(3):
    chain.invoke(number)
told("invoke")
asyncio.run(three_times())
told("ainvoke")
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
