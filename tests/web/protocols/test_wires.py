"""What the clients of others end up with after what happens in a program: the table in docs/web.md.

The clients are real and unmodified, over HTTP. They need node and a folder of packages::

    npm install fast-json-patch eventsource-parser @ag-ui/client ai @ai-sdk/react @langchain/langgraph-sdk react
    TRACEBUS_NODE_MODULES=$PWD/node_modules scripts/test tests/web/protocols/test_wires.py

`TRACEBUS_UPDATE=1` writes the table that was found.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from langgraph.types import Command
from starlette.applications import Starlette
from starlette.routing import Route
from wire_programs import PRIVATE, PROGRAMS, SECRET, agent, words

from tracebus_exporters.web import stream_response

MODULES = os.environ.get("TRACEBUS_NODE_MODULES", "")
CLIENTS = Path(__file__).parents[1] / "clients"
DOCS = Path(__file__).parents[3] / "docs" / "web.md"
BEGIN, END = "<!-- table of tests/web/protocols/test_wires.py -->\n", "<!-- end of the table -->\n"
ANSWERS = {
    "interrupt": [{"approved": True}],
    "approve": [{"approved": True}],
    "reject": [{"approved": False, "reason": "Too far."}],
    "several": [{"approved": True}, {"approved": False, "reason": "Too far."}],
}
"""What the human says to what is asked, in order."""
MIDDLEWARE = ("approve", "reject", "several")
NAMES = [*PROGRAMS, "two_turns"]

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(not shutil.which("node"), reason="needs node"),
    pytest.mark.skipif(
        not importlib.util.find_spec("langchain"), reason="its middleware needs the package langchain"
    ),
    pytest.mark.skipif(
        not Path(MODULES, "@ai-sdk", "react").exists(),
        reason="needs TRACEBUS_NODE_MODULES, a folder of npm packages with @ai-sdk/react",
    ),
]


def app():
    """Serve every program on every wire as a user's endpoint would."""
    made = {}

    async def answer(request):
        wire, name = request.path_params["wire"], request.path_params["program"]
        if (wire, name) not in made:
            make = PROGRAMS[name][0] if name in PROGRAMS else lambda: agent(words("First."), words("Second."))
            made[wire, name] = make()
        program = made[wire, name]
        body = await request.json() if request.method == "POST" else {}
        given = {"messages": [("user", "hi")]} if hasattr(program, "get_state") else "hi"
        if (resume := resumed(wire, body, name)) is not None:
            given = Command(resume=resume)
        config = {"configurable": {"thread_id": f"{wire}-{name}"}}
        ids = {"thread_id": body.get("threadId"), "run_id": body.get("runId")}
        return stream_response(program, given, config, wire=wire, **ids)

    return Starlette(routes=[Route("/{wire}/{program}", answer, methods=["GET", "POST"])])


def resumed(wire, body, name):
    """Return what a client answers to interrupts, by their ids: the lines docs/web.md shows."""
    if wire == "agui":
        return {one["interruptId"]: one.get("payload") for one in body.get("resume") or ()} or None
    parts = [part for message in body.get("messages") or () for part in message.get("parts") or ()]
    answered = [part["approval"] for part in parts if part.get("state") == "approval-responded"]
    if name in MIDDLEWARE:
        return decisions(answered) or None
    return {one["id"]: one["approved"] for one in answered} or None


def decisions(told):
    """Return what LangChain's middleware is resumed with: docs/web.md shows this as well."""
    found = {}
    for one in told:
        decision = (
            {"type": "approve"} if one["approved"] else {"type": "reject", "message": one.get("reason")}
        )
        found.setdefault(one["id"].partition(":")[0], {"decisions": []})["decisions"].append(decision)
    return found


def payloads():
    """Return what an AG-UI client, which answers an interrupt as a whole, says."""
    found = {name: answers[0]["approved"] for name, answers in ANSWERS.items()}
    return found | {
        name: decisions([{"id": "i", **one} for one in ANSWERS[name]])["i"] for name in MIDDLEWARE
    }


