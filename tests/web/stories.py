"""Runs for the page to show: a long agent, a batch, and one in which everything is hostile."""

from __future__ import annotations

from written_events import History, tokens

from tracebus.events import BatchMembership, ErrorInfo, ModelInfo

MODEL = ModelInfo(provider="openai", name="gpt-4o-mini")
MILLISECOND = 1_000_000


class Clocked(History):
    """Events that take their time: a millisecond to begin, three to end, unless it is said."""

    numbered = False

    def __init__(self, begin, number=0):
        super().__init__()
        self.epoch = begin + number * MILLISECOND
        self._now = 0.0

    def start(self, run_id, parent, kind, name, inputs, *, took=1, **more):
        self._now += took / 1_000
        super().start(run_id, parent, at=self._now, kind=kind, name=name, inputs=inputs, **more)

    def end(self, run_id, outputs=None, *, took=3, **more):
        self._now += took / 1_000
        super().end(run_id, at=self._now, outputs=outputs, **more)


def message(kind, content, **more):
    return {"type": kind, "content": content, **more}


def agent(begin, rounds, root="agent"):
    """Return the events of an agent of so many tool rounds, as LangGraph makes them."""
    tell = Clocked(begin)
    said = [message("human", "Read all reports.")]
    tell.start(root, None, "agent", "report_reader", {"messages": said[:1]})
    for number in range(rounds + 1):
        node, model = f"{root} node {number}", f"{root} model {number}"
        calls = [{"name": "look", "args": {"n": number}, "id": f"c{number}"}] if number < rounds else []
        answer = message(
            "ai", f"I look at number {number} now." if calls else "**All done.**", tool_calls=calls
        )
        tell.start(node, root, "node", "model", {"messages": list(said)})
        tell.start(model, node, "chat_model", "ChatOpenAI", {"messages": list(said)}, model=MODEL)
        tell.end(model, {"messages": [answer]}, usage=tokens(1000, 20))
        tell.end(node, {"messages": [answer]})
        said.append(answer)
        if calls:
            node, tool = f"{root} tools {number}", f"{root} tool {number}"
            result = message("tool", f"Report {number} says so.", name="look")
            tell.start(node, root, "node", "tools", calls[0])
            tell.start(tool, node, "tool", "look", {"n": number})
            tell.end(tool, result)
            tell.end(node, {"messages": [result]})
            said.append(result)
    tell.end(root, {"messages": said})
    return tell.events


def batch(begin, size, failing):
    """Return the events of a batch whose *failing* inputs fail."""
    events = []
    for number in range(size):
        run_id, member = f"batch {number}", BatchMembership(id="b", index=number, size=size)
        tell = Clocked(begin, number)
        tell.start(run_id, None, "chain", "classify", {"ticket": f"ticket {number}"}, took=0, batch=member)
        if number in failing:
            tell.end(run_id, took=9, error=f"builtins.TimeoutError: no answer for ticket {number}")
        else:
            tell.end(run_id, "refund", took=5)
        events += tell.events
    return events


EVIL = (
    "<img src=x onerror=pwned=1><script>pwned=1</script>\n\n# <svg onload=pwned=1>\n\n"
    "[click](javascript:pwned=1) ![leak](https://evil.example/?leak) <https://evil.example/>\n\n"
    "| <b>a</b> | [b](data:text/html,x) |\n|---|---|\n| `<i>` | \u202eesrever |\n\n```html\n<iframe src=//evil.example>\n```\n\x1b]52;c;cHduZWQ=\x07"
)


def hostile(begin):
    """Return the events of a run in which every text wants to be obeyed."""
    picture = {"type": "image_url", "image_url": {"url": "https://evil.example/pixel.png"}}
    vector = {
        "type": "image_url",
        "image_url": {"url": "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9InB3bmVkPTEiLz4="},
    }
    content = [{"type": "text", "text": EVIL}, picture, vector, {"type": EVIL, "data": EVIL}]
    call = {"name": EVIL, "args": {EVIL: EVIL}, "id": EVIL}
    inputs = {"messages": [message("human", content), message(EVIL, EVIL, name=EVIL, tool_calls=[call])]}
    tell = Clocked(begin)
    model = ModelInfo(provider=EVIL, name=EVIL)
    tell.start(
        "evil", None, "chat_model", EVIL, inputs, took=0, tags=(EVIL,), metadata={EVIL: EVIL}, model=model
    )
    tell.stream("evil", EVIL, at=0.001, reasoning=EVIL)
    error = ErrorInfo(type=EVIL, message=EVIL, traceback=EVIL)
    answer = {"messages": [message("ai", content)]}
    tell.end("evil", answer, took=2, outcome="error", finish_reasons=(EVIL,), error=error)
    return tell.events
