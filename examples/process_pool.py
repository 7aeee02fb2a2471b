"""multiprocessing.Pool: `with Pool()` ends its workers by a signal, so each task flushes at its end."""

import multiprocessing
import sys

from langchain_core.runnables import RunnableLambda

import tracebus
from tracebus import observe, open_log
from tracebus.logs import RunQuery


def work(number: int) -> int:
    result = observe(RunnableLambda(lambda value: value * value), name="square").invoke(number)
    tracebus.flush(10)
    return result


if __name__ == "__main__":
    method = sys.argv[1] if sys.argv[1:] else "spawn"
    with multiprocessing.get_context(method).Pool(2) as pool:
        print(sum(pool.map(work, range(10), chunksize=1)))
    log = open_log()
    print(len(log.runs(RunQuery(name="square", limit=1000))), "runs in the log")
    log.close()
