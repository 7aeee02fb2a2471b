"""Anthropic's wire format: messages, whole and streamed.

Shapes after the Messages API's reference and its page on streaming (docs.anthropic.com).
"""

from __future__ import annotations

from wire import as_events, as_json

MODEL = "claude-loopback-1-20260101"
MESSAGE_ID = "msg_013Zva2CMHLNnXjNJJKqJ2EF"


def usage(inputs=25, outputs=15, *, read=0, created_5m=0, created_1h=0, thinking=None):
    found = {
        "input_tokens": inputs,
        "cache_creation_input_tokens": created_5m + created_1h,
        "cache_read_input_tokens": read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": created_5m,
            "ephemeral_1h_input_tokens": created_1h,
        },
        "output_tokens": outputs,
        "service_tier": "standard",
    }
    if thinking is not None:
        found["output_tokens_details"] = {"thinking_tokens": thinking}
    return found


def body(content, *, stop="end_turn", used=None):
    return {
        "id": MESSAGE_ID,
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": used or usage(),
    }


def text(said):
    return {"type": "text", "text": said}


def thinking(thought):
    return {"type": "thinking", "thinking": thought, "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"}


def tool_use(name, arguments, call_id):
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def message(*content, stop="end_turn", used=None):
    """Answer with a whole message."""
    return as_json(body(list(content), stop=stop, used=used))


def error(status, kind, said, **headers):
    return as_json({"type": "error", "error": {"type": kind, "message": said}}, status, **headers)


def block(index, opening, *deltas):
    """Return a content block's events: start, deltas, stop."""
    return [
        {"type": "content_block_start", "index": index, "content_block": opening},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text_block(index, *pieces):
    return block(index, text(""), *({"type": "text_delta", "text": piece} for piece in pieces))


def thinking_block(index, *pieces):
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    opening = {"type": "thinking", "thinking": "", "signature": ""}
    return block(index, opening, *deltas, {"type": "signature_delta", "signature": "EqQBCgIYAhIM1gbcDa9G"})


def tool_block(index, name, call_id, *pieces):
    deltas = ({"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces))
    return block(index, tool_use(name, {}, call_id), *deltas)


def events(*blocks, stop="end_turn", start_usage=None, end_usage=None):
    """Return the events of a streamed message; usage comes with the first and, in whole, with the last."""
    first = start_usage or usage(outputs=1)
    last = end_usage or usage()
    return [
        {"type": "message_start", "message": {**body([], stop=None, used=first)}},
        {"type": "ping"},
        *(event for found in blocks for event in found),
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": None},
            "usage": {
                key: value for key, value in last.items() if key not in {"cache_creation", "service_tier"}
            },
        },
        {"type": "message_stop"},
    ]


def stream(*blocks, **arguments):
    """Answer with a streamed message."""
    return as_events(events(*blocks, **arguments), named=True)


def broken_stream(*blocks, error_event=None):
    """Begin a streamed message and drop the connection, or send an error event in its midst."""
    begun = events(*blocks)[:-3]
    if error_event is not None:
        return as_events([*begun, error_event], named=True)
    return as_events(begun, named=True, broken=True)
