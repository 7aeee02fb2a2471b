#!/usr/bin/env bash
# langsmith 0.15.1 with langchain-core 1.8.3: below a function decorated with `@traceable`, LangChain names that function's run as the
# parent, which it told LangSmith's own tracer of and no other handler. To every other tracer the runs below hang from a parent that
# does not exist, and fall out of the tree. (The endpoint here is a closed port: nothing is sent.)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  langsmith==0.15.1 langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
outer: below a root
inner: below outer
outer: below a root
inner: below a run nobody told of
SEEN

LANGSMITH_TRACING=true LANGSMITH_API_KEY=none LANGSMITH_ENDPOINT=http://127.0.0.1:9 \
  "$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
import logging
import os

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda
from langsmith import traceable

logging.disable(logging.CRITICAL)


class Parents(BaseCallbackHandler):
    def __init__(self):
        self.told = {None: "a root"}

    def on_chain_start(self, serialized, inputs, *, run_id, parent_run_id=None, name=None, **_):
        print(f"{name}: below {self.told.get(parent_run_id, 'a run nobody told of')}")
        self.told[run_id] = name


inner = RunnableLambda(lambda x: x, name="inner")


@traceable
def traced(x):
    return inner.invoke(x)


def plain(x):
    return inner.invoke(x)


for between in (plain, traced):
    RunnableLambda(lambda x, between=between: between(x), name="outer").invoke(1, {"callbacks": [Parents()]})
os.sys.stdout.flush()
os._exit(0)  # without waiting for what cannot be sent
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
