"""The structlog exporter: which line says what."""

from __future__ import annotations

import io
import json
import re
import unicodedata

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import CapturingLogger
from written_events import History, openai, tokens

from tracebus.bus import Exporter
from tracebus.exceptions import UnknownExporterError
from tracebus_exporters.structlog import StructlogExporter, from_url


def logged(history: History, **options) -> list[dict]:
    """Return the JSON lines written for a history."""
    file = io.StringIO()
    StructlogExporter(file=file, **options).export(history.events)
    return [json.loads(line) for line in file.getvalue().splitlines()]


def answer() -> History:
    history = History()
    history.start("chain", traceparent=f"00-{'a' * 32}-{'b' * 16}-01", inputs={"question": "private"})
    history.start("model", "chain", at=1, kind="chat_model", model=openai())
    history.stream("model", "secret", at=1.5)
    history.end("model", at=3, usage=tokens(1_000_000, 10, cache_read_tokens=0), outputs={"text": "private"})
    history.end("chain", at=4)
    return history


def test_a_start_and_an_end_are_a_line_each():
    """Every line tells the run; the end also how long it took, what it used and what that cost."""
    lines = logged(answer())
    assert [(line["event"], line["run_id"], line["level"]) for line in lines] == [
        ("run.started", "chain", "info"),
        ("run.started", "model", "info"),
        ("run.ended", "model", "info"),
        ("run.ended", "chain", "info"),
    ]
    assert lines[2] == {
        "event": "run.ended",
        "level": "info",
        "timestamp": "2025-10-09T08:53:23.000000+00:00",
        "run_id": "model",
        "parent_run_id": "chain",
        "root_run_id": "chain",
        "kind": "chat_model",
        "name": "model",
        "trace_id": "a" * 32,
        "span_id": "b" * 16,
        "outcome": "ok",
        "duration_ms": 2000.0,
        "ttft_ms": 500.0,
        "model": "gpt-4o-mini",
        "provider": "openai",
        "input_tokens": 1_000_000,
        "output_tokens": 10,
        "cache_read_tokens": 0,
        "cost_usd": pytest.approx(0.150006),
    }


def test_a_sum_over_the_lines_counts_nothing_twice():
    """Totals of a root stand in fields of their own."""
    lines = logged(answer())
    assert sum(line.get("input_tokens", 0) for line in lines) == 1_000_000
    assert lines[-1]["tree_input_tokens"] == 1_000_000
    assert lines[-1]["tree_cost_usd"] == sum(line.get("cost_usd", 0) for line in lines)


@pytest.mark.parametrize(
    ("outcome", "level"),
    [
        ("ok", "info"),
        ("error", "error"),
        ("cancelled", "warning"),
        ("abandoned", "warning"),
        ("interrupted", "info"),
    ],
)
def test_the_level_follows_the_outcome(outcome, level):
    """What somebody should look into is louder than what went as planned."""
    history = History()
    history.start("run")
    history.end("run", outcome=outcome)
    assert logged(history)[-1]["level"] == level


def test_retries_errors_custom_events_and_gaps_have_lines():
    """What happened in between is told, too."""
    history = History()
    history.start("run")
    history.retry("run", 2, delay=0.5)
    history.custom("run", "progress", {"done": 3})
    history.gap(7)
    history.end("run", error="my.Error: no luck")
    retried, emitted, missed, ended = logged(history)[1:]
    assert (retried["event"], retried["attempt"], retried["delay_s"], retried["level"]) == (
        "run.retried",
        2,
        0.5,
        "warning",
    )
    assert (emitted["event"], emitted["emitted"], "data" in emitted) == ("run.emitted", "progress", False)
    assert (missed["event"], missed["missed"], missed["level"]) == ("events.missed", 7, "warning")
    assert (ended["error_type"], ended["error_message"], ended["attempts"]) == ("my.Error", "no luck", 2)


def test_content_is_logged_only_if_asked_for():
    """Inputs, outputs and text stay out of the logs by default."""
    assert "private" not in json.dumps(logged(answer(), tokens=True))
    assert "secret" not in json.dumps(logged(answer(), tokens=True))
    lines = logged(answer(), tokens=True, content=True)
    assert lines[0]["inputs"] == {"question": "private"}
    assert lines[2] == lines[2] | {
        "event": "run.streamed",
        "level": "debug",
        "text": "secret",
        "characters": 6,
    }
    assert lines[3]["outputs"] == {"text": "private"}


def test_chunks_are_logged_only_if_asked_for():
    """A token is no line by default."""
    assert "run.streamed" not in {line["event"] for line in logged(answer())}


