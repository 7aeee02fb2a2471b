#!/usr/bin/env bash
# langchain-core 1.8.3: `astream_log` puts run names into the paths of its JSON patches as they are. Three steps named `step`, `step:2`
# and `step` leave two entries: the second `step` is numbered `step:2` and overwrites the run that has this name. A name with a slash,
# which JSON Pointer (RFC 6901) would have escaped, makes the patch one that cannot be applied: reading the log raises.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
['begin', 'step', 'step:2']
JsonPointerException member 'input' not found
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
import asyncio

from langchain_core.runnables import RunnableLambda


async def entries(*names):
    chain = RunnableLambda(lambda x: x, name="begin")
    for name in names:
        chain |= RunnableLambda(lambda x: x, name=name)
    async for log in chain.astream_log(1, diff=False):
        pass
    return list(log.state["logs"])


print(asyncio.run(entries("step", "step:2", "step")))
try:
    asyncio.run(entries("input/output"))
except Exception as error:
    print(type(error).__name__, str(error).partition(" in ")[0])
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
