"""A chain that calls a chain in another process: one tree."""

from __future__ import annotations

import multiprocessing

import pytest
from langchain_core.runnables import RunnableLambda

import tracebus
from tracebus import propagate
from tracebus.logs import open_log
from tracebus.tree import RunTree


def answer(headers, url, results):
    """Answer a request, in another process, with a chain of its own."""
    with propagate.continuing(headers), tracebus.observing(to=url):
        results.put((RunnableLambda(lambda x: x + 1) | RunnableLambda(lambda x: x * 2)).invoke(20))


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_chain_in_another_process_stands_below_the_run_that_called_it(tmp_path, method):
    """Run ids cross the process boundary in headers; both processes write to one log."""
    url = f"sqlite:{tmp_path}/log.db"
    processes = multiprocessing.get_context(method)

    def ask(_question):
        results = processes.Queue()
        process = processes.Process(target=answer, args=(dict(propagate.inject()), url, results))
        process.start()
        found = results.get()
        process.join()
        return found

    caller = tracebus.observe(RunnableLambda(ask).with_config(run_name="caller"), to=url)
    with caller:
        assert caller.invoke("?") == 42
    tree = RunTree()
    for event in open_log(url).read():
        tree.apply(event)
    (root,) = tree.roots
    (remote,) = root.children
    assert (root.name, remote.name, len(remote.children)) == ("caller", "RunnableSequence", 2)
    assert {node.status for node in tree.roots[0].walk()} == {"ok"}


def test_the_caller_s_trace_is_the_root_s_trace():
    """A caller that knows a trace and no run: the root here is a root, in that trace."""
    header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    events = []
    with propagate.continuing({"traceparent": header}), tracebus.observing(to=events.extend):
        RunnableLambda(lambda x: x).invoke(1)
    assert (events[0].traceparent, events[0].parent_run_id) == (header, None)
