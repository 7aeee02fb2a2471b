#!/usr/bin/env bash
# langgraph 1.2.24: a synchronous node that is too slow for `step_timeout`. The graph raises TimeoutError, but handlers hear that the
# node ended well, and hear it before the graph's error: nothing told of the node names the time-out.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  langgraph==1.2.24 langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
raised: TimeoutError('Timed out')
told:   [('slow', 'ended'), ('LangGraph', 'TimeoutError')]
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
import threading
from typing import TypedDict

from langchain_core.callbacks import BaseCallbackHandler
from langgraph.graph import START, StateGraph


class State(TypedDict):
    number: int


class Ends(BaseCallbackHandler):
    def __init__(self):
        self.names, self.ends = {}, []

    def on_chain_start(self, serialized, inputs, *, run_id, name=None, **_):
        self.names[run_id] = name

    def on_chain_end(self, outputs, *, run_id, **_):
        self.ends.append((self.names[run_id], "ended"))

    def on_chain_error(self, error, *, run_id, **_):
        self.ends.append((self.names[run_id], type(error).__name__))


def slow(state):
    threading.Event().wait(3)
    return {"number": 1}


app = StateGraph(State).add_node("slow", slow).add_edge(START, "slow").compile()
app.step_timeout = 0.3
heard = Ends()
try:
    app.invoke({"number": 0}, {"callbacks": [heard]})
except TimeoutError as error:
    print("raised:", repr(error))
print("told:  ", heard.ends)
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
