#!/usr/bin/env bash
# langchain-core 1.8.3: a handler given both by `with_config(callbacks=…)` and in the call's config is the same object, and LangChain
# keeps handlers from being added twice when managers are merged. Yet the outermost run is told to it twice, with one run id; the steps
# inside are told once. A tracer that opens a run per start has one too many.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
bound:          [('RunnableSequence', 1), ('first', 1), ('second', 1)]
bound and given: [('RunnableSequence', 2), ('first', 1), ('second', 1)]
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
from collections import Counter

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda


class Starts(BaseCallbackHandler):
    def __init__(self):
        self.told = Counter()

    def on_chain_start(self, serialized, inputs, *, run_id, name=None, **_):
        self.told[run_id, name] += 1


def told(chain, handler, config):
    chain.invoke(1, config)
    return [(name, times) for (_, name), times in handler.told.items()]


steps = RunnableLambda(lambda x: x, name="first") | RunnableLambda(lambda x: x, name="second")
bound, both = Starts(), Starts()
print("bound:         ", told(steps.with_config(callbacks=[bound]), bound, {}))
print("bound and given:", told(steps.with_config(callbacks=[both]), both, {"callbacks": [both]}))
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
