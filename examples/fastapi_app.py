"""FastAPI: an answer, a stream with error and done frames, a page that shows it, a task after the response.

Needs: fastapi, httpx. To serve it: uvicorn fastapi_app:app --workers 2
"""

import json
from collections.abc import AsyncIterator

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import HTMLResponse, StreamingResponse
from langchain_core.output_parsers import StrOutputParser

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel


def answer(messages: list) -> str:
    if "closed" in messages[-1].text:
        raise LookupError("the stop is closed")
    return "Line 7 leaves at noon."


app = FastAPI()
chain = observe(
    ScriptedChatModel(script=answer, pacing=Pacing(0.02, 0.01)) | StrOutputParser(), name="answer"
)
summary = observe(
    ScriptedChatModel(script=lambda _: "A question about line 7.") | StrOutputParser(), name="summary"
)

PAGE = """<!doctype html><title>Timetable</title><p id=answer></p><script>
const source = new EventSource("/stream?question=When")
source.addEventListener("text", event => answer.append(JSON.parse(event.data)))
for (const last of ["done", "failed"]) source.addEventListener(last, () => source.close())
</script>"""


@app.get("/", response_class=HTMLResponse)
def page() -> str:
    return PAGE


@app.get("/answer")
async def ask(question: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(summary.ainvoke, question)  # a run of its own, after the response
    return {"answer": await chain.ainvoke(question)}


@app.get("/stream")
def stream(question: str) -> StreamingResponse:
    return StreamingResponse(frames(question), media_type="text/event-stream")


async def frames(question: str) -> AsyncIterator[str]:
    """A client that leaves ends this generator, and with it the run: as cancelled or abandoned."""
    try:
        async for text in chain.astream(question):
            yield f"event: text\ndata: {json.dumps(text)}\n\n"
    except LookupError as error:
        yield f"event: failed\ndata: {json.dumps(str(error))}\n\n"
    else:
        yield "event: done\ndata: {}\n\n"


if __name__ == "__main__":
    from fastapi.testclient import TestClient

    with TestClient(app) as client:
        print(client.get("/answer", params={"question": "When?"}).json())
        for question in ("When?", "Is it closed?"):
            print(client.get("/stream", params={"question": question}).text.replace("\n\n", "\n").strip())
