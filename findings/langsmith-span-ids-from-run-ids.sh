#!/usr/bin/env bash
# langsmith 0.15.1 with langchain-core 1.8.3: for OpenTelemetry a run's id becomes a span id by its first eight bytes. Run ids are UUIDs
# of version 7, whose first bytes are the time: many runs that begin close together share a span id.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  langsmith==0.15.1 langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
version 7, 2000 run ids
fewer span ids than runs: True
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda
from langsmith._internal._otel_utils import get_otel_span_id_from_uuid


class Ids(BaseCallbackHandler):
    def __init__(self):
        self.ids = set()

    def on_chain_start(self, serialized, inputs, *, run_id, **_):
        self.ids.add(run_id)


heard = Ids()
RunnableLambda(lambda x: x).batch(list(range(2_000)), {"callbacks": [heard]})
spans = {get_otel_span_id_from_uuid(one) for one in heard.ids}
print(f"version {heard.ids.pop().version}, 2000 run ids")
print("fewer span ids than runs:", len(spans) < 2_000)
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
