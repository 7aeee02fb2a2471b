#!/usr/bin/env bash
# langchain-core 1.8.3: `with_fallbacks(exceptions_to_handle=(ValueError,))` where a step raises something else. By `invoke` the run
# is told to have failed. By `batch` the same exception reaches the caller, and no handler is ever told that the batch's runs are over.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
invoke: KeyError reached the caller; still open: []
batch: KeyError reached the caller; still open: ['RunnableWithFallbacks', 'RunnableWithFallbacks']
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda


class Open(BaseCallbackHandler):
    def __init__(self):
        self.names = {}

    def on_chain_start(self, serialized, inputs, *, run_id, name=None, **_):
        self.names[run_id] = name

    def on_chain_end(self, outputs, *, run_id, **_):
        del self.names[run_id]

    def on_chain_error(self, error, *, run_id, **_):
        del self.names[run_id]


def fails(_):
    raise KeyError("missing")


guarded = RunnableLambda(fails).with_fallbacks([RunnableLambda(len)], exceptions_to_handle=(ValueError,))
for way, call in (
    ("invoke", lambda config: guarded.invoke("a", config)),
    ("batch", lambda config: guarded.batch(["a", "b"], config)),
):
    runs = Open()
    try:
        call({"callbacks": [runs]})
    except KeyError:
        print(f"{way}: KeyError reached the caller; still open: {list(runs.names.values())}")
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
