#!/usr/bin/env bash
# langgraph 1.2.24: a node answered from the cache (`CachePolicy`) starts in the `tasks` and `debug` streams and never finishes there,
# and callback handlers are not told of it at all. Whoever shows tasks as running until their result comes shows this one for ever.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  langgraph==1.2.24 langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
first: tasks ['start', 'result'], debug ['task', 'task_result'], callbacks ['LangGraph', 'dear']
second: tasks ['start'], debug ['task'], callbacks ['LangGraph']
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
from typing import TypedDict

from langchain_core.callbacks import BaseCallbackHandler
from langgraph.cache.memory import InMemoryCache
from langgraph.graph import START, StateGraph
from langgraph.types import CachePolicy


class State(TypedDict):
    number: int


class Names(BaseCallbackHandler):
    def __init__(self):
        self.names = []

    def on_chain_start(self, serialized, inputs, *, name=None, **_):
        self.names.append(name)


graph = StateGraph(State).add_node("dear", lambda state: {"number": 1}, cache_policy=CachePolicy())
app = graph.add_edge(START, "dear").compile(cache=InMemoryCache())
for time in ("first", "second"):
    heard = Names()
    parts = list(app.stream({"number": 0}, {"callbacks": [heard]}, stream_mode=["tasks", "debug"]))
    tasks = ["result" if "result" in part else "start" for mode, part in parts if mode == "tasks"]
    debug = [part["type"] for mode, part in parts if mode == "debug"]
    print(f"{time}: tasks {tasks}, debug {debug}, callbacks {heard.names}")
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
