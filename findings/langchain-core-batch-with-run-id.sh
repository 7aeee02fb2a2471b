#!/usr/bin/env bash
# langchain-core 1.8.3: `batch` with a `run_id` in the config. The warning says that the id is used for the first element only.
# A chat model gives it to all three runs, a completion model to none of them, and a chain of steps does as the warning says.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
FakeListChatModel: 3 of 3 runs have the given id
FakeListLLM: 0 of 3 runs have the given id
RunnableSequence: 1 of 3 runs have the given id
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
from uuid import uuid4

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import FakeListChatModel, FakeListLLM
from langchain_core.runnables import RunnableLambda


class Ids(BaseCallbackHandler):
    def __init__(self):
        self.roots = []

    def start(self, serialized, inputs, *, run_id, parent_run_id=None, **_):
        if parent_run_id is None:
            self.roots.append(run_id)

    on_llm_start = on_chat_model_start = on_chain_start = start


mine = uuid4()
for runnable in (
    FakeListChatModel(responses=["yes"]),
    FakeListLLM(responses=["yes"]),
    RunnableLambda(str) | RunnableLambda(len),
):
    ids = Ids()
    runnable.batch(["a", "b", "c"], config={"callbacks": [ids], "run_id": mine})
    print(f"{type(runnable).__name__}: {ids.roots.count(mine)} of {len(ids.roots)} runs have the given id")
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