def test_the_users_logger_is_used_as_it_is():
    """Bound fields and the user's own processors apply; nothing global is configured."""
    before = structlog.get_config()
    capturing = CapturingLogger()
    logger = structlog.wrap_logger(capturing, processors=[structlog.processors.KeyValueRenderer()]).bind(
        app="mine"
    )
    StructlogExporter(logger).export(answer().events)
    assert [call.method_name for call in capturing.calls] == ["info"] * 4
    assert all("app='mine'" in call.args[0] for call in capturing.calls)
    assert structlog.get_config() == before


def test_the_time_can_have_a_name_of_its_own():
    """With another field name the user's own `TimeStamper` overwrites nothing."""
    assert logged(answer(), timestamp="happened")[0]["happened"].startswith("2025-10-09T08:53:20")


def test_a_terminal_gets_lines_for_people():
    """Without a logger and with a terminal lines are rendered for reading, in colour unless refused."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    file = Terminal()
    StructlogExporter(file=file, colour=False).export(answer().events)
    first = file.getvalue().splitlines()[0]
    assert "[info     ] run.started" in first
    assert "name=chain" in first
    assert "\x1b" not in file.getvalue()


@given(
    st.text(
        alphabet=st.characters(categories=None) | st.sampled_from("\x1b\n\r\u2028\x9b\u202e="), max_size=30
    )
)
def test_no_text_can_forge_a_line(text):
    """Names and messages with line breaks and escape sequences stay within their line."""
    history = History()
    history.start("run", name=text, tags=(text,))
    history.end("run", error=f"Error: {text}")
    file = io.StringIO()
    StructlogExporter(file=file, as_json=False, colour=False).export(history.events)
    written = file.getvalue()
    assert len(written.splitlines()) == 2
    assert not {character for character in written if unicodedata.category(character) in {"Cc", "Cs"}} - {
        "\n"
    }
    assert len(logged(history)) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_any_content_gives_json_every_reader_takes(content):
    """What JSON has no word for (not a number, a lone surrogate) raises nothing and breaks no line."""
    history = History()
    history.start("run", inputs=content)
    file = io.StringIO()
    StructlogExporter(file=file, content=True).export(history.events)

    def refuse(constant):
        raise AssertionError(constant)

    assert file.getvalue().splitlines(keepends=True) == [file.getvalue()]
    json.loads(file.getvalue(), parse_constant=refuse)


def test_a_logger_that_fails_loses_only_its_line():
    """The failure is reported, the other events are logged, and none twice when the batch comes again."""
    said = []

    class Choosy:
        def info(self, event, **fields):
            if fields["run_id"] == "model" and event == "run.started":
                raise ValueError("not this one")
            said.append((event, fields["run_id"]))

    exporter, batch = StructlogExporter(Choosy()), answer().events
    with pytest.raises(ValueError, match="not this one"):
        exporter.export(batch)
    exporter.export(batch)
    assert said == [("run.started", "chain"), ("run.ended", "model"), ("run.ended", "chain")]


def test_an_end_whose_start_was_missed_is_logged():
    """After a gap an end says what it knows."""
    history = answer()
    file = io.StringIO()
    StructlogExporter(file=file).export(history.events[-2:-1])
    line = json.loads(file.getvalue())
    assert (line["run_id"], line["input_tokens"]) == ("model", 1_000_000)
    assert "name" not in line


@pytest.mark.parametrize("traceparent", ["", "nonsense", "00-1-2-3", "-".join("x" * 4)])
def test_a_malformed_trace_context_is_left_out(traceparent):
    """Only a well-formed `traceparent` becomes a trace id."""
    history = History()
    history.start("run", traceparent=traceparent)
    assert "trace_id" not in logged(history)[0]


def test_it_is_an_exporter():
    """The bus takes it."""
    assert isinstance(StructlogExporter(), Exporter)


def test_urls_are_read(capsys):
    """Options in the URL reach the exporter."""
    from_url("structlog?tokens=1&format=json&stream=stdout").export(answer().events)
    assert "run.streamed" in capsys.readouterr().out
    assert isinstance(from_url("structlog"), StructlogExporter)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("structlog?token=1", "no option 'token'; known are: colour, content, format, stream, tokens"),
        ("structlog?tokens=2", "tokens='2' is neither 1 nor 0"),
        ("structlog?format=xml", "format='xml' is none of auto, json, text"),
    ],
)
def test_bad_options_are_named(url, complaint):
    """A wrong option says what would be right."""
    with pytest.raises(UnknownExporterError, match=re.escape(complaint)):
        from_url(url)
