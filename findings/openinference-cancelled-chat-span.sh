#!/usr/bin/env bash
# openinference-instrumentation-langchain 0.1.80: a chain whose model call is cancelled (`task.cancel()`, a `wait_for` that timed out,
# a web client that left). LangChain tells no end of the model's run, and the instrumentation does not end its span when the chain's
# own run fails: the exporter gets the chain without the model, the very call that was too slow.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  openinference-instrumentation-langchain==0.1.80 opentelemetry-sdk==1.45.2 langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
[('RunnableLambda', 'OK'), ('RunnableSequence', 'ERROR')]
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
import asyncio

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableLambda
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
LangChainInstrumentor().instrument(tracer_provider=provider)


class SlowModel(BaseChatModel):
    begun: asyncio.Event
    model_config = {"arbitrary_types_allowed": True}
    _llm_type = "slow"

    def _generate(self, *_, **__):
        raise NotImplementedError

    async def _agenerate(self, *_, **__):
        self.begun.set()
        await asyncio.Event().wait()


async def main():
    model = SlowModel(begun=asyncio.Event())
    task = asyncio.create_task((RunnableLambda(lambda x: x) | model).ainvoke("Hello"))
    await model.begun.wait()
    task.cancel()
    await asyncio.wait([task])


asyncio.run(main())
provider.force_flush()
print([(span.name, span.status.status_code.name) for span in exporter.get_finished_spans()])
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
