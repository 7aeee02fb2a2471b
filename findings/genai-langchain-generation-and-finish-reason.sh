#!/usr/bin/env bash
# opentelemetry-instrumentation-genai-langchain 1.3b0 (the official one): a span says schema 1.37.0 and carries
# `gen_ai.usage.cache_write.input_tokens`, a name of a later generation (1.37 to 1.41 know `cache_creation`); and a model that answered
# well without a finish reason, as local and scripted ones do, is told as `gen_ai.response.finish_reasons` `error`, on a span without
# an error.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  opentelemetry-instrumentation-genai-langchain==1.3b0 opentelemetry-util-genai==1.3b0 \
  opentelemetry-sdk==1.45.2 langchain==1.5.2 langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
chat local-model UNSET https://opentelemetry.io/schemas/1.37.0
gen_ai.response.finish_reasons ('error',)
gen_ai.usage.cache_write.input_tokens 4
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
LangChainInstrumentor().instrument(tracer_provider=provider)
usage = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12, "input_token_details": {"cache_creation": 4}}
model = GenericFakeChatModel(messages=iter([AIMessage("Yes.", usage_metadata=usage)]))
model.invoke("Hello?", model="local-model")
(span,) = exporter.get_finished_spans()
print(span.name, span.status.status_code.name, span.instrumentation_scope.schema_url)
for name in sorted(span.attributes):
    if "cache" in name or "finish" in name or "error" in name:
        print(name, span.attributes[name])
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
