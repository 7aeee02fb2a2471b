#!/usr/bin/env bash
# openinference-instrumentation-langchain 0.1.80 in a provider of opentelemetry-sdk 1.45.2: each message of a prompt is two attributes,
# a span has room for 128, and the SDK makes room by dropping the oldest. From some sixty messages on, what goes first is `input.value`,
# what most views show as the input, then the first messages; only the span's dropped count tells.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  openinference-instrumentation-langchain==0.1.80 opentelemetry-sdk==1.45.2 langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
30 messages: 30 kept, input.value True, 0 attributes dropped
60 messages: 60 kept, input.value False, 2 attributes dropped
100 messages: 61 kept, input.value False, 82 attributes dropped
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
import logging

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

logging.disable(logging.CRITICAL)
exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
LangChainInstrumentor().instrument(tracer_provider=provider)
for messages in (30, 60, 100):
    exporter.clear()
    model = GenericFakeChatModel(messages=iter([AIMessage("Yes.")]))
    model.invoke([HumanMessage(f"Question {number}") for number in range(messages)])
    (span,) = exporter.get_finished_spans()
    kept = sum(f"llm.input_messages.{number}.message.content" in span.attributes for number in range(messages))
    there = "input.value" in span.attributes
    print(f"{messages} messages: {kept} kept, input.value {there}, {span.dropped_attributes} attributes dropped")
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
