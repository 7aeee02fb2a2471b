"""What was said, written as log records: joined to its span, whichever comes first."""

from __future__ import annotations

from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st
from sent_spans import TRACE, receiver, span, tree_of

from tracebus.capture import Capture
from tracebus.transcript import given, put_out
from tracebus_exporters.receiver._span import Record

CHAT = {"gen_ai__operation__name": "chat", "gen_ai__request__model": "m", "gen_ai__usage__input_tokens": 3}


def record(number, name, body=None, **attributes):
    return Record(
        TRACE,
        f"{number:016x}",
        number * 10**9,
        name,
        {key.replace("__", "."): value for key, value in attributes.items()},
        body,
        "shop",
    )


def said(number):
    """Return the records of a model's call as generations up to 1.36 have them."""
    return [
        record(number, "gen_ai.system.message", {"content": "Be brief."}),
        record(number, "gen_ai.user.message", {"content": "When?"}),
        record(
            number,
            "gen_ai.choice",
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Now."}},
        ),
    ]


def has_what_was_said(run):
    """Assert that a run has the messages of `said`, and nothing of them beside."""
    assert given(run).splitlines() == ["system: Be brief.", "user: When?"]
    assert put_out(run) == "Now."
    assert run.custom_events == ()
    return True


def test_records_that_come_before_their_span_are_its_messages():
    """As log processors send them: sooner than spans, which are sent when they have ended."""
    taking, log, _ = receiver()
    taking.note(said(2))
    taking.take([span(2, 1, **CHAT), span(1)])
    (root,) = tree_of(log.events).roots
    assert has_what_was_said(root.children[0])


def test_the_first_spans_of_a_service_wait_for_its_records():
    """Nobody knows yet whether it writes any: what it says within the wait is where input and answer are."""
    taking, log, clock = receiver()
    taking.take([span(2, 1, **CHAT), span(1)])
    clock.now = 1.9
    taking.tick()
    assert log.events == []
    taking.note(said(2))
    (root,) = tree_of(log.events).roots
    assert has_what_was_said(root.children[0])
    assert (taking.statistics()["held"], taking.statistics()["late"]) == (0, 0)


def test_a_service_that_writes_no_records_is_waited_for_once():
    """Its first model is shown when the wait is over, the others at once."""
    taking, log, clock = receiver()
    taking.take([span(2, 1, **CHAT), span(1)])
    clock.now = 2.0
    taking.tick()
    assert len(log.events) == 4
    taking.take([span(3, 1, **CHAT)])
    assert len(log.events) == 6


def test_a_service_known_to_write_records_is_waited_for_each_time():
    """A model of it that says nothing waits, though others waited in vain."""
    taking, log, clock = receiver()
    taking.note([record(99, "gen_ai.choice", {"message": {"content": "x"}})])
    for number in (2, 3):
        before = len(log.events)
        taking.take([span(number, 1, **CHAT), *([span(1)] if number == 2 else [])])
        assert len(log.events) == before
        clock.now += 2.0
        taking.tick()
        assert len(log.events) > before
    assert taking.statistics()["held"] == 0


def test_an_answer_is_waited_for_where_only_the_question_came():
    """Records are sent in batches: the question may come with an earlier one than the answer."""
    taking, log, _ = receiver()
    *asked, answered = said(2)
    taking.note(asked)
    taking.take([span(2, 1, **CHAT), span(1)])
    assert log.events == []
    taking.note([answered])
    (root,) = tree_of(log.events).roots
    assert has_what_was_said(root.children[0])


@given_any(st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_within_the_wait_any_order_gives_the_same_run(random):
    """Spans and records in any batches, whichever come first."""
    taking, log, _ = receiver()
    sent = [span(2, 1, **CHAT), span(3, 1, **CHAT), span(1)]
    batches = [[each] for each in sent] + [said(2), said(3)]
    random.shuffle(batches)
    for batch in batches:
        (taking.note if isinstance(batch[0], Record) else taking.take)(batch)
    (root,) = tree_of(log.events).roots
    for child in root.children:
        assert has_what_was_said(child)
    assert len(root.children) == 2


def test_a_record_that_comes_too_late_is_an_event_of_its_run():
    """The span was told already: what was said is there to read, belongs to the run, and is counted."""
    taking, log, clock = receiver()
    taking.take([span(2, 1, **CHAT), span(1)])
    clock.now = 2.0
    taking.tick()
    taking.note(said(2))
    (root,) = tree_of(log.events).roots
    assert [event.name for event in root.children[0].custom_events] == [
        "gen_ai.system.message",
        "gen_ai.user.message",
        "gen_ai.choice",
    ]
    assert root.children[0].custom_events[1].data == {"content": "When?"}
    assert {event.parent_run_id for event in root.children[0].custom_events} == {root.run_id}
    assert taking.statistics()["late"] == 3


def test_the_newest_generation_says_all_in_one_record():
    """`gen_ai.client.inference.operation.details` has the messages as attributes; a failure has a record, too."""
    taking, log, _ = receiver()
    message = {"role": "user", "parts": [{"type": "text", "content": "When?"}]}
    taking.note([
        record(2, "gen_ai.client.inference.operation.details", gen_ai__input__messages=[message]),
        record(2, "gen_ai.client.inference.exception", exception__type="E", exception__message="shut"),
    ])  # fmt: skip
    taking.take([span(2, 1, failed=True, **CHAT), span(1)])
    (root,) = tree_of(log.events).roots
    assert given(root.children[0]) == "user: When?"
    assert (root.children[0].error.type, root.children[0].error.message) == ("E", "shut")


def test_what_was_said_stays_out_where_content_does():
    """Joined or too late: `--no-content` holds for records as well."""
    taking, log, _ = receiver(capture=Capture(content=False))
    taking.note(said(2))
    taking.take([span(2, 1, **CHAT), span(1)])
    taking.note(said(2))
    assert len(log.events) == 7
    assert "Now." not in repr(log.events)
    assert "When?" not in repr(log.events)


def test_other_logs_are_let_go():
    """A program's ordinary logging is no run's business, though it has a span's ids."""
    taking, log, clock = receiver()
    taking.note([record(2, "", "GET /"), record(2, "http.request", {"path": "/"})])
    taking.take([span(2, 1, **CHAT), span(1)])
    clock.now = 2.0
    taking.tick()
    assert len(log.events) == 4
    assert tree_of(log.events).roots[0].children[0].inputs is None
