"""In production: one JSON line per run, in your own structlog set-up, without prompts or answers.

TRACEBUS_TO=structlog does the same with no line of code.
"""

import sys

import structlog
from langchain_core.output_parsers import StrOutputParser

from tracebus import Capture, install
from tracebus.testing import ScriptedChatModel
from tracebus_exporters.structlog import StructlogExporter

logger = structlog.wrap_logger(
    structlog.PrintLogger(sys.stdout),
    processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer(sort_keys=True)],
).bind(service="help-desk")

bus = install(to=[StructlogExporter(logger)], capture=Capture(content=False))

chain = ScriptedChatModel(script=["At noon.", ConnectionError("overloaded")]) | StrOutputParser()
for question in ("When does line 7 leave?", "And line 8?"):
    try:
        chain.invoke(question)
    except ConnectionError:
        print("the user sees an apology", file=sys.stderr)
bus.close()