def node(client, *arguments):
    command = ["node", str(CLIENTS / client), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def found(serving):
    with serving(app()) as url:
        return {
            "text": {name: httpx.get(f"{url}/text/{name}", timeout=30).text for name in NAMES},
            "agui": node("table_agui.mjs", url, json.dumps(payloads()), *NAMES),
            "ai": node("table_ai.mjs", url, json.dumps(ANSWERS), *NAMES),
        }


# -- in words ------------------------------------------------------------------------------------


def words_of_text(body):
    said = []
    for frame in body.strip().split("\n\n"):
        if frame.startswith("event: error"):
            said.append(f"*error*: {json.loads(frame.partition('data: ')[2])['message']}")
        elif frame.startswith("event: interrupt"):
            (one,) = json.loads(frame.partition("data: ")[2])["interrupts"]
            said.append(f"*interrupt*: {asked(one['value'])}")
        elif frame.startswith("data: ") and frame != "data: [DONE]":
            said.append("\n".join(line.removeprefix("data: ") for line in frame.split("\n")))
    texts = "".join(one for one in said if not one.startswith("*")).rstrip()
    return " · ".join(filter(None, [texts, *(one for one in said if one.startswith("*"))])) or "nothing"


def asked(value):
    return (value or {}).get("question") or ("approval" if value else "no question")


def words_of_agui(found):
    said = []
    for message in found["messages"]:
        match message["role"]:
            case "assistant":
                said.append(message.get("content") or "")
                said += [
                    f"{call['function']['name']}(`{call['function']['arguments']}`)"
                    for call in message.get("toolCalls") or ()
                ]
            case "reasoning":
                said.append(f"*thinks*: {message['content']}")
            case "tool":
                said.append(f"→ {in_short(message['content'])}")
            case _:
                pass
    results = sorted(one for one in said if one.startswith("→"))  # parallel tools end in any order
    said = [results.pop(0) if one.startswith("→") else one for one in said]
    for turn in found["turns"]:
        said += [f"*{one['name']}*: {one['value'].get('url')}" for one in turn["custom"]]
        match turn["outcome"]:
            case {"type": "interrupt", "interrupts": [one, *_]}:
                about = f" about {one['toolCallId']}" if "toolCallId" in one else ""
                said.append(f"*interrupt*{about}: {one.get('message', 'no question')}")
            case {"type": "cancelled"}:
                said.append("*cancelled*")
            case _:
                pass
        if turn["failure"]:
            said.append(f"*error*: {turn['failure']}")
    return " · ".join(filter(None, said)) or "nothing"


def words_of_ai(found):
    said = []
    for message in found["messages"]:
        for part in message["parts"] if message["role"] == "assistant" else ():
            said += words_of_part(part)
    said += ["*aborted*" for end in found["ends"] if end["isAbort"]]
    if found["error"]:
        said.append(f"*error*: {found['error']}")
    return " · ".join(filter(None, said)) or "nothing"


def words_of_part(part):
    match part["type"]:
        case "text":
            said = part["text"]
        case "reasoning":
            said = f"*thinks*: {part['text']}"
        case "dynamic-tool":
            said = words_of_call(part)
        case "data-interrupt":
            said = f"*interrupt*: {asked(part['data']['value'])}"
        case "file":
            said = f"*file*: {part['url']}"
        case _:
            said = ""
    return [said]


def words_of_call(part):
    given = part.get("input") if part.get("input") is not None else part.get("rawInput")
    call = f"{part['toolName']}(`{given if isinstance(given, str) else json.dumps(given)}`)"
    how = " by the provider" if part.get("providerExecuted") else ""
    match part["state"]:
        case "output-available":
            return f"{call}{how} → {in_short(part['output'])}"
        case "output-error":
            return f"{call}{how} *error*: {part['errorText']}"
        case state:
            return f"{call}{how} *{state}*"


def in_short(content):
    if isinstance(content, str):
        return content
    return ", ".join(part.get("text") or f"*{part['type']}*" for part in content)


def version(package):
    return json.loads(Path(MODULES, package, "package.json").read_text())["version"]


def table(found):
    columns = {
        "`text`": words_of_text,
        f"AG-UI (`@ag-ui/client` {version('@ag-ui/client')})": words_of_agui,
        f"AI SDK (`ai` {version('ai')}, `@ai-sdk/react` {version('@ai-sdk/react')})": words_of_ai,
    }
    lines = [f"| in the program | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, (_, what) in PROGRAMS.items():
        cells = [
            say(found[wire][name]).replace("|", "\\|").replace("\n", " ")
            for wire, say in zip(found, columns.values(), strict=True)
        ]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def without_versions(text):
    return re.sub(r"(`[@\w/\-]+`) [\d.]+", r"\1", text)


# -- the tests -----------------------------------------------------------------------------------


def test_the_table_in_the_docs_is_what_the_clients_end_up_with(found):
    """Every cell is what a real client has at the end."""
    printed, text = table(found), DOCS.read_text()
    before, _, rest = text.partition(BEGIN)
    documented, _, after = rest.partition(END)
    if os.environ.get("TRACEBUS_UPDATE"):
        DOCS.write_text(before + BEGIN + printed + END + after)
        return
    sys.stdout.write(printed)
    assert without_versions(printed) == without_versions(documented)


def test_nothing_private_and_no_secret_reaches_a_client(found):
    """Artifacts, other keys of the state and values of secret keys are in no client's hands."""
    for wire, programs in found.items():
        for name, ended in programs.items():
            for hidden in (PRIVATE, SECRET, SECRET[:7], SECRET[7:], "ROUTE-A", "SUMMARY"):
                assert hidden not in json.dumps(ended), (wire, name)
            assert "inner words" not in words_of_text(programs["inner"]) if wire == "text" else True


def test_messages_of_two_turns_are_in_order_and_have_their_own_ids(found):
    """A second question's answer comes after the first one's, under an id of its own."""
    agui = found["agui"]["two_turns"]["messages"]
    ai = found["ai"]["two_turns"]["messages"]
    for messages in (agui, ai):
        assert [message["role"] for message in messages] == ["user", "assistant", "user", "assistant"]
        assert len({message["id"] for message in messages}) == 4
    assert [message["content"] for message in agui if message["role"] == "assistant"] == ["First.", "Second."]
    said = [part["text"] for message in ai for part in message["parts"] if part["type"] == "text"]
    assert said == ["hi", "First.", "and then?", "Second."]


@pytest.mark.parametrize("name", ["interrupt", "approve", "reject"])
def test_a_resumed_call_is_the_same_call(found, name):
    """The answer of the human gives the one call its one result, in the same message."""
    messages = found["agui"][name]["messages"]
    calls = [call["id"] for message in messages for call in message.get("toolCalls") or ()]
    answered = [message["toolCallId"] for message in messages if message["role"] == "tool"]
    assert calls == answered == ["c1"]
    (message,) = [message for message in found["ai"][name]["messages"] if message["role"] == "assistant"]
    tools = [part for part in message["parts"] if part["type"] == "dynamic-tool"]
    assert [part["toolCallId"] for part in tools] == ["c1"]


def test_agui_has_no_result_unless_asked(found):
    """The final state is nobody's business."""
    assert {turn["result"] for one in found["agui"].values() for turn in one["turns"]} == {None}
