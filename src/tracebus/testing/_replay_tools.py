"""A tool that gives back what it gave when it was recorded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException

from tracebus.transcript import as_json, told

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["replayed_tool"]


def replayed_tool(
    tool: BaseTool, results: Sequence[tuple[Any, Any]], *, strict: bool, parted: type[AssertionError]
) -> BaseTool:
    """Return a tool that looks like *tool* to a model and gives the recorded *results*.

    Args:
        tool: what it stands for; its name, description, schema and error handling are kept.
        results: the recorded inputs, each with the output as JSON or the exception to raise.
        strict: other arguments than the recorded ones are an error.
        parted: the error's class.
    """
    script = _Results(tool, results, strict=strict, parted=parted)

    def run(**arguments: Any) -> Any:
        return script.result(arguments)

    async def arun(**arguments: Any) -> Any:
        return script.result(arguments)

    return StructuredTool(
        name=tool.name,
        description=tool.description,
        args_schema=tool.args_schema or tool.get_input_schema(),
        func=run,
        coroutine=arun,
        response_format=tool.response_format,
        return_direct=tool.return_direct,
        handle_tool_error=tool.handle_tool_error,
        handle_validation_error=tool.handle_validation_error,
        tags=tool.tags,
        metadata=tool.metadata,
    )


class _Results:
    """The results of one tool that are left to give."""

    def __init__(
        self,
        tool: BaseTool,
        results: Sequence[tuple[Any, Any]],
        *,
        strict: bool,
        parted: type[AssertionError],
    ) -> None:
        self._tool = tool
        self._left = list(results)
        self._recorded = [inputs for inputs, _ in results]
        self._strict = strict
        self._parted = parted
        self._lock = threading.Lock()

    def result(self, arguments: dict[str, Any]) -> Any:
        """Return the recorded result for *arguments*, or raise what was raised."""
        with self._lock:
            place = next(
                (place for place, (inputs, _) in enumerate(self._left) if self._fits(inputs, arguments)), None
            )
            if place is None and (self._strict or not self._left):
                raise self._parted(self._why(arguments))
            _, output = self._left.pop(place or 0)
        if isinstance(output, BaseException):
            raise output
        return self._given_back(output)

    def _fits(self, inputs: Any, arguments: dict[str, Any]) -> bool:
        """Return whether the arguments are the recorded ones; defaults nobody gave may stand beside them."""
        if not isinstance(inputs, dict):
            return len(arguments) == 1 and told(inputs) == told(next(iter(arguments.values())))
        own = {name: value for name, value in arguments.items() if name in self._tool.args}
        same = all(
            name in own and told(own[name]) == told(value)
            for name, value in inputs.items()
            if name in self._tool.args
        )
        return same and all(
            self._is_default(name, value) for name, value in own.items() if name not in inputs
        )

    def _is_default(self, name: str, value: Any) -> bool:
        return bool(self._tool.args[name].get("default") == value)

    def _given_back(self, output: Any) -> Any:
        match output:
            case {"type": "tool", "content": content, "status": "error"}:
                raise ToolException(content if isinstance(content, str) else as_json(content))
            case {"type": "tool", "content": content}:
                result = content
            case _:
                result = output
        if self._tool.response_format == "content_and_artifact":
            return result, output.get("artifact") if isinstance(output, dict) else None
        return result

    def _why(self, arguments: dict[str, Any]) -> str:
        asked = " ".join(as_json(arguments).split())
        if not self._recorded:
            return f"the tool {self._tool.name!r} was not called in the recording; now it is, with {asked}"
        recorded = "\n".join(f"  {' '.join(as_json(inputs).split())}" for inputs in self._recorded[:10])
        return (
            f"it parts at the tool {self._tool.name!r}: it is called with {asked}; "
            f"recorded, and not given back yet or already, are\n{recorded}"
        )
