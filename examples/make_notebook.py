"""A notebook: writes notebook.ipynb, executes it, and says which cell got which tree.

Needs: nbclient, ipykernel
"""

import re
import sys

import nbformat
from nbclient import NotebookClient

CELLS = """
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from tracebus import observe
from tracebus.testing import ScriptedChatModel

model = ScriptedChatModel(script=["At noon."] * 3)
bare = ChatPromptTemplate.from_template("{q}") | model | StrOutputParser()
chain = observe(bare, to="notebook", name="timetable")
# %%
chain.invoke({"q": "When?"})
# %%
await chain.ainvoke({"q": "And then?"})
# %%
chain
"""

book = nbformat.v4.new_notebook(
    cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in CELLS.split("# %%")],
    metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
)
NotebookClient(book, kernel_name="python3", timeout=120).execute()
if sys.argv[1:]:
    nbformat.write(book, sys.argv[1])
for number, cell in enumerate(book.cells, 1):
    for output in cell.outputs:
        if "text/html" in output.get("data", {}):
            text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", output.data["text/html"])
            print(f"cell {number}:", " ".join(text.split()[5:9]))
