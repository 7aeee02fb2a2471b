"""Spans to Jaeger, or to any OTLP endpoint: OTLP=otlp://localhost:4317 python jaeger.py

Needs: opentelemetry.exporter.otlp (extra otel), and Jaeger, for example by scripts/jaeger
"""

import os

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel

url = os.environ.get("OTLP", "otlp://localhost:4317")
model = ScriptedChatModel(script=["At noon."], pacing=Pacing(0.05, 0.01))
chain = ChatPromptTemplate.from_template("{question}") | model | StrOutputParser()
observed = observe(chain, to=url, name="timetable")
print(observed.invoke({"question": "When does line 7 leave?"}))
print("delivered:", observed.bus.close(timeout=10))
