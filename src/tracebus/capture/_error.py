"""An exception captured without keeping it alive."""

from __future__ import annotations

import linecache
import traceback
from collections import deque
from types import WrapperDescriptorType
from typing import TYPE_CHECKING, Any, NamedTuple

from tracebus.capture._patience import SlowError, within_patience
from tracebus.capture._payload import replace_field
from tracebus.capture._text import INTERRUPTIONS, clean_text, clipped, safe_str, type_name
from tracebus.capture._walk import to_json
from tracebus.events import Cut, Deferred, ErrorInfo

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, TracebackType

    from tracebus.capture._policy import Capture
    from tracebus.events import Event

_FIRST_FRAMES = 32
_LAST_FRAMES = 96
_MOST_NOTES = 16
_MOST_LINKED = 8  # causes and contexts of causes, and members of groups
_MESSAGE_KEPT = 1_048_576  # of a message on the hot path; `Capture.max_string` follows later


class _Frames(NamedTuple):
    """Where an exception passed: code objects and line numbers, which keep no local variable alive."""

    first: list[tuple[CodeType, int]]
    last: list[tuple[CodeType, int]]
    left_out: int


class _Raised(NamedTuple):
    """One exception of a chain, and how it led to the next."""

    type: str
    message: str
    frames: _Frames
    leads_to: str


_MESSAGE_IN_TRACEBACK = 2_000  # so that a long message does not push the frames out

_cause_of: Callable[[BaseException], BaseException | None] = vars(BaseException)["__cause__"].__get__
_context_of: Callable[[BaseException], BaseException | None] = vars(BaseException)["__context__"].__get__
_hides_context: Callable[[BaseException], bool] = vars(BaseException)["__suppress_context__"].__get__
_traceback_of: Callable[[BaseException], TracebackType | None] = vars(BaseException)["__traceback__"].__get__
_members_of: Callable[[BaseException], tuple[BaseException, ...]] = vars(BaseExceptionGroup)[
    "exceptions"
].__get__

_arguments_of: Callable[[BaseException], tuple[Any, ...]] = vars(BaseException)["args"].__get__
_PLAIN = frozenset((str, int, float, bool, bytes, type(None)))

_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
_MEMBER = "\nThe above exception is a member of the following group:\n\n"


class CapturedError(Deferred):
    """An exception, in the field `error` of an event until somebody reads the event.

    Neither the exception nor its frames are kept: a pinned exception pins its traceback, and that the
    local variables of every frame, models and documents included, until a reader has come by. Its
    type, its message and the (code, line) pairs of its frames are taken at once. That costs about
    0.1 µs a frame and the exception's own `__str__`; a `traceback.TracebackException` costs some
    microseconds a frame, because it asks the file system about every source file. Source lines are
    looked up when the event is read.
    """

    __slots__ = ("_capture", "_chain", "_settled")

    def __init__(self, exception: BaseException, capture: Capture) -> None:
        self._capture = capture
        self._chain = _chain(exception, with_messages=capture.content)
        self._settled: tuple[ErrorInfo, tuple[Cut, ...]] | None = None

    def settle_into(self, event: Event, field: str) -> None:
        """Replace this object in *event*'s *field* by an `ErrorInfo` and note there what was cut."""
        chain = self._chain  # before it is asked what became of it: a copy may be settled meanwhile
        settled = self._settled
        if settled is None:
            settled = self._settled = _described(chain, self._capture, f"/{field}")
            self._chain = []
        replace_field(event, field, *settled)


def error_info(
    type_: str, message: str, capture: Capture, pointer: str = "/error"
) -> tuple[ErrorInfo, tuple[Cut, ...]]:
    """Describe an error known only by its type's name and message, under *capture*'s rules."""
    raised = _Raised(
        clean_text(type_), clean_text(message) if capture.content else "", _Frames([], [], 0), ""
    )
    return _described([raised], capture, pointer)


def _chain(exception: BaseException, *, with_messages: bool) -> list[_Raised]:
    """Return *exception* and what led to it, the earliest first."""
    found: list[_Raised] = []
    seen: set[int] = set()
    current: BaseException | None = exception
    leads_to = ""
    while current is not None and id(current) not in seen and len(found) < _MOST_LINKED:
        seen.add(id(current))
        message = _message(current) if with_messages else ""
        found.append(_Raised(type_name(type(current)), message, _frames(_traceback_of(current)), leads_to))
        current, leads_to = _before(current)
    found.reverse()
    return found


