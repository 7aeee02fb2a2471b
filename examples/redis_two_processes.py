"""One tree over two processes: the chain here calls a worker there, both write to one Redis log.

Needs: redis (extra redis), and a server: REDIS=redis://localhost:6379/0
"""

import os
import subprocess
import sys

from langchain_core.runnables import RunnableLambda

from tracebus import observe, open_log, propagate
from tracebus.logs import RunQuery

url = os.environ.get("REDIS", "redis://localhost:6379/0")


def worker() -> None:
    with propagate.continuing(os.environ), observe(RunnableLambda(str.upper, name="worker"), to=url) as chain:
        print(chain.invoke("line 7 leaves at noon"))


def ask(_: str) -> str:
    environment = {**os.environ, **propagate.environment()}
    done = subprocess.run(
        [sys.executable, __file__, "worker"], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


if sys.argv[1:] == ["worker"]:
    worker()
else:
    with observe(RunnableLambda(ask, name="ask"), to=url) as chain:
        print(chain.invoke("When?"))
    log = open_log(url)
    for run in reversed(log.runs(RunQuery(roots_only=False, limit=2))):
        print(f"{run.name}: {'below the first' if run.parent_run_id else 'the root'}")
    log.close()
