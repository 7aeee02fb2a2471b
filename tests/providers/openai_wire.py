"""OpenAI's wire formats: chat completions, text completions, responses.

Shapes after the API reference (platform.openai.com/docs/api-reference), objects `chat.completion`,
`chat.completion.chunk`, `text_completion` and `response`.
"""

from __future__ import annotations

from wire import as_events, as_json

MODEL = "gpt-4o-mini-2024-07-18"
CHAT_ID = "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT"


def usage(prompt=19, completion=10, *, cached=None, reasoning=None, audio_in=None, audio_out=None):
    found = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    if cached is not None or audio_in is not None:
        found["prompt_tokens_details"] = {"cached_tokens": cached or 0, "audio_tokens": audio_in or 0}
    if reasoning is not None or audio_out is not None:
        found["completion_tokens_details"] = {
            "reasoning_tokens": reasoning or 0,
            "audio_tokens": audio_out or 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        }
    return found


def tool_call(name, arguments, call_id):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def chat(*texts, finish="stop", tool_calls=None, used=None, service_tier="default"):
    """Answer a chat request with one choice per text."""
    choices = []
    for index, text in enumerate(texts or (None,)):
        message = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
        if tool_calls:
            message["tool_calls"] = tool_calls
        choices.append({"index": index, "message": message, "logprobs": None, "finish_reason": finish})
    return as_json(
        {
            "id": CHAT_ID,
            "object": "chat.completion",
            "created": 1741569952,
            "model": MODEL,
            "choices": choices,
            "usage": used or usage(),
            "service_tier": service_tier,
            "system_fingerprint": "fp_06737a9306",
        }
    )


def chat_chunk(delta=None, *, finish=None, used=None, index=0):
    """Return one `chat.completion.chunk`; without a delta and a reason it is the usage's, without choices."""
    choices = []
    if delta is not None or finish is not None:
        choices = [{"index": index, "delta": delta or {}, "logprobs": None, "finish_reason": finish}]
    return {
        "id": CHAT_ID,
        "object": "chat.completion.chunk",
        "created": 1741569952,
        "model": MODEL,
        "service_tier": "default",
        "system_fingerprint": "fp_06737a9306",
        "choices": choices,
        "usage": used,
    }


def text_deltas(*texts, finish="stop"):
    return [
        chat_chunk({"role": "assistant", "content": "", "refusal": None}),
        *(chat_chunk({"content": text}) for text in texts),
        chat_chunk({}, finish=finish),
    ]


def chat_stream(*chunks, used=None, **arguments):
    """Answer with server-sent events; with *used*, as `stream_options: {include_usage: true}` asks."""
    events = [*chunks, *([chat_chunk(used=used)] if used else [])]
    return as_events(events, done=not arguments.get("broken"), **arguments)


def tool_deltas(calls):
    """Stream tool calls: for each an opening delta with id and name, then its arguments in pieces."""
    chunks = [chat_chunk({"role": "assistant", "content": None})]
    for index, (call_id, name, pieces) in enumerate(calls):
        opening = {"index": index, **tool_call(name, "", call_id)}
        chunks.append(chat_chunk({"tool_calls": [opening]}))
        chunks += [
            chat_chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
            for piece in pieces
        ]
    return [*chunks, chat_chunk({}, finish="tool_calls")]


def error(status, message, kind="invalid_request_error", **headers):
    body = {"error": {"message": message, "type": kind, "param": None, "code": None}}
    return as_json(body, status, **headers)


def completion(text, *, used=None, finish="stop"):
    """Answer a legacy text completion."""
    return as_json(completion_body(text, used=used or usage(5, 7), finish=finish))


def completion_body(text, *, used=None, finish=None):
    return {
        "id": "cmpl-uqkvlQyYK7bGYrRHQ0eXlWi7",
        "object": "text_completion",
        "created": 1589478378,
        "model": "gpt-3.5-turbo-instruct",
        "system_fingerprint": "fp_44709d6fcb",
        "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish}],
        "usage": used,
    }


def completion_stream(*texts, used=None):
    events = [*(completion_body(text) for text in texts), completion_body("", finish="stop")]
    if used:
        events.append({**completion_body("", used=used), "choices": []})
    return as_events(events, done=True)


RESPONSE_ID = "resp_67ccd3a9da748190baa7f1570fe91ac604becb25c45c1d41"
RESPONSE_MODEL = "o4-mini-2025-04-16"


def response(output, *, used=None, status="completed"):
    return {
        "id": RESPONSE_ID,
        "object": "response",
        "created_at": 1741476777,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "model": RESPONSE_MODEL,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": used,
        "user": None,
        "metadata": {},
    }


def response_usage(inputs=75, outputs=1186, *, cached=0, reasoning=0):
    return {
        "input_tokens": inputs,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": outputs,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": inputs + outputs,
    }


def reasoning_item(*summaries):
    parts = [{"type": "summary_text", "text": text} for text in summaries]
    return {"id": "rs_1", "type": "reasoning", "summary": parts}


def message_item(text):
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [part]}


def call_item(name, arguments, call_id):
    return {
        "id": "fc_1",
        "type": "function_call",
        "status": "completed",
        "name": name,
        "arguments": arguments,
        "call_id": call_id,
    }


def responses(*output, used):
    """Answer a Responses API request."""
    return as_json(response(list(output), used=used))


def responses_stream(thoughts, texts, *, used):
    """Stream a Responses API answer: a reasoning summary in pieces, then text in pieces."""
    thinking, message = reasoning_item("".join(thoughts)), message_item("".join(texts))
    empty_part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    summary = {"type": "summary_text", "text": "".join(thoughts)}
    in_summary = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
    in_text = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
    events = [
        {"type": "response.created", "response": response([], status="in_progress")},
        {"type": "response.in_progress", "response": response([], status="in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": reasoning_item()},
        {
            "type": "response.reasoning_summary_part.added",
            **in_summary,
            "part": {"type": "summary_text", "text": ""},
        },
        *(
            {"type": "response.reasoning_summary_text.delta", **in_summary, "delta": text}
            for text in thoughts
        ),
        {"type": "response.reasoning_summary_text.done", **in_summary, "text": summary["text"]},
        {"type": "response.reasoning_summary_part.done", **in_summary, "part": summary},
        {"type": "response.output_item.done", "output_index": 0, "item": thinking},
        {
            "type": "response.output_item.added",
            "output_index": 1,
            "item": {**message, "status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **in_text, "part": empty_part},
        *({"type": "response.output_text.delta", **in_text, "delta": text, "logprobs": []} for text in texts),
        {"type": "response.output_text.done", **in_text, "text": "".join(texts), "logprobs": []},
        {"type": "response.content_part.done", **in_text, "part": message["content"][0]},
        {"type": "response.output_item.done", "output_index": 1, "item": message},
        {"type": "response.completed", "response": response([thinking, message], used=used)},
    ]
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    return as_events(numbered, named=True)