def _before(exception: BaseException) -> tuple[BaseException | None, str]:
    """Return what led to *exception*, and in which way.

    `BaseException`'s own descriptors are asked, since a subclass may define these names as it likes.
    """
    if (cause := _cause_of(exception)) is not None:
        return cause, _CAUSE
    if (context := _context_of(exception)) is not None and not _hides_context(exception):
        return context, _CONTEXT
    if issubclass(type(exception), BaseExceptionGroup):
        return _members_of(exception)[0], _MEMBER
    return None, ""


def _message(exception: BaseException) -> str:
    text = _said(exception)
    if text is None:
        return "<the exception's message could not be read>"
    return "\n".join([text, *_notes(exception)])[:_MESSAGE_KEPT]


def _said(exception: BaseException) -> str | None:
    """Return what the exception says; `None` where its own code fails or takes too long.

    The program waits for it: it is the one thing of an exception that is not only taken, but made.
    """
    kind = type(exception)
    built_in = type(type.__getattribute__(kind, "__str__")) is WrapperDescriptorType
    if built_in and all(type(one) in _PLAIN for one in _arguments_of(exception)):
        return safe_str(exception)
    try:
        text: str | None = within_patience(kind, lambda: safe_str(exception))
    except SlowError:
        return None
    return text


def _notes(exception: BaseException) -> list[str]:
    """Return the exception's PEP 678 notes."""
    try:
        notes = exception.__notes__
    except INTERRUPTIONS:
        raise
    except BaseException:  # noqa: BLE001  # most often there are none; else it is a subclass's failing code
        return []
    return [note for note in notes[:_MOST_NOTES] if type(note) is str] if type(notes) is list else []


def _frames(start: TracebackType | None) -> _Frames:
    first: list[tuple[CodeType, int]] = []
    last: deque[tuple[CodeType, int]] = deque(maxlen=_LAST_FRAMES)
    count = 0
    while start is not None:
        place = (start.tb_frame.f_code, start.tb_lineno)
        (first if count < _FIRST_FRAMES else last).append(place)
        count += 1
        start = start.tb_next
    return _Frames(first, list(last), count - len(first) - len(last))


def _described(chain: list[_Raised], capture: Capture, pointer: str) -> tuple[ErrorInfo, tuple[Cut, ...]]:
    shown = [_with_json_message(link, capture, f"{pointer}/message") for link in chain]
    raised, cuts = shown[-1]
    if not capture.content:
        cuts = (Cut(f"{pointer}/message", "content"),)
    trace, more = _traceback([link for link, _ in shown], capture, f"{pointer}/traceback")
    return ErrorInfo(type=raised.type, message=raised.message, traceback=trace), cuts + more


def _with_json_message(link: _Raised, capture: Capture, pointer: str) -> tuple[_Raised, tuple[Cut, ...]]:
    message, cuts = to_json(link.message, capture, pointer)
    return link._replace(message=_as_text(message) or ""), cuts


def _traceback(chain: list[_Raised], capture: Capture, pointer: str) -> tuple[str | None, tuple[Cut, ...]]:
    if not any(link.frames.first for link in chain):
        return None, ()
    text, cuts = to_json(_formatted(chain, with_source=capture.content), capture, pointer)
    if any(link.frames.left_out for link in chain):
        frames = sum(len(link.frames.first) + link.frames.left_out + len(link.frames.last) for link in chain)
        cuts += (Cut(pointer, "items", frames),)
    return _as_text(text), cuts


def _formatted(chain: list[_Raised], *, with_source: bool) -> str:
    """Return the chain's traceback as Python prints it; of long messages only the beginnings."""
    parts: list[str] = []
    for link in chain:
        parts.append("Traceback (most recent call last):\n")
        parts += _lines(link.frames.first, with_source=with_source)
        if link.frames.left_out:
            parts.append(f"  [{link.frames.left_out} frames left out]\n")
        parts += _lines(link.frames.last, with_source=with_source)
        message = clipped(link.message, _MESSAGE_IN_TRACEBACK)
        parts.append(f"{link.type}: {message}\n" if message else f"{link.type}\n")
        parts.append(link.leads_to)
    return "".join(parts)


def _lines(places: list[tuple[CodeType, int]], *, with_source: bool) -> list[str]:
    for filename in {code.co_filename for code, _ in places} if with_source else ():
        linecache.checkcache(filename)
    summaries = traceback.StackSummary.from_list(
        [
            traceback.FrameSummary(
                code.co_filename,
                line,
                code.co_qualname,
                lookup_line=with_source,
                line=None if with_source else "",
            )
            for code, line in places
        ]
    )
    return summaries.format()


def _as_text(value: Any) -> str | None:
    return value if type(value) is str else None if value is None else str(value)
