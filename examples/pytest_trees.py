"""pytest: a test's trees come with that test's output, and can be asserted on. Run: pytest pytest_trees.py"""

from langchain_core.runnables import RunnableLambda

from tracebus import RunTree, observe
from tracebus.testing import RecordingExporter


def test_the_chain_calls_its_step_once() -> None:
    recorder = RecordingExporter()
    with observe(RunnableLambda(lambda value: value + 1, name="step"), to=[recorder, "console"]) as chain:
        assert chain.invoke(1) == 2
    tree = RunTree()
    for event in recorder.events:
        tree.apply(event)
    assert [(run.name, run.status) for run in tree.roots] == [("step", "ok")]
