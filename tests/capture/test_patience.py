"""Values whose own code hangs: they are shown by their type, and nobody waits for them twice."""

from __future__ import annotations

import dataclasses
import threading
import time

import pytest
from langchain_core.runnables import RunnableLambda

from tracebus import Capture, EventBus, observe
from tracebus.capture import _patience, to_json
from tracebus.events import RunStarted
from tracebus.sources.reading._messages import as_plain
from tracebus.testing import RecordingExporter


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Hang for a tenth of a second, not two."""
    monkeypatch.setattr(_patience, "PATIENCE", 0.1)
    monkeypatch.setattr(_patience, "REDACTION_PATIENCE", 0.1)


@pytest.fixture
def release():
    event = threading.Event()
    yield event
    event.set()


def hanging_repr(release):
    class Hangs:
        calls = 0

        def __repr__(self):
            type(self).calls += 1
            release.wait(30)
            return "at last"

    return Hangs()


def hanging_attribute(release):
    class Lazy:
        def __get__(self, instance, owner):
            if instance is None:
                return None
            release.wait(30)
            return "loaded"

        def __set__(self, instance, value):
            pass

    @dataclasses.dataclass
    class Row:
        name: str = "a"
        related: str = Lazy()

    return Row()


def hanging_items(release):

    from collections.abc import Mapping

    class Frame(Mapping):
        def __getitem__(self, key):
            release.wait(30)
            return 1

        def __iter__(self):
            return iter("ab")

        def __len__(self):
            return 2

    return Frame()


def bounded(call):
    """Return what *call* returns, or fail where it hangs."""
    found = []
    thread = threading.Thread(target=lambda: found.append(call()), daemon=True)
    thread.start()
    thread.join(20)
    assert found, "hangs"
    return found[0]


@pytest.mark.parametrize("made", [hanging_repr, hanging_attribute, hanging_items])
def test_a_value_that_hangs_is_shown_by_its_type(made, release, caplog):
    """With a cut, within the limit, and said once."""
    value = made(release)
    found, cuts = to_json({"before": 1, "it": value, "after": 2}, Capture())
    assert found["before"] == 1
    assert found["after"] == 2
    assert found["it"].startswith("<")
    assert type(value).__name__ in found["it"]
    assert [(cut.path, cut.reason) for cut in cuts] == [("/it", "unserialisable")]
    to_json(value, Capture())
    assert len([record for record in caplog.records if "takes more than" in record.message]) == 1


def test_a_slow_class_is_not_asked_again_for_a_while(release, monkeypatch):
    """One call is left behind, not one for every value."""
    value = hanging_repr(release)
    for _ in range(5):
        to_json([value, value], Capture())
    assert type(value).calls == 1
    monkeypatch.setattr(_patience, "_FIRST_PAUSE", 0.0)
    release.set()
    record = _patience._records[id(type(value))]
    record.slow_until = 0.0
    assert to_json(value, Capture())[0] == "at last"


def test_many_values_that_are_a_little_slow_are_too_slow_together():
    """The limit holds for what a class's values take in a while."""

    class Sluggish:
        def __repr__(self):
            time.sleep(0.03)
            return "here"

    found, _ = to_json([Sluggish() for _ in range(200)], Capture())
    assert found[0] == "here"
    assert found[-1].startswith("<")


def test_what_a_repr_raises_is_as_before(release):
    """The thread in between changes nothing."""

    class Broken:
        def __repr__(self):
            raise ValueError("no")

    found, cuts = to_json(Broken(), Capture())
    assert found.startswith("<")
    assert cuts[0].reason == "unserialisable"


