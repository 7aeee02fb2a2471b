"""Whether a synchronous stream that LangChain says has ended was left before its end.

LangChain swallows the `GeneratorExit` and reports the end of a whole stream (langchain-core 1.0 to 1.8,
`Runnable._transform_stream_with_config`). What it read from is not exhausted then.
"""

from __future__ import annotations

import sys
from types import GeneratorType

__all__ = ["was_left"]

_REPORTS = "_transform_stream_with_config"
_READS = "iterator"
"""The name there of what the stream's chunks came from."""
_HOPS = 8
"""At most so many frames lie between that code and our callback."""


def was_left() -> bool:
    """Tell whether the code that reports an end at this moment has chunks left that nobody read."""
    frame = sys._getframe(1)  # noqa: SLF001  # nothing else tells
    for _ in range(_HOPS):
        if frame.f_code.co_name == _REPORTS:
            source = frame.f_locals.get(_READS)
            return isinstance(source, GeneratorType) and source.gi_frame is not None
        if frame.f_back is None:
            break
        frame = frame.f_back
    return False
