"""Runs for the page to show: a long agent, a batch, and one in which everything is hostile."""

from __future__ import annotations

from tracebus.events import (
    BatchMembership,
    ErrorInfo,
    ModelInfo,
    Outcome,
    RunEnded,
    RunKind,
    RunStarted,
    RunStreamed,
    TokenUsage,
)

MODEL = ModelInfo(provider="openai", name="gpt-4o-mini")
MILLISECOND = 1_000_000


class Clock:
    """Times that go on."""

    def __init__(self, begin):
        self.now = begin

    def tick(self, milliseconds=1.0):
        self.now += int(milliseconds * MILLISECOND)
        return self.now


def message(kind, content, **more):
    return {"type": kind, "content": content, **more}


def agent(begin, rounds, root="agent"):
    """Return the events of an agent of so many tool rounds, as LangGraph makes them."""
    clock = Clock(begin)
    said = [message("human", "Read all reports.")]

    def start(run_id, parent, kind, name, inputs, **more):
        return RunStarted(
            time=clock.tick(),
            run_id=run_id,
            parent_run_id=parent,
            root_run_id=root,
            kind=kind,
            name=name,
            inputs=inputs,
            **more,
        )

    def end(run_id, outputs, **more):
        return RunEnded(
            time=clock.tick(3), run_id=run_id, root_run_id=root, outcome=Outcome.OK, outputs=outputs, **more
        )

    events = [start(root, None, RunKind.AGENT, "report_reader", {"messages": said[:1]})]
    for number in range(rounds + 1):
        node, model = f"{root} node {number}", f"{root} model {number}"
        calls = [{"name": "look", "args": {"n": number}, "id": f"c{number}"}] if number < rounds else []
        answer = message(
            "ai", f"I look at number {number} now." if calls else "**All done.**", tool_calls=calls
        )
        events += [
            start(node, root, RunKind.NODE, "model", {"messages": list(said)}),
            start(model, node, RunKind.CHAT_MODEL, "ChatOpenAI", {"messages": list(said)}, model=MODEL),
            end(
                model,
                {"messages": [answer]},
                usage=TokenUsage(input_tokens=1000, output_tokens=20, total_tokens=1020),
            ),
            end(node, {"messages": [answer]}),
        ]
        said.append(answer)
        if calls:
            node, tool = f"{root} tools {number}", f"{root} tool {number}"
            result = message("tool", f"Report {number} says so.", name="look")
            events += [
                start(node, root, RunKind.NODE, "tools", calls[0]),
                start(tool, node, RunKind.TOOL, "look", {"n": number}),
                end(tool, result),
                end(node, {"messages": [result]}),
            ]
            said.append(result)
    return [*events, end(root, {"messages": said})]


def batch(begin, size, failing):
    """Return the events of a batch whose *failing* inputs fail."""
    events = []
    for number in range(size):
        run_id = f"batch {number}"
        clock = Clock(begin + number * MILLISECOND)
        common = {"run_id": run_id, "root_run_id": run_id}
        events.append(
            RunStarted(
                time=clock.now,
                kind=RunKind.CHAIN,
                name="classify",
                inputs={"ticket": f"ticket {number}"},
                batch=BatchMembership(id="b", index=number, size=size),
                **common,
            )
        )
        if number in failing:
            error = ErrorInfo(type="builtins.TimeoutError", message=f"no answer for ticket {number}")
            events.append(RunEnded(time=clock.tick(9), outcome=Outcome.ERROR, error=error, **common))
        else:
            events.append(RunEnded(time=clock.tick(5), outcome=Outcome.OK, outputs="refund", **common))
    return events


EVIL = (
    "<img src=x onerror=pwned=1><script>pwned=1</script>\n\n# <svg onload=pwned=1>\n\n"
    "[click](javascript:pwned=1) ![leak](https://evil.example/?leak) <https://evil.example/>\n\n"
    "| <b>a</b> | [b](data:text/html,x) |\n|---|---|\n| `<i>` | \u202eesrever |\n\n```html\n<iframe src=//evil.example>\n```\n\x1b]52;c;cHduZWQ=\x07"
)


def hostile(begin):
    """Return the events of a run in which every text wants to be obeyed."""
    clock = Clock(begin)
    common = {"run_id": "evil", "root_run_id": "evil"}
    picture = {"type": "image_url", "image_url": {"url": "https://evil.example/pixel.png"}}
    vector = {
        "type": "image_url",
        "image_url": {"url": "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9InB3bmVkPTEiLz4="},
    }
    content = [{"type": "text", "text": EVIL}, picture, vector, {"type": EVIL, "data": EVIL}]
    call = {"name": EVIL, "args": {EVIL: EVIL}, "id": EVIL}
    inputs = {"messages": [message("human", content), message(EVIL, EVIL, name=EVIL, tool_calls=[call])]}
    return [
        RunStarted(
            time=clock.now,
            kind=RunKind.CHAT_MODEL,
            name=EVIL,
            inputs=inputs,
            tags=(EVIL,),
            metadata={EVIL: EVIL},
            model=ModelInfo(provider=EVIL, name=EVIL),
            **common,
        ),
        RunStreamed(time=clock.tick(), text=EVIL, reasoning=EVIL, **common),
        RunEnded(
            time=clock.tick(),
            outcome=Outcome.ERROR,
            error=ErrorInfo(type=EVIL, message=EVIL, traceback=EVIL),
            outputs={"messages": [message("ai", content)]},
            finish_reasons=(EVIL,),
            **common,
        ),
    ]
