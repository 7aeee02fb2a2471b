"""The filter language: `kind:tool status:error name:~retriev tokens:>1000 took:>2s tag:prod`.

Words are looked for in names and errors. Conditions side by side must all hold; `|` between groups of
them means either; `!` before one turns it round. Fields: kind, status, name, tag, model, error, run, text,
tokens, in, out, took, ttft, cost, is. `field:~expression` is a regular expression, `field:>1` a comparison.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, TypeAlias

from tracebus.logs import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracebus.tree import RunNode

Test: TypeAlias = "Callable[[RunNode], bool]"


class FilterError(ValueError):
    """The filter makes no sense; the message says where and what would."""


_STATUS_WORDS = {
    "err": "error",
    "failed": "error",
    "live": "running",
    "open": "running",
    "canceled": "cancelled",
}
_KIND_WORDS = {"model": ("chat_model", "llm"), "retr": ("retriever",)}
_TEXTS: dict[str, Callable[[RunNode], str]] = {
    "name": lambda node: node.name,
    "tag": lambda node: "\n".join(node.tags),
    "model": lambda node: (node.model.name or "") if node.model is not None else "",
    "error": lambda node: f"{node.error.type}: {node.error.message}" if node.error is not None else "",
    "run": lambda node: node.run_id,
    "text": lambda node: node.text,
    "meta": lambda node: " ".join(f"{key}={value}" for key, value in node.metadata.items()),
}
_NUMBERS: dict[str, Callable[[RunNode], float | None]] = {
    "tokens": lambda node: node.usage.total_tokens if node.usage is not None else None,
    "in": lambda node: node.usage.input_tokens if node.usage is not None else None,
    "out": lambda node: node.usage.output_tokens if node.usage is not None else None,
    "took": lambda node: node.duration,
    "ttft": lambda node: node.time_to_first_token,
    "cost": lambda node: node.cost,
}
_ALIASES = {"tok": "tokens", "time": "took", "duration": "took", "id": "run", "state": "status"}
_IS: dict[str, Test] = {
    "root": lambda node: node.parent is None,
    "leaf": lambda node: not node.children,
    "retried": lambda node: bool(node.retries) or node.attempts > 1,
    "streamed": lambda node: node.stream is not None,
    "batch": lambda node: node.batch is not None,
    "cause": lambda node: (
        node.error is not None and not any(child.error is not None for child in node.children)
    ),
}
FIELDS = ("kind", "status", *_TEXTS, *_NUMBERS, "is")

_CONDITION = re.compile(r"(?P<field>[a-z]+)(?P<mark>:|~|>=|<=|>|<|=)(?P<value>.*)", re.DOTALL)
_COMPARED = re.compile(r"(>=|<=|>|<|=)?\s*\$?([^<>=$].*)")
_ALTERNATIVE = re.compile(r"""(?:"[^"]*"|'[^']*'|[^|])+""")
"""What stands between bars that are not in quotation marks."""
_SCALES = {"k": 1_000, "m": 1_000_000}


def parse_filter(text: str, *, pinned: Callable[[RunNode], bool] = lambda _: False) -> Test | None:
    """Return the test *text* describes; `None` where it is empty.

    Raises:
        FilterError: it makes no sense.
    """
    either = [
        group for part in _ALTERNATIVE.findall(text) if (group := _conjunction(part, pinned)) is not None
    ]
    if not either:
        return None
    if len(either) == 1:
        return either[0]
    return lambda node: any(test(node) for test in either)


def _conjunction(text: str, pinned: Callable[[RunNode], bool]) -> Test | None:
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.replace('"', " ").replace("'", " ").split()  # a quotation being typed
    tests = [_condition(word, pinned) for word in words if word not in ("!", "")]
    if len(tests) <= 1:
        return tests[0] if tests else None
    return lambda node: all(test(node) for test in tests)


def _condition(word: str, pinned: Callable[[RunNode], bool]) -> Test:
    if word.startswith("!"):
        inner = _condition(word[1:], pinned)
        return lambda node: not inner(node)
    found = _CONDITION.fullmatch(word)
    if found is None:
        return _plain(word)
    field = _ALIASES.get(found["field"], found["field"])
    mark, value = found["mark"], found["value"]
    if field not in FIELDS:
        if mark == ":" and "//" not in value:
            raise FilterError(f"there is no field {field!r}; fields are {', '.join(FIELDS)}")
        return _plain(word)
    return _field(field, value if mark == ":" else mark + value, pinned)


def _field(field: str, value: str, pinned: Callable[[RunNode], bool]) -> Test:
    if value == "":
        return lambda _: True  # being typed
    if field == "status":
        status = _STATUS_WORDS.get(value.lower(), value.lower())
        return lambda node: node.status.value.startswith(status)
    if field == "kind":
        kinds = _KIND_WORDS.get(value.lower(), (value.lower(),))
        return lambda node: node.kind.value.startswith(kinds)
    if field == "is":
        return pinned if value == "pinned" else _one_of_is(value)
    if field in _NUMBERS:
        return _number(_NUMBERS[field], field, value)
    return _text(_TEXTS[field], value)


def _one_of_is(value: str) -> Test:
    found = next((test for name, test in _IS.items() if name.startswith(value)), None)
    if found is None:
        raise FilterError(f"is:{value}: known are pinned, {', '.join(_IS)}")
    return found


def _plain(word: str) -> Test:
    wanted = word.lower()
    name, error = _TEXTS["name"], _TEXTS["error"]
    return lambda node: (
        wanted in name(node).lower() or (node.end is not None and wanted in error(node).lower())
    )


def _text(read: Callable[[RunNode], str], value: str) -> Test:
    if value.startswith("~"):
        try:
            expression = re.compile(value[1:], re.IGNORECASE)
        except re.error as error:
            raise FilterError(f"{value[1:]!r} is no regular expression: {error}") from error
        return lambda node: expression.search(read(node)) is not None
    if value.startswith("="):
        return lambda node: value[1:] in read(node).split("\n")
    wanted = value.lower().rstrip("*")
    return lambda node: wanted in read(node).lower()


def _number(read: Callable[[RunNode], float | None], field: str, value: str) -> Test:
    found = _COMPARED.fullmatch(value)
    if found is None:
        return lambda _: True  # a sign, and the number being typed
    sign, limit = found[1] or ">=", _amount(found[2], field)

    def test(node: RunNode) -> bool:
        amount = read(node)
        return amount is not None and _holds(amount, sign, limit)

    return test


def _holds(amount: float, sign: str, limit: float) -> bool:
    match sign:
        case ">":
            return amount > limit
        case "<":
            return amount < limit
        case ">=":
            return amount >= limit
        case "<=":
            return amount <= limit
        case _:
            return amount == limit


def _amount(text: str, field: str) -> float:
    try:
        if field in ("took", "ttft"):
            return parse_duration(text)
        scale = _SCALES.get(text[-1:].lower(), 1)
        return float(text if scale == 1 else text[:-1]) * scale
    except ValueError as error:
        example = "2s" if field in ("took", "ttft") else "1000"
        raise FilterError(f"{field}:{text}: expected a number such as {example}") from error
