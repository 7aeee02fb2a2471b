"""JSON Pointer (RFC 6901): writing and reading paths."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["escape", "pointer", "split_pointer"]

_BAD_ESCAPE = re.compile(r"~(?![01])")


def escape(token: str) -> str:
    """Return *token* as one reference token: `~` becomes `~0`, `/` becomes `~1`."""
    return token.replace("~", "~0").replace("/", "~1")


def pointer(*tokens: str | int) -> str:
    """Return the pointer to the member reached by *tokens* from the root; without any, the root's."""
    return "".join(f"/{escape(str(token))}" for token in tokens)


# Streams repeat a few paths thousands of times; the bound keeps memory flat when they do not.
@lru_cache(maxsize=4096)
def split_pointer(path: str) -> tuple[str, ...]:
    """Return the unescaped reference tokens of *path*, none for the root.

    Raises:
        ValueError: *path* is no JSON Pointer.
    """
    if not path:
        return ()
    if path[0] != "/":
        raise ValueError("a JSON Pointer is empty or starts with '/'")
    if "~" not in path:
        return tuple(path[1:].split("/"))
    if _BAD_ESCAPE.search(path):
        raise ValueError("in a JSON Pointer '~' is written '~0' and '/' inside a name '~1'")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in path[1:].split("/"))
