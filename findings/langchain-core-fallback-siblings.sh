#!/usr/bin/env bash
# langchain-core 1.8.3: the attempts of `with_fallbacks` inside a sequence. By `stream` and `batch` they are told as runs below the
# fallback run, each with its own name. By `invoke` and `ainvoke` the same attempts are told as siblings of the fallback run, all under
# the fallback's name, and what an attempt calls hangs below a sibling.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
invoke: guarded < RunnableSequence; guarded < RunnableSequence; guarded < RunnableSequence
ainvoke: guarded < RunnableSequence; guarded < RunnableSequence; guarded < RunnableSequence
stream: guarded < RunnableSequence; attempt 1 < guarded; attempt 2 < guarded
batch: guarded < RunnableSequence; attempt 1 < guarded; attempt 2 < guarded
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
import asyncio

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda


class Tree(BaseCallbackHandler):
    def __init__(self):
        self.names, self.rows = {}, []

    def on_chain_start(self, serialized, inputs, *, run_id, parent_run_id=None, name=None, **_):
        self.names[run_id] = name
        self.rows.append(f"{name} < {self.names.get(parent_run_id)}")


def fails(_):
    raise ValueError("not today")


first, second = RunnableLambda(fails, name="attempt 1"), RunnableLambda(lambda x: x, name="attempt 2")
guarded = first.with_fallbacks([second]).with_config(run_name="guarded")
chain = RunnableLambda(lambda x: x, name="before") | guarded
for way, call in (
    ("invoke", lambda config: chain.invoke(1, config)),
    ("ainvoke", lambda config: asyncio.run(chain.ainvoke(1, config))),
    ("stream", lambda config: list(chain.stream(1, config))),
    ("batch", lambda config: chain.batch([1], config)),
):
    tree = Tree()
    call({"callbacks": [tree]})
    print(f"{way}:", "; ".join(tree.rows[2:]))
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
