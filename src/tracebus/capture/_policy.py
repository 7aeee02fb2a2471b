"""What of a program's data may enter events, and how much of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tracebus.capture._keys import DEFAULT_REDACT_KEYS, names_a_secret, normalised
from tracebus.capture._text import INTERRUPTIONS, REDACTED, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_log = logging.getLogger("tracebus.capture")

_MOST_VERDICTS = 8_192
_DEEPEST = 100  # far below the interpreter's recursion limit, and what JSON readers accept


@dataclass(frozen=True, kw_only=True)
class Capture:
    """A policy: what of the program's data may enter events, and how much of it.

    It is applied once, when a payload becomes JSON, so it holds for every exporter, log and view
    alike. Whatever it removes is noted in the event's `cuts`.

    Args:
        content: take inputs, outputs, chunks, custom data, streamed text and error messages. With
            `False` none of them leaves the process; names, kinds, times, usage, model parameters,
            metadata and the frames of a traceback (without source lines) remain.
        metadata: take runs' metadata. It is structure (thread and node names, `ls_*`) rather than
            content, so `content=False` keeps it; limits and redaction apply to it all the same.
        raw_chunks: also take every streamed chunk as the program yielded it, in `RunStreamed.chunk`,
            unless `redact` is given. Redaction sees one chunk at a time there, so that a secret
            may come through in parts.
        redact_keys: names of keys whose values become `"[redacted]"`, at any depth: in mappings,
            models and dataclasses, in lists of `(name, value)` pairs as of HTTP headers, and in
            text, streamed text too: JSON, a `repr`, URLs, forms, headers, `.env` files, YAML, source
            code, options of commands. Case, `-`, `_` and camelCase make no difference, and `api_key`
            also finds `openai_api_key`; `token` finds no tokens of text (`eos_token`). With any key
            at all, secrets with a form of their own are redacted as well: keys with the prefix of
            their service, JSON Web Tokens, private keys in PEM, passwords in URLs. An empty set
            switches all of it off. Replaces `DEFAULT_REDACT_KEYS`: to add to it, give
            `DEFAULT_REDACT_KEYS | {"ssn"}`.
        redact: called as `redact(pointer, text)` for every string value that remains after the
            above (never for keys, numbers, or strings tracebus itself put in a value's place), whole,
            before it is shortened, with its JSON Pointer in the event, for example
            `/inputs/messages/0/content`. What it returns stands in the string's place, be it
            another string, `None` or a structure. If it raises, the value becomes `"[redacted]"`.
            It runs on a thread of its own, off the program's path. A payload it takes more than 30 s for
            is `"[redacted]"`, and so for a while is all it would be asked about. A secret may straddle
            two streamed chunks, so with it streamed text is withheld, and seen when the run's outputs
            arrive.
        max_string: characters of one string.
        max_items: items of one container.
        max_depth: containers inside one another, at most 100.
        max_size: characters of one payload. Its encoded form is at most six times as many bytes
            (JSON spends up to six on one control character), plus 64 bytes for every level of depth.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: a limit is out of range.
    """

    content: bool = True
    metadata: bool = True
    raw_chunks: bool = False
    redact_keys: Collection[str] = DEFAULT_REDACT_KEYS
    redact: Callable[[str, str], Any] | None = None
    max_string: int = 65_536
    max_items: int = 1_000
    max_depth: int = 32
    max_size: int = 1_048_576
    _secret_names: frozenset[str] = field(init=False, repr=False, compare=False)
    _verdicts: dict[str, bool] = field(init=False, repr=False, compare=False, default_factory=dict)
    """What `is_secret` said: the same few keys are asked about for every payload."""
    _complaints: set[str] = field(init=False, repr=False, compare=False, default_factory=set)

    def __post_init__(self) -> None:
        for name in ("content", "metadata", "raw_chunks"):
            _check_switch(name, getattr(self, name))
        for name in ("max_string", "max_items", "max_depth", "max_size"):
            _check_limit(name, getattr(self, name))
        if self.max_depth > _DEEPEST:
            raise ValueError(f"Capture(max_depth={self.max_depth}) is too deep: give at most {_DEEPEST}")
        if self.redact is not None and not callable(self.redact):
            raise TypeError(f"Capture(redact=...) takes a function (pointer, text), not {self.redact!r}")
        keys = _checked_keys(self.redact_keys)
        object.__setattr__(self, "redact_keys", keys)
        object.__setattr__(self, "_secret_names", normalised(keys))

    @property
    def streams_text(self) -> bool:
        """Whether streamed text may enter events chunk by chunk."""
        return self.content and self.redact is None

    def is_secret(self, key: str) -> bool:
        """Say whether the value under *key* is to be redacted."""
        verdict = self._verdicts.get(key)
        if verdict is None:
            if len(self._verdicts) >= _MOST_VERDICTS:
                self._verdicts.clear()
            verdict = self._verdicts[key] = names_a_secret(key, self._secret_names)
        return verdict

    def redacted_by_function(self, pointer: str, text: str) -> Any:
        """Return what the redaction function makes of *text*, `"[redacted]"` if it raises."""
        if self.redact is None:
            return text
        try:
            return self.redact(pointer, text)
        except INTERRUPTIONS:
            raise
        except BaseException as error:  # noqa: BLE001  # the program's function; a failing one must not reveal
            self._complain(type_name(type(error)))
            return REDACTED

    def _complain(self, failure: str) -> None:
        # Once for each type of error, and without its message, which may hold the value.
        if failure not in self._complaints:
            self._complaints.add(failure)
            _log.warning("Capture(redact=...) raised %s; the value is left out", failure)


def _check_switch(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"Capture({name}=...) takes True or False, not {value!r}")


def _check_limit(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"Capture({name}=...) takes a whole number, not {value!r}")
    if value < 1:
        raise ValueError(
            f"Capture({name}={value}) must be at least 1; to leave content out use Capture(content=False)"
        )


def _checked_keys(keys: object) -> frozenset[str]:
    remedy = 'give a set of key names such as {"api_key"}, or an empty one for none'
    if isinstance(keys, str | bytes):
        raise TypeError(f"Capture(redact_keys={keys!r}) is one string: {remedy}")
    try:
        found: frozenset[object] = frozenset(keys)  # type: ignore[call-overload]  # that is what is checked
    except TypeError as error:
        raise TypeError(f"Capture(redact_keys={keys!r}): {remedy}") from error
    for key in found:
        if not isinstance(key, str):
            raise TypeError(f"Capture(redact_keys=...) holds {key!r}, which is no string: {remedy}")
    return frozenset(key for key in found if isinstance(key, str))


DEFAULT_CAPTURE = Capture()
"""What is captured where nobody said otherwise."""
