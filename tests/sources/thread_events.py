"""What a LangGraph server (langgraph-api 0.16) streams of one run of an agent by the v3 protocol."""

from __future__ import annotations

QUESTION = {"type": "human", "content": "hi", "id": "h1"}
CALL = {"type": "tool_call", "id": "c1", "name": "look", "args": {"q": "bus"}}
ASKS = {"type": "ai", "content": [CALL], "id": "lc_run--4f5cb0b3-0000-4000-8000-00000000000a"}
LOOKED = {"type": "tool", "content": "ok", "id": "t1", "tool_call_id": "c1", "name": "look"}
ANSWERS = {"type": "ai", "content": "from afar", "id": "lc_run--4f5cb0b3-0000-4000-8000-00000000000b"}
STATE = {"messages": [QUESTION, ASKS, LOOKED, ANSWERS]}


def _model(message_id, start, delta, finish, tokens):
    return [
        ("messages", {"event": "message-start", "role": "ai", "id": message_id}),
        ("messages", {"event": "content-block-start", "index": 0, "content": start}),
        ("messages", {"event": "content-block-delta", "index": 0, "delta": delta}),
        ("messages", {"event": "content-block-finish", "index": 0, "content": finish}),
        (
            "messages",
            {
                "event": "message-finish",
                "usage": {"input_tokens": 4, "output_tokens": tokens, "total_tokens": 4 + tokens},
                "metadata": {"model_name": "m-1"},
            },
        ),
    ]


def _tool_message():
    """Return what the server makes of a tool's message, under a namespace of the call's."""
    text = {"type": "text", "text": "ok"}
    yield {"event": "message-start", "role": "tool", "id": "t1", "tool_call_id": "c1"}
    yield {"event": "content-block-start", "index": 0, "content": {"type": "text", "text": ""}}
    yield {"event": "content-block-delta", "index": 0, "content": text}
    yield {"event": "content-block-finish", "index": 0, "content": text}
    yield {"event": "message-finish", "metadata": {}}


def thread_events(run=1, channels=None, end="completed"):
    """Return the events of the *run*-th run of a thread; of these *channels*, where some are named."""
    call = {**CALL, "type": "tool_call_chunk", "args": "", "index": 0}
    asked = {"type": "tool-call-delta", "args": '{"q": "bus"}'}
    said = {"type": "text-delta", "text": "from afar"}
    told = [
        ("lifecycle", {"event": "running", "graph_name": "guide"}),
        ("values", {"messages": [QUESTION]}),
        *_model(f"{ASKS['id'][:-1]}{run}", call, asked, CALL, 10),
        (
            "tools",
            {"event": "tool-started", "tool_call_id": "c1", "tool_name": "look", "input": CALL["args"]},
        ),
        ("tools", {"event": "tool-finished", "tool_call_id": "c1", "output": LOOKED}),
        *(("messages", event, ["tools:c1"]) for event in _tool_message()),
        *_model(
            f"{ANSWERS['id'][:-2]}{run}b",
            {"type": "text", "text": ""},
            said,
            {"type": "text", "text": "from afar"},
            2,
        ),
        ("values", STATE),
        ("lifecycle", {"event": end, "graph_name": "guide", "error": "no way" if end == "failed" else None}),
    ]
    events = []
    for number, (method, data, *where) in enumerate(told):
        if channels is None or method in channels:
            params = {"namespace": where[0] if where else [], "timestamp": 1, "data": data}
            events.append({"type": "event", "event_id": f"{run}-{number}", "seq": number + 1})
            events[-1] |= {"method": method, "params": params}
    return events
