#!/usr/bin/env bash
# langchain-core 1.0.7 and 1.8.3: what a caller puts into `configurable` (a user, a session, a tenant) was part of the metadata that
# every callback handler is told. Now a handler is told nothing of it: a tracer that groups runs by session loses the groups by an
# upgrade, without a word.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/seen" <<'SEEN'
1.0.7 {'thread_id': 'thread-1', 'user_id': 'user-1'}
1.8.3 {}
SEEN

for version in 1.0.7 1.8.3; do
  python3 -m venv "$work/$version"
  "$work/$version/bin/python" -m pip install --quiet --disable-pip-version-check "langchain-core==$version"
  "$work/$version/bin/python" -W ignore - "$version" >>"$work/now" <<'PYTHON'
import sys

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda


class Told(BaseCallbackHandler):
    def on_chain_start(self, serialized, inputs, *, metadata=None, **_):
        print(sys.argv[1], dict(sorted(metadata.items())))


configurable = {"user_id": "user-1", "thread_id": "thread-1"}
RunnableLambda(lambda x: x).invoke(1, {"callbacks": [Told()], "configurable": configurable})
PYTHON
done

cat "$work/now"
diff "$work/seen" "$work/now"
