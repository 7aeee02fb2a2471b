"""An agent that breaks at its second tool call, traced by somebody else's instrumentation.

python send.py INSTRUMENTATION ENDPOINT
"""

from __future__ import annotations

import contextlib
import os
import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

which, endpoint = sys.argv[1:]
os.environ["TRACELOOP_TRACE_CONTENT"] = "true"
os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "span_only"
os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
provider = TracerProvider(resource=Resource.create({"service.name": which}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
trace.set_tracer_provider(provider)


def langchain_agent():
    from langchain.agents import create_agent
    from langchain_core.tools import tool

    from tracebus.testing import ScriptedChatModel, ScriptedToolCall, Turn

    @tool
    def departures(hour: int) -> str:
        """Return departures."""
        return {0: "0:12"}[hour]

    calls = [Turn(tool_calls=[ScriptedToolCall("departures", {"hour": hour})]) for hour in (0, 9)]
    agent = create_agent(
        ScriptedChatModel(script=calls), [departures], system_prompt="Be brief.", name="desk"
    )
    with contextlib.suppress(KeyError):
        agent.invoke({"messages": [("user", "When?")]})


def pydantic_agent():
    from pydantic_ai import Agent
    from pydantic_ai.models.instrumented import InstrumentationSettings
    from pydantic_ai.models.test import TestModel

    Agent.instrument_all(InstrumentationSettings(tracer_provider=provider))
    agent = Agent(TestModel(), name="desk", system_prompt="Be brief.")

    @agent.tool_plain
    def departures(hour: int) -> str:
        return "0:12"

    agent.run_sync("When?")


match which:
    case "openinference":
        from openinference.instrumentation.langchain import LangChainInstrumentor

        LangChainInstrumentor().instrument(tracer_provider=provider)
        langchain_agent()
    case "traceloop":
        from opentelemetry.instrumentation.langchain import LangchainInstrumentor

        LangchainInstrumentor().instrument(tracer_provider=provider)
        langchain_agent()
    case "genai-langchain":
        from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor

        LangChainInstrumentor().instrument(tracer_provider=provider)
        langchain_agent()
    case "pydantic_ai":
        pydantic_agent()
provider.shutdown()
