"""The help desk's tools: one is flaky, one fails."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

from langchain_core.tools import ToolException, tool

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool

__all__ = ["Toolbox"]


class Toolbox:
    """The tools of one performance; the first call of `departures` fails.

    Args:
        delay: seconds a call takes.
    """

    def __init__(self, delay: float) -> None:
        calls = itertools.count(1)

        @tool
        async def departures(stop: str, line: str) -> str:
            """Look up the next departures of a line from a stop."""
            await asyncio.sleep(delay)
            if next(calls) == 1:
                raise ConnectionError("timetable service: connection reset by peer")
            return f"{line} from {stop}: 0:12, 0:52, 1:32"

        @tool
        async def lost_property(item: str) -> str:
            """Ask the depot for a lost item."""
            await asyncio.sleep(delay / 2)
            raise ToolException(f"the depot's register is closed until 8:00; ask again for: {item}")

        # Handled: the model reads the message instead of the user reading a traceback.
        lost_property.handle_tool_error = True
        self.tools: list[BaseTool] = [departures, lost_property]
        self.by_name: dict[str, Runnable[Any, Any]] = {
            "departures": departures.with_retry(stop_after_attempt=3, wait_exponential_jitter=False),
            "lost_property": lost_property,
        }
