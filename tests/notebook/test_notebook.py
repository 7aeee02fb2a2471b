"""`to="notebook"`: a shell that only calls back, and a kernel of its own where nbclient is installed."""

from __future__ import annotations

import asyncio
import re

import pytest
from langchain_core.runnables import RunnableLambda

from tracebus import EventBus, observe
from tracebus.exceptions import UnknownExporterError
from tracebus.exporting import resolve
from tracebus_exporters.notebook import NotebookExporter


class Shell:
    """IPython's shell as far as it is used."""

    def __init__(self):
        self.events = self.display_pub = self
        self.callbacks = {}
        self.shown = []

    def register(self, name, callback):
        self.callbacks[name] = callback

    def publish(self, *, data, metadata, transient, update):
        self.shown.append((self.cell, transient["display_id"], update, data["text/html"]))

    def run(self, cell, program):
        """Run a cell as IPython does."""
        self.cell = cell
        self.callbacks["pre_run_cell"](None)
        program()
        self.callbacks["post_run_cell"](None)
        self.cell = None


@pytest.fixture
def notebook():
    shell = Shell()
    bus = EventBus()
    bus.attach(NotebookExporter(shell))
    yield shell, bus
    bus.close()


def test_a_cells_tree_is_shown_before_the_cell_is_over(notebook):
    """Not in the next cell, and the last one not never."""
    shell, bus = notebook
    chain = observe(RunnableLambda(lambda x: x, name="chain"), bus=bus)
    shell.run("one", lambda: chain.invoke(1))
    shell.run("two", lambda: chain.invoke(1))
    shell.run("three", lambda: None)
    assert [cell for cell, *_ in shell.shown if cell] == [cell for cell, *_ in shell.shown]
    displays = {
        cell: {display for at, display, *_ in shell.shown if at == cell} for cell in ("one", "two", "three")
    }
    assert [len(displays[cell]) for cell in ("one", "two", "three")] == [1, 1, 0]
    assert displays["one"] != displays["two"]
    assert [update for _, _, update, _ in shell.shown if _ is not None].count(False) == 2
    assert "✓" in shell.shown[-1][3]


def test_a_task_that_outlives_its_cell_ends_in_it(notebook):
    """The display of the cell that began a run is changed later, wherever one is by then."""
    shell, bus = notebook

    async def program():
        event, began = asyncio.Event(), asyncio.Event()

        async def step(_):
            began.set()
            await event.wait()

        chain = observe(RunnableLambda(step, name="task"), bus=bus)
        shell.cell = "one"
        shell.callbacks["pre_run_cell"](None)
        task = asyncio.create_task(chain.ainvoke(1))
        await began.wait()
        await asyncio.to_thread(shell.callbacks["post_run_cell"], None)
        first = shell.shown[-1]
        shell.cell = "two"
        shell.callbacks["pre_run_cell"](None)
        event.set()
        await task
        await asyncio.to_thread(shell.callbacks["post_run_cell"], None)
        return first, shell.shown[-1]

    first, last = asyncio.run(program())
    assert "●" in first[3]
    assert last[1] == first[1]
    assert last[2]
    assert "●" not in last[3]


def test_outside_a_notebook_it_says_so():
    """A script that was a notebook once gets an error with the way out."""
    with pytest.raises(UnknownExporterError, match=r"no notebook.*console"):
        resolve("notebook")


def test_in_a_kernel_by_nbclient():
    """Executed as notebooks are in pipelines: every tree is in its own cell, sync, async and failed."""
    nbclient = pytest.importorskip(
        "nbclient", reason="needs nbclient and ipykernel: pip install nbclient ipykernel"
    )
    pytest.importorskip("ipykernel", reason="needs ipykernel: pip install ipykernel")
    import nbformat

    cells = [
        """
from langchain_core.runnables import RunnableLambda
from tracebus import observe
chain = observe(RunnableLambda(lambda x: 1 / x, name='divide'), to='notebook')
""",
        "chain.invoke(1)",
        "x = await chain.ainvoke(2)",
        "try:\n    chain.invoke(0)\nexcept ZeroDivisionError:\n    pass",
        "print('none')",
        "chain",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(book, kernel_name="python3", timeout=55).execute()

    def trees(cell):
        pages = [output.data["text/html"] for output in cell.outputs if "text/html" in output.get("data", {})]
        return [re.sub(r"<style>.*?</style>|<[^>]+>", " ", page) for page in pages]

    shown = [trees(cell) for cell in book.cells]
    assert [len(pages) for pages in shown] == [0, 1, 1, 1, 0, 1]
    assert "✓" in shown[1][0]
    assert "ZeroDivisionError" in shown[3][0]
    assert "divide" in shown[5][0]
