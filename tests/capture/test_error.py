"""Exceptions, described without being kept."""

from __future__ import annotations

import gc
import weakref

import pytest

from tracebus.capture import Capture, CapturedError, error_info
from tracebus.events import ErrorInfo, Outcome, RunEnded, decode_json, encode_json, settle

DEFAULT = Capture()
SECRET = "hunter2-very-secret"


def settled(exception, capture=DEFAULT):
    event = RunEnded(
        outcome=Outcome.ERROR, error=CapturedError(exception, capture), time=1, run_id="r", root_run_id="r"
    )
    assert decode_json(encode_json(event)) == event
    return settle(event)


def raised(make):
    try:
        make()
    except BaseException as error:
        return error
    raise AssertionError


def test_type_message_and_traceback_are_told():
    """The description reads like Python's own."""

    def fails():
        raise ValueError("no luck")

    error = settled(raised(fails)).error
    assert error.type == "ValueError"
    assert error.message == "no luck"
    assert error.traceback.startswith("Traceback (most recent call last):\n  File ")
    assert 'raise ValueError("no luck")' in error.traceback
    assert error.traceback.endswith("ValueError: no luck\n")


def test_the_types_module_is_told_unless_built_in():
    """A class is named with its module."""

    class OwnError(Exception):
        pass

    assert settled(OwnError("x")).error.type == f"{__name__}.{OwnError.__qualname__}"


def test_an_exception_never_raised_has_no_traceback():
    """There are no frames to tell of."""
    assert settled(KeyError("k")).error == ErrorInfo(type="KeyError", message="'k'")


def test_neither_the_exception_nor_its_frames_are_kept():
    """What the frames' local variables hold is free while the event still waits for a reader."""

    class Model:
        pass

    class OwnError(Exception):
        pass

    def fails():
        model = Model()
        raise OwnError(weakref.ref(model))

    def captured():
        error = raised(fails)
        return error.args[0], weakref.ref(error), CapturedError(error, DEFAULT)

    model, error, kept = captured()
    gc.collect()
    assert model() is None
    assert error() is None
    assert kept is not None


def test_causes_and_contexts_are_told():
    """A chain of exceptions is shown from the first to the last."""

    def fails():
        try:
            {}["missing"]
        except KeyError as error:
            raise ValueError("outer") from error

    def fails_meanwhile():
        try:
            {}["missing"]
        except KeyError:
            raise ValueError("outer")  # noqa: B904  # the implicit context is what is tested

    def fails_hiding():
        try:
            {}["missing"]
        except KeyError:
            raise ValueError("outer") from None

    told = settled(raised(fails)).error.traceback
    assert told.index("KeyError: 'missing'") < told.index("direct cause") < told.index("ValueError: outer")
    assert "During handling" in settled(raised(fails_meanwhile)).error.traceback
    assert "KeyError: " not in settled(raised(fails_hiding)).error.traceback


def test_a_chain_in_a_circle_ends():
    """An exception that caused itself by a detour is told once."""
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first

    def fails():
        raise first

    assert settled(raised(fails)).error.message == "first"


def test_groups_show_their_first_member():
    """Of an exception group the first member is shown, which is most often the reason."""

    def fails():
        raise ExceptionGroup("several", [ValueError("inner"), TypeError("other")])

    error = settled(raised(fails)).error
    assert error.message == "several (2 sub-exceptions)"
    assert "ValueError: inner" in error.traceback


def test_notes_are_part_of_the_message():
    """PEP 678 notes follow the message."""
    error = ValueError("no")
    error.add_note("while looking")
    assert settled(error).error.message == "no\nwhile looking"


def test_endless_recursion_is_shortened():
    """The first and the last frames are kept, and how many there were."""

    def down(level=0):
        return down(level + 1)

    event = settled(raised(down))
    assert event.error.type == "RecursionError"
    assert "frames left out" in event.error.traceback
    assert [cut.path for cut in event.cuts if cut.reason == "items"] == ["/error/traceback"]
    assert event.cuts[-1].size > 500


def test_a_long_message_does_not_push_the_frames_out():
    """The message is limited, and within the traceback more so."""

    def fails():
        raise ValueError("x" * 1_000_000)

    event = settled(raised(fails))
    assert len(event.error.message) == DEFAULT.max_string
    assert [(cut.path, cut.reason, cut.size) for cut in event.cuts] == [
        ("/error/message", "length", 1_000_000)
    ]
    assert "in fails" in event.error.traceback or "fails\n" in event.error.traceback
    assert len(event.error.traceback) < 5_000


def test_without_content_only_types_and_places_remain():
    """Neither messages nor source lines, which hold literals, get out; types and frames do."""

    def fails():
        try:
            raise KeyError("hunter2-very-secret")
        except KeyError as error:
            error.add_note("hunter2-very-secret")
            raise ValueError("hunter2-very-secret") from error

    event = settled(raised(fails), Capture(content=False))
    assert SECRET.encode() not in encode_json(event)
    assert event.error.type == "ValueError"
    assert event.error.message == ""
    assert "line " in event.error.traceback
    assert event.error.traceback.endswith("ValueError\n")
    assert [(cut.path, cut.reason) for cut in event.cuts] == [("/error/message", "content")]


@pytest.mark.parametrize(
    "capture",
    [
        Capture(redact=lambda _, text: text.replace(SECRET, "***")),
        DEFAULT,
    ],
    ids=["by function", "by key"],
)
def test_messages_and_source_lines_are_redacted(capture):
    """Redaction reaches the message, the messages of causes, and the source lines."""

    def fails():
        try:
            raise KeyError("password='hunter2-very-secret'")
        except KeyError as error:
            raise ValueError("{'api_key': 'hunter2-very-secret'}") from error

    event = settled(raised(fails), capture)
    assert SECRET.encode() not in encode_json(event)
    assert {cut.path for cut in event.cuts} == {"/error/message", "/error/traceback"}


class HostileError(Exception):
    """Raises from everything."""

    @property
    def __class__(self):
        raise RuntimeError

    def __str__(self):
        raise RuntimeError

    __repr__ = __str__

    @property
    def __cause__(self):
        raise RuntimeError

    __context__ = __suppress_context__ = __notes__ = __traceback__ = __cause__


class HostileNotesError(HostileError):
    """Has a message, but raises from everything else."""

    def __str__(self):
        return "said"


def test_hostile_exceptions_are_described_all_the_same():
    """An exception whose `str` and attributes raise still has a type and a place."""

    def fails():
        raise HostileError

    def fails_saying():
        raise HostileNotesError

    assert settled(raised(fails_saying)).error.message == "said"
    error = settled(raised(fails)).error
    assert error.type.endswith("HostileError")
    assert "could not be read" in error.message
    assert "fails" in error.traceback


def test_odd_messages_stay_encodable():
    """Lone surrogates in a message are replaced."""
    assert settled(ValueError("\ud800")).error.message == "\ufffd"


def test_an_error_known_by_name_obeys_the_same_rules():
    """Errors that other processes report are limited, redacted and withheld alike."""
    assert error_info("ValueError", "{'password': 'x'}", DEFAULT)[0] == ErrorInfo(
        type="ValueError", message="{'password': '[redacted]'}"
    )
    info, cuts = error_info("ValueError", "x", Capture(content=False))
    assert info == ErrorInfo(type="ValueError")
    assert [(cut.path, cut.reason) for cut in cuts] == [("/error/message", "content")]
