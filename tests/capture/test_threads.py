"""Streams that several readers' threads settle at once."""

from __future__ import annotations

import sys
import threading

import pytest

from tracebus.capture import ArgumentScrubber, Capture, StreamScrubber, TextScrubber

HIDDEN = "hunter2" + "x" * 20
ARGUMENTS = '{"user": "bo", "api_' + f'key": "{HIDDEN}", "q": "bus", "password": "{HIDDEN}"' + "}"


class Waiting:
    """A scrubber that stops in the middle of a piece until it is told to go on."""

    def __init__(self, inner, at):
        self.inner, self.at, self.fed = inner, at, 0
        self.inside, self.go_on = threading.Event(), threading.Event()
        self.concurrent = 0

    def feed(self, piece):
        self.fed += 1
        if self.fed == self.at:
            self.concurrent += 1
            self.inside.set()
            assert self.go_on.wait(10)
        return self.inner.feed(piece)

    def rest(self):
        return self.inner.rest()

    holding = False


@pytest.mark.parametrize("kind", [ArgumentScrubber, TextScrubber])
def test_a_second_reader_waits_for_the_first_in_the_middle_of_a_piece(kind):
    """Two exits read one stream: the pieces are read once each and in order, whoever comes first."""
    pieces = [ARGUMENTS[at : at + 3] for at in range(0, len(ARGUMENTS), 3)]
    expected = [kind(Capture())]
    alone = [expected[0].feed(piece) for piece in pieces]
    scrubber = Waiting(kind(Capture()), at=8)
    stream = StreamScrubber(scrubber)
    positions = [stream.take(piece) for piece in pieces]
    shown = {}

    def read(who, which):
        shown[who] = [stream.shown(position) for position in which]

    first = threading.Thread(target=read, args=("first", positions))
    second = threading.Thread(target=read, args=("second", positions[::-1]))
    first.start()
    assert scrubber.inside.wait(10)
    second.start()  # asks for the last piece while the first reader is inside the eighth
    scrubber.go_on.set()
    first.join(10)
    second.join(10)
    assert shown["first"] == alone
    assert shown["second"] == alone[::-1]
    assert scrubber.fed == len(pieces)
    assert HIDDEN not in "".join(alone)


def test_many_readers_see_what_one_sees():
    """With threads switched as often as can be, no reader's stream is broken or shows a secret."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            stream = StreamScrubber(ArgumentScrubber(Capture()))
            positions = [stream.take(char) for char in ARGUMENTS]
            seen = []
            threads = [
                threading.Thread(target=lambda: seen.append("".join(map(stream.shown, positions))))  # noqa: B023  # joined below
                for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            assert len(set(seen)) == 1
            assert HIDDEN not in seen[0]
    finally:
        sys.setswitchinterval(before)
