"""Celery: a task's runs are below the caller's, and are out before the worker takes the next task.

Needs: celery. To serve it: TRACEBUS_TO=redis://localhost:6379/0 celery -A celery_tasks worker
"""

from celery import Celery
from langchain_core.runnables import RunnableLambda

import tracebus
from tracebus import observe, propagate

app = Celery("tasks", broker="memory://", backend="cache+memory://")
app.conf.task_always_eager = __name__ == "__main__"  # in this process, to look at


@app.task
def shout(word: str, headers: dict[str, str]) -> str:
    try:
        with propagate.continuing(headers):
            return observe(RunnableLambda(str.upper), name="shout").invoke(word)
    finally:
        tracebus.flush(5)  # the worker may be recycled after the task (max_tasks_per_child)


def ask(word: str) -> str:
    return shout.delay(word, propagate.inject({})).get()


if __name__ == "__main__":
    print(observe(RunnableLambda(ask), name="ask").invoke("line 7"))
