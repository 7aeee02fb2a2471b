"""What differs between two runs, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from tracebus.comparison._align import aligned_runs
from tracebus.events import RunKind
from tracebus.transcript import as_json, given, put_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracebus.comparison._align import Pair
    from tracebus.tree import RunNode

__all__ = ["Change", "Comparison", "Difference", "Side", "Step", "compare"]

Change: TypeAlias = Literal["same", "differs", "only_left", "only_right"]
"""How a step differs. Time, tokens and cost alone are no difference: `Side` has them."""

_INPUT = {RunKind.CHAT_MODEL: "prompt", RunKind.LLM: "prompt", RunKind.TOOL: "arguments"}
_OUTPUT = {RunKind.CHAT_MODEL: "answer", RunKind.LLM: "answer", RunKind.TOOL: "result"}


class Difference(msgspec.Struct, frozen=True):
    """Something that is not the same on both sides."""

    what: str
    """`name`, `kind`, `model`, `parameters`, `input`, `status`, `error`, `output`, `attempts`, in this order.
    A model's input is its `prompt` and its output the `answer`; a tool has `arguments` and a `result`."""
    left: str
    right: str


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two runs of a step. What nobody reported is `None`, which is not zero."""

    run_id: str
    name: str
    kind: str
    status: str
    duration: float | None = None
    """Seconds."""
    time_to_first_token: float | None = None
    """Seconds."""
    input_tokens: int | None = None
    """Of the run and the runs below it, as are the next two."""
    output_tokens: int | None = None
    cost: float | None = None
    """US dollars."""

    @classmethod
    def of(cls, node: RunNode) -> Side:
        """Return what *node* says."""
        usage = node.usage
        return cls(
            run_id=node.run_id,
            name=node.name,
            kind=node.kind.value,
            status=node.status.value,
            duration=node.duration,
            time_to_first_token=node.time_to_first_token,
            input_tokens=usage.input_tokens if usage is not None else None,
            output_tokens=usage.output_tokens if usage is not None else None,
            cost=node.cost,
        )


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs that correspond, or one that only one side has."""

    depth: int
    """0 for the two runs compared."""
    change: Change
    left: Side | None = None
    right: Side | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def name(self) -> str:
        """Return what to call it."""
        side = self.left or self.right
        return side.name if side is not None else "?"


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs, compared."""

    same: bool
    """Whether nothing but time, tokens and cost differs."""
    parted: int | None = None
    """The step, by its place in `steps`, at which the two first took different ways."""
    steps: tuple[Step, ...] = ()
    """Parents first, in the order they ran; the first is the two runs themselves."""


def compare(left: RunNode, right: RunNode) -> Comparison:
    """Return what differs between two runs and between the runs below them."""
    steps = tuple(_step(pair) for pair in aligned_runs(left, right))
    parted = _parted(steps)
    return Comparison(same=parted is None, parted=parted, steps=steps)


def _step(pair: Pair) -> Step:
    left, right = pair.left, pair.right
    differences = tuple(_differences(left, right)) if left is not None and right is not None else ()
    change: Change = "only_right" if left is None else "only_left" if right is None else "same"
    return Step(
        depth=pair.depth,
        change="differs" if differences else change,
        left=Side.of(left) if left is not None else None,
        right=Side.of(right) if right is not None else None,
        differences=differences,
    )


def _differences(left: RunNode, right: RunNode) -> Iterator[Difference]:
    for (what, ours), (_, theirs) in zip(_facts(left), _facts(right), strict=True):
        if ours != theirs:
            yield Difference(what, ours, theirs)


def _facts(node: RunNode) -> Iterator[tuple[str, str]]:
    """Yield what two runs are compared by, in the order in which it comes about."""
    model, error = node.model, node.error
    yield "name", node.name
    yield "kind", node.kind.value
    yield "model", " ".join(filter(None, (model.provider, model.name))) if model is not None else ""
    yield "parameters", _parameters(model.parameters) if model is not None else ""
    yield _INPUT.get(node.kind, "input"), given(node)
    yield "status", node.status.value
    yield "error", f"{error.type}: {error.message}" if error is not None else ""
    yield _OUTPUT.get(node.kind, "output"), put_out(node)
    yield "attempts", str(node.attempts)


def _parameters(parameters: dict[str, Any]) -> str:
    return as_json(parameters) if parameters else ""


_GIVEN = frozenset(("name", "kind", "model", "parameters", "input", "prompt", "arguments"))


def _parted(steps: Sequence[Step]) -> int | None:
    """Return the first step that differs by itself: by what it was given, or by what it made of the same.

    What a step put out shows in those that contain it, which come before it: the innermost is meant.
    """
    around: list[int] = []
    """Steps that put out something else, all around the place looked at."""
    for number, step in enumerate(steps):
        if around and steps[around[-1]].depth >= step.depth:
            return around[-1]  # nothing inside explains it
        if step.change in ("only_left", "only_right"):
            return number
        if any(difference.what in _GIVEN for difference in step.differences):
            return number
        if step.change == "differs":
            around.append(number)
    return around[-1] if around else None
