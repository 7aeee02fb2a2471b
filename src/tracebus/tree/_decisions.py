"""The questions and answers of decision models, as lines to read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["answer_lines", "question_lines"]


def answer_lines(outputs: Any) -> list[str]:
    """Return a line for every answer in a decision model's *outputs*; none where they are no such."""
    answers = outputs.get("answers") if isinstance(outputs, Mapping) else None
    if not isinstance(answers, Mapping):
        return []
    return [f"{name}: {_answer(answer)}" for name, answer in answers.items()]


def question_lines(inputs: Any) -> list[str]:
    """Return lines for every question in a decision model's *inputs*; none where they are no such.

    A question is its name, its type and what it asks; its possible answers follow, indented.
    """
    questions = inputs.get("questions") if isinstance(inputs, Mapping) else None
    if not isinstance(questions, Mapping):
        return []
    return [line for name, question in questions.items() for line in _question(str(name), question)]


def _question(name: str, question: Any) -> list[str]:
    if not isinstance(question, Mapping):
        return [f"{name}: {_text(question)}"]
    options = question.get("criteria") or question.get("choices") or question.get("levels")
    lines = [f"{name} ({question.get('type', 'question')}): {_text(question.get('instructions'))}"]
    if isinstance(options, Mapping):
        lines += [f"  {option}: {_text(said)}" for option, said in options.items() if said is not None]
    elif isinstance(options, list):
        lines += [f"  {level}: {_text(said)}" for level, said in enumerate(options)]
    return lines


def _answer(answer: Any) -> str:
    if not isinstance(answer, Mapping):
        return _text(answer)
    return _ANSWERS.get(str(answer.get("type")), _text)(answer)


def _edges(answer: Mapping[str, Any]) -> str:
    edges = answer.get("box")
    where = " ".join(f"{k} {v}" for k, v in edges.items()) if isinstance(edges, Mapping) else _text(edges)
    return where + _confidence(answer)


def _confidence(answer: Mapping[str, Any]) -> str:
    confidence = answer.get("confidence")
    return "" if confidence is None else f" (confidence {confidence})"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


_ANSWERS: dict[str, Callable[[Any], str]] = {
    "noul": lambda answer: f"yes with probability {answer.get('noul')}",
    "predicate": lambda answer: f"true with probability {answer.get('probability')}",
    "choice": lambda answer: _text(answer.get("choice")) + _confidence(answer),
    "score": lambda answer: _text(answer.get("score")) + _confidence(answer),
    "box": _edges,
    "refusal": lambda _: "declined to answer",
}
"""How the types of langchain-core and langchain-openai are told; another type as it is."""
