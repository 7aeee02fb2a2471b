"""What the content models of the conventions require, as a table of our own.

Recorded from open-telemetry/semantic-conventions-genai, docs/gen-ai/non-normative/models.py, at 0724e29 and,
for the generation before, 11a29df: which keys each part, message, tool definition and document must have, and
of which type. All but a blob may have further keys.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

_ANY = object
_TEXT = {"content": str}
_PARTS: dict[str, dict[str, Any]] = {
    "text": _TEXT,
    "reasoning": _TEXT,
    "tool_call": {"name": str},
    "tool_call_response": {"response": _ANY},
    "server_tool_call": {"name": str, "server_tool_call": dict},
    "server_tool_call_response": {"server_tool_call_response": dict},
    "blob": {"modality": str, "content": str},
    "file": {"modality": str, "file_id": str},
    "uri": {"modality": str, "uri": str},
    "compaction": {},
}
_OPTIONAL = {"id": str, "mime_type": str}
_TYPED = ("server_tool_call", "server_tool_call_response")
_BLOB = {"type", "mime_type", "modality", "content"}


def faults_of(attribute: str, value: Any, *, generation: str = "0.1") -> list[str]:
    """Return what is wrong with a content attribute's *value*, by the model it follows."""
    match attribute:
        case "gen_ai.input.messages":
            return _each(value, _message)
        case "gen_ai.output.messages":
            found = _each(value, _message)
            # Deprecated and optional in 0.1, required before; a string in both.
            if isinstance(value, list) and not all(
                isinstance(m.get("finish_reason", "" if generation == "0.1" else None), str) for m in value
            ):
                found.append("a message without finish_reason")
            return found
        case "gen_ai.system_instructions":
            return _each(value, _instruction)
        case "gen_ai.tool.definitions":
            return _each(value, _definition)
        case "gen_ai.retrieval.documents":
            return _each(value, _document)
        case _:
            return []


def _each(value: Any, check: Any) -> list[str]:
    if not isinstance(value, list):
        return [f"no list: {value!r}"]
    return [fault for item in value for fault in check(item)]


def _keys(item: Any, wanted: dict[str, Any]) -> list[str]:
    if not isinstance(item, dict):
        return [f"no object: {item!r}"]
    faults = [f"{item} lacks {name}" for name in wanted if name not in item]
    return faults + [
        f"{name} of {item} is no {kind.__name__}"
        for name, kind in wanted.items()
        if name in item and not isinstance(item[name], kind)
    ]


def _message(item: Any) -> list[str]:
    faults = _keys(item, {"role": str, "parts": list})
    if faults:
        return faults
    if "name" in item and not isinstance(item["name"], str):
        faults.append(f"name of {item} is no text")
    return faults + [fault for part in item["parts"] for fault in _part(part)]


def _part(item: Any) -> list[str]:
    faults = _keys(item, {"type": str})
    if faults:
        return faults
    kind = item["type"]
    faults = _keys(item, _PARTS.get(kind, {}))
    if kind in _PARTS:
        faults += _keys({n: v for n, v in item.items() if n in _OPTIONAL and v is not None}, {
            n: t for n, t in _OPTIONAL.items() if item.get(n) is not None
        })  # fmt: skip
    if kind in _TYPED and not faults:
        faults += _keys(item[kind], {"type": str})
    if kind == "blob" and not faults:
        faults += [f"{item} has more than a blob may"] if not item.keys() <= _BLOB else []
        faults += [] if _is_base64(item["content"]) else [f"{item} is no base64"]
    if kind == "uri" and not faults and item["uri"].startswith("data:"):
        faults.append(f"{item} is a blob")
    return faults


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _instruction(item: Any) -> list[str]:
    faults = _part(item)
    return faults or ([] if item["type"] == "text" else [f"{item} is no text"])


def _definition(item: Any) -> list[str]:
    faults = _keys(item, {"type": str, "name": str})
    for name, kind in (("description", str), ("parameters", dict)):
        if not faults and item["type"] == "function" and not isinstance(item.get(name, kind()), kind):
            faults.append(f"{name} of {item} is no {kind.__name__}")
    return faults


def _document(item: Any) -> list[str]:
    faults = _keys(item, {})
    if not faults and not isinstance(item.get("id", ""), str | None):
        faults.append(f"id of {item} is no text")
    if not faults and not isinstance(item.get("score", 0.0), int | float | None):
        faults.append(f"score of {item} is no number")
    return faults
