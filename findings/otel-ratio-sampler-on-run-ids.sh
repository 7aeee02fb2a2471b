#!/usr/bin/env bash
# opentelemetry-sdk 1.45.2 with langchain-core 1.8.3: a run id is 128 random-looking bits and fits where a trace id goes. But the ratio
# sampler compares the low 64 bits, where a UUID keeps its variant (binary 10): at a ratio of a half or less nothing is sampled, from
# three quarters on everything is, whatever the ratio says.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  opentelemetry-sdk==1.45.2 langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
ratio 0.25: 0 of 300 sampled
ratio 0.5: 0 of 300 sampled
ratio 0.75: 300 of 300 sampled
ratio 0.9: 300 of 300 sampled
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased


class Ids(BaseCallbackHandler):
    def __init__(self):
        self.ids = []

    def on_chain_start(self, serialized, inputs, *, run_id, **_):
        self.ids.append(run_id)


heard = Ids()
for number in range(300):
    RunnableLambda(lambda x: x).invoke(number, {"callbacks": [heard]})
for ratio in (0.25, 0.5, 0.75, 0.9):
    decisions = [TraceIdRatioBased(ratio).should_sample(None, one.int, "run").decision for one in heard.ids]
    print(f"ratio {ratio}: {decisions.count(Decision.RECORD_AND_SAMPLE)} of {len(decisions)} sampled")
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