def test_another_bus_goes_on_meanwhile(release):
    """One user's object must not stop everybody's exporters."""
    first, second = EventBus(), EventBus()
    one, other = RecordingExporter(), RecordingExporter()
    first.attach(one)
    second.attach(other)
    observe(RunnableLambda(lambda x: 1), bus=first).invoke(hanging_repr(release))
    plain = observe(RunnableLambda(lambda x: x), bus=second)
    for number in range(100):
        plain.invoke({"number": number})
    assert second.flush(10)
    assert len(other.events) == 200
    assert first.flush(10)
    (start,) = (event for event in one.events if isinstance(event, RunStarted))
    assert "Hangs" in start.inputs
    assert first.close(10)
    assert second.close(10)


def test_a_redaction_function_that_hangs_shows_nothing(release, caplog):
    """The payload is left out whole, and the next ones without asking; it is said once."""
    asked = []

    def redact(pointer, text):
        asked.append(text)
        release.wait(30)
        return text

    capture = Capture(redact=redact)
    for _ in range(3):
        found, cuts = to_json({"it": "a secret", "n": 1}, capture, "/inputs")
        assert found == "[redacted]"
        assert [(cut.path, cut.reason) for cut in cuts] == [("/inputs", "redacted")]
    assert asked == ["a secret"]
    assert to_json(7, capture) == (7, ())
    assert (
        len([record for record in caplog.records if "Capture(redact=...) takes more" in record.message]) == 1
    )


def test_a_bus_goes_on_whose_redaction_function_hangs(release):
    """Metadata, models and errors have redacted texts as well."""

    def redact(pointer, text):
        release.wait(30)
        return text

    def fail(value):
        raise ValueError("a secret")

    bus, exporter = EventBus(), RecordingExporter()
    bus.attach(exporter)
    chain = observe(RunnableLambda(fail), bus=bus, capture=Capture(redact=redact))
    with pytest.raises(ValueError, match="a secret"):
        chain.invoke("a secret", {"metadata": {"key": "a secret"}})
    assert bus.flush(10)
    assert [type(event).__name__ for event in exporter.events] == ["RunStarted", "RunEnded"]
    assert "a secret" not in str(exporter.events)
    assert bus.close(10)


@pytest.mark.parametrize("given", ["str", "argument"])
def test_an_exception_that_hangs_when_asked_what_it_says(release, given):
    """The program waits for that: it is told of the exception's type."""

    class Argument:
        def __str__(self):
            release.wait(30)
            return "at last"

    class Talkative(Exception):  # noqa: N818  # short
        def __str__(self):
            release.wait(30)
            return "at last"

    def fail(value):
        raise Talkative if given == "str" else RuntimeError(Argument())

    bus, exporter = EventBus(), RecordingExporter()
    bus.attach(exporter)
    with pytest.raises((Talkative, RuntimeError)):
        observe(RunnableLambda(fail), bus=bus).invoke(1)
    assert bus.close(10)
    assert exporter.events[-1].error.message == "<the exception's message could not be read>"


def test_a_prompt_and_a_runnable_that_hang(release):
    """LangChain's kinds of objects, with code of the program's."""
    from langchain_core.prompt_values import PromptValue

    class Slow(PromptValue):
        def to_string(self):
            release.wait(30)
            return "at last"

        def to_messages(self):
            return []

    class Nameless(RunnableLambda):
        def get_name(self, *args, **kwargs):
            release.wait(30)
            return "at last"

    found, _ = bounded(lambda: to_json({"a": Slow(), "b": Nameless(str)}, Capture(), "", as_plain))
    assert "at last" not in str(found)


def test_an_interrupt_while_a_value_is_waited_for_spoils_no_other(release, monkeypatch):
    """The thread that is left behind answers nobody else."""
    monkeypatch.setattr(_patience, "PATIENCE", 5.0)

    class Answered:
        def acquire(self, timeout):
            raise KeyboardInterrupt

    helper = _patience._Helper()
    monkeypatch.setattr(_patience, "_idle", [helper])
    answered, helper._answered = helper._answered, Answered()
    with pytest.raises(KeyboardInterrupt):
        _patience.within_patience(Capture, lambda: release.wait(30))
    helper._answered = answered
    release.set()
    assert _patience.within_patience(Capture, lambda: "mine") == "mine"
