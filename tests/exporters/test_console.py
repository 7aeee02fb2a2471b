"""The console exporter: what is printed when."""

from __future__ import annotations

import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from written_events import History, openai, tokens

from tracebus.bus import Exporter
from tracebus.events import BatchMembership
from tracebus.exceptions import UnknownExporterError
from tracebus_exporters.console import ConsoleExporter, from_url

TIMES = "\N{MULTIPLICATION SIGN}"
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def printed(history: History, **options) -> list[str]:
    """Return the lines printed by the time the exporter is closed."""
    file = io.StringIO()
    exporter = ConsoleExporter(file=file, **{"width": 100, "colour": False, **options})
    exporter.export(history.events)
    exporter.close()
    return file.getvalue().splitlines()


def rag() -> History:
    history = History()
    history.start("rag_chain")
    history.start("prompt", "rag_chain", kind="prompt")
    history.end("prompt", at=0.01)
    history.start("model", "rag_chain", at=0.01, kind="chat_model", name="ChatOpenAI", model=openai())
    for number in range(10):
        history.stream("model", "word ", at=1.01 + number / 10)
    history.end("model", at=3.01, usage=tokens(1200, 142))
    history.end("rag_chain", at=3.02)
    return history


def test_a_tree_is_printed_with_its_figures_and_waterfall():
    """Every run is a row: state, kind, name, duration, first token, tokens, rate, cost and when it ran."""
    assert printed(rag(), width=90) == [
        "RUN                             TIME   TTFT    TOKENS  T/S     COST  0               3.02s",
        "✓ ◇ rag_chain                  3.02s  1.01s  1.2k→142       $0.0003  ━━━━━━━━━━━━━━━━━━━━━",
        "├─ ✓ ¶ prompt                   10ms                                 ━",
        "╰─ ✓ ◈ ChatOpenAI gpt-4o-mini  3.00s  1.00s  1.2k→142   71  $0.0003  ·······◆━━━━━━━━━━━━━",
    ]


def test_nothing_is_printed_before_the_root_has_ended():
    """A tree is printed once, when it is complete."""
    history, file = rag(), io.StringIO()
    exporter = ConsoleExporter(file=file, colour=False)
    exporter.export(history.events[:-1])
    exporter.flush(1.0)
    assert file.getvalue() == ""
    exporter.export(history.events[-1:])
    once = file.getvalue()
    assert "rag_chain" in once
    exporter.export(history.events)
    exporter.close()
    assert file.getvalue() == once


def test_a_root_waits_for_descendants_that_end_after_it():
    """An abandoned child's end comes after its root's: the tree is printed with both."""
    history, file = History(), io.StringIO()
    history.start("root")
    history.start("child", "root")
    history.end("root", at=1)
    exporter = ConsoleExporter(file=file, colour=False)
    exporter.export(history.events)
    assert file.getvalue() == ""
    exporter.export([history.end("child", at=1.5, outcome="abandoned")])
    assert "⊝ ◇ child" in file.getvalue()


def test_a_descendant_that_never_ends_holds_nothing_up_for_long():
    """A root whose child hangs is printed when others have gone on for two seconds, and at a flush."""
    history, file = History(), io.StringIO()
    history.start("root")
    history.start("hanging", "root")
    history.end("root", at=1)
    history.start("other", at=2.9)
    exporter = ConsoleExporter(file=file, colour=False)
    exporter.export(history.events)
    assert file.getvalue() == ""
    exporter.export([history.custom("other", "tick", at=3.1)])
    assert "● ◇ hanging" in file.getvalue()


def test_an_error_is_told_once_where_it_arose():
    """Type and first line stand below the run that raised; the runs it passed through are just red."""
    history = History()
    history.start("chain")
    history.start("step", "chain")
    history.start("tool", "step", kind="tool")
    for name in ("tool", "step", "chain"):
        history.end(name, error="some.module.RateLimitError: 429\nand a page of details")
    lines = printed(history)
    assert [line for line in lines if "429" in line] == ["         RateLimitError: 429"]
    assert sum("✗" in line for line in lines) == 3
    assert "details" not in "\n".join(lines)


def test_unknown_tokens_and_prices_do_not_look_like_zero():
    """A silent model shows `?`, an unknown price `-`, and totals that are too low carry a plus."""
    history = History()
    history.start("chain")
    for name, model, usage in (
        ("silent", openai(), None),
        ("odd", openai("unheard-of"), tokens(5, 5)),
        ("known", openai(), tokens(10**6, 0)),
    ):
        history.start(name, "chain", kind="chat_model", model=model)
        history.end(name, usage=usage)
    history.end("chain")
    assert printed(history, width=60)[1:] == [
        "✓ ◇ chain                  1.00s  1.0M→5+  $0.150+",
        "├─ ✓ ◈ silent gpt-4o-mini  1.00s        ?",
        "├─ ✓ ◈ odd unheard-of      1.00s      5→5        -",
        "╰─ ✓ ◈ known gpt-4o-mini   1.00s   1.0M→0   $0.150",
    ]


def test_a_batch_is_one_row_with_its_trouble():
    """A thousand runs of one batch are summed up in one row, with what went wrong below."""
    history = History()
    for number in range(1000):
        history.start(f"r{number}", name="classify", batch=BatchMembership("b", number, 1000))
        broken = number % 150 == 7
        history.end(f"r{number}", at=1 + number / 1000, error="ValueError: bad" if broken else None)
    lines = printed(history)
    assert lines[0].split() == ["✗", "▤", "classify", f"{TIMES}1,000", "993✓", "7✗", "2.00s"]
    assert lines[1].strip() == "each 1.00s to 2.00s, median 1.50s, slowest #999"
    assert [line.strip() for line in lines[2:]] == [
        *(f"✗ #{number} ValueError: bad" for number in (7, 157, 307, 457, 607)),
        "… 2 more that did not end well",
    ]


def test_an_unfinished_batch_is_printed_at_the_end():
    """A batch cut short is summed up when the exporter closes, with how far it got."""
    history = History()
    for number in range(3):
        history.start(f"r{number}", name="classify", batch=BatchMembership("b", number, 10))
    history.end("r0")
    history.end("r1")
    assert printed(history)[0] == f"? ▤ classify {TIMES}10 2✓ 1? 3 begun  1.00s"


def test_many_siblings_are_folded_and_trouble_stays_in_sight():
    """Ten thousand children of one name take one row; the one that failed keeps its own."""
    history = History()
    history.start("map")
    for number in range(10_000):
        history.start(f"s{number}", "map", name="summarise", at=number / 10_000)
        history.end(f"s{number}", at=2, outcome="cancelled" if number == 5 else "ok")
    history.end("map", at=2)
    lines = printed(history)
    assert len(lines) == 5
    assert f"✓ ≡ summarise {TIMES}9,999" in lines[2]
    assert "each 1.00s to 2.00s, median 1.50s" in lines[3]
    assert "⊘ ◇ summarise" in lines[4]


def test_a_tree_longer_than_the_limit_says_what_it_leaves_out():
    """Beyond the limit of rows the number of hidden runs is printed."""
    history = History()
    history.start("root")
    parent = "root"
    for number in range(50):
        history.start(f"n{number}", parent)
        parent = f"n{number}"
    for run_id in [*(f"n{number}" for number in reversed(range(50))), "root"]:
        history.end(run_id)
    lines = printed(history, lines=20)
    assert lines[-1] == "… 31 more runs"
    assert len(lines) == 22


def test_missed_events_are_told():
    """A gap is not silent."""
    history = rag()
    history.gap(12)
    history.start("next")
    history.end("next")
    assert "… 12 events missed: the console was too slow for them" in printed(history)


HOSTILE = "\x1b]52;c;cm0gLXJm\x07[/red][bold]\x9b31m\u202e\r\n\ttext"


@pytest.mark.parametrize("colour", [True, False])
def test_nothing_from_the_program_is_obeyed(colour):
    """Names, models and errors reach the terminal neither as escape sequences nor as markup."""
    history = History()
    history.start("root", name=HOSTILE)
    history.start("model", "root", kind="llm", name=HOSTILE, model=openai(HOSTILE))
    history.end("model", error=f"{HOSTILE}: {HOSTILE}")
    history.start("alone", name="b" + HOSTILE, batch=BatchMembership("b", 0, 2))
    history.end("alone", outcome="error")
    history.end("root")
    output = "\n".join(printed(history, colour=colour, width=200))
    assert "[/red][bold]" in output
    left = ESCAPE.sub("", output)
    assert not {character for character in left if unicodedata.category(character) == "Cc"} - {"\n"}
    assert "\u202e" not in left


@given(st.integers(20, 140), st.text(max_size=60), st.booleans())
def test_lines_never_exceed_the_width(width, name, ascii_only):
    """At any width and for any name, in any script, no line wraps."""
    history = rag()
    history.start("more", name=name or "x")
    history.start("inner", "more", kind="tool", name=name)
    history.end("inner", error=f"Boom: {name * 3}")
    history.end("more")
    assert all(cell_len(line) <= width for line in printed(history, width=width, ascii=ascii_only))


def test_a_terminal_that_takes_ascii_only_gets_ascii():
    """Signs are replaced, and what cannot be written is escaped, not raised."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    history = rag()
    history.start("世界")
    history.end("世界")
    exporter = ConsoleExporter(file=file, width=60)
    exporter.export(history.events)
    output = raw.getvalue().decode("ascii")
    assert "o c rag_chain" in output
    assert "\\u4e16\\u754c" in output


def test_colours_are_left_out_when_not_wanted(monkeypatch):
    """A file gets no escape sequence, a terminal does, and `NO_COLOR` takes the colours away."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" not in "".join(printed(rag(), colour=None))
    assert "\x1b[32m" in "".join(printed(rag(), colour=True))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in "".join(printed(rag(), colour=True))


def test_lines_a_broken_pipe_refused_are_printed_later():
    """When writing fails the batch may be offered again: nothing is lost, nothing printed twice."""

    class Refusing(io.StringIO):
        refuse = True

        def write(self, text):
            if self.refuse:
                raise OSError("no")
            return super().write(text)

    file = Refusing()
    exporter = ConsoleExporter(file=file, colour=False)
    with pytest.raises(OSError, match="no"):
        exporter.export(rag().events)
    file.refuse = False
    exporter.export(rag().events)
    assert file.getvalue().count("rag_chain") == 1


def test_the_standard_error_is_used_as_it_is_at_the_time(capsys):
    """The program's own output stays clean: trees go to the standard error."""
    exporter = ConsoleExporter(width=80)
    exporter.export(rag().events)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "rag_chain" in captured.err


def test_memory_does_not_grow_with_printed_runs():
    """What has been printed is forgotten."""
    exporter = ConsoleExporter(file=io.StringIO())
    exporter.export(rag().events)
    assert len(exporter._tree) == 0
    assert not exporter._unwritten


def test_a_forked_child_leaves_its_parents_runs_alone():
    """Runs open at the fork are the parent's: the child prints its own only."""
    history, file = rag(), io.StringIO()
    exporter = ConsoleExporter(file=file)
    exporter.export(history.events[:-1])
    exporter.after_fork()
    exporter.export([history.start("own"), history.end("own")])
    exporter.close()
    assert "rag_chain" not in file.getvalue()
    assert "own" in file.getvalue()


def test_it_is_an_exporter():
    """The bus takes it."""
    assert isinstance(ConsoleExporter(), Exporter)


@pytest.mark.parametrize(
    "url",
    ["console", "console:", "console://", "console?width=100&colour=never&ascii=1&lines=5&stream=stdout"],
)
def test_urls_are_taken(url):
    """The name alone will do; options follow a question mark."""
    assert isinstance(from_url(url), ConsoleExporter)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("console?widht=100", "no option 'widht'; known are: ascii, colour, lines, stream, width"),
        ("console?width=wide", "width='wide' is no whole number from 20 on"),
        ("console?colour=red", "colour='red' is none of auto, always, never"),
        ("console?ascii=maybe", "ascii='maybe' is neither 1 nor 0"),
        ("console?stream=file", "stream='file' is none of stderr, stdout"),
        ("console://host", "console takes options after a '?', nothing else"),
    ],
)
def test_bad_options_are_named_with_what_is_known(url, complaint):
    """A wrong URL says what is wrong and what would be right."""
    with pytest.raises(UnknownExporterError, match=re.escape(complaint)):
        from_url(url)


def agent_of(nodes: int, failing: int) -> History:
    """An agent whose nodes each run one tool; that of *failing* fails and is handled."""
    history = History()
    history.start("agent")
    for number in range(nodes):
        history.start(f"tools{number}", "agent", name="tools", at=number)
        history.start(f"tool{number}", f"tools{number}", name="search", kind="tool", at=number)
        history.end(
            f"tool{number}",
            at=number + 0.5,
            **({"error": "OSError: reset by peer"} if number == failing else {}),
        )
        history.end(f"tools{number}", at=number + 0.6)
    history.end("agent", at=nodes)
    return history


def test_a_failed_tool_shows_through_a_folded_row():
    """Sixty nodes that ended well do not hide the one whose tool failed."""
    lines = "\n".join(printed(agent_of(60, failing=30)))
    assert f"tools {TIMES}59" in lines
    assert "✗ ◇ search" in lines or "✗ ⚒ search" in lines
    assert "reset by peer" in lines


def test_many_concurrent_runs_of_one_name_are_one_group():
    """Ten streams at once are a row; three are three trees."""
    for many, rows in ((10, 1), (3, 3)):
        history = History()
        for number in range(many):
            history.start(f"s{number}", name="stream", at=number / 100)
        for number in range(many):
            history.end(f"s{number}", at=1 + number / 100)
        lines = [line for line in printed(history) if "stream" in line]
        assert len(lines) == rows
        assert (f"≡ stream {TIMES}10" in lines[0]) == (many == 10)


def test_a_group_does_not_wait_for_a_run_that_hangs():
    """What has ended is printed two seconds later, whatever still runs beside it."""
    history, file = History(), io.StringIO()
    history.start("hanging", name="stream")
    history.start("quick", name="stream")
    history.end("quick", at=0.5)
    exporter = ConsoleExporter(file=file, colour=False)
    exporter.export(history.events)
    assert "stream" not in file.getvalue()
    history.start("other", at=3.0)
    exporter.export(history.events[-1:])
    assert file.getvalue().count("stream") == 1


def test_a_batch_tells_of_its_model_calls_and_its_slowest_item():
    """The spread of the model calls inside, which item took longest, and retries."""
    history = History()
    for number in range(3):
        batch = BatchMembership(id="b", index=number, size=3)
        history.start(f"c{number}", name="chain", batch=batch)
        history.start(f"m{number}", f"c{number}", kind="chat_model", at=0.1)
        history.end(f"m{number}", at=0.5 + number)
        history.end(f"c{number}", at=1.0 + number)
    lines = [line.strip() for line in printed(history)]
    assert "each 1.00s to 3.00s, median 2.00s, slowest #2" in lines
    assert "3 model calls, each 0.40s to 2.40s, median 1.40s" in lines


def test_ascii_reads_as_text():
    """Where there is no Unicode a microsecond is `us` and an accent goes, not the letter."""
    from tracebus.text import encodable

    assert encodable("42µs café → Müller…", "ascii") == "42us cafe > Muller~"
    assert encodable("42µs", "utf-8") == "42µs"
    assert encodable("42µs", "latin-1") == "42µs"


def test_what_is_noticed_of_a_printed_run_is_said_in_a_line():
    """A short run's last things are noticed after its end; nothing else of it is printed a second time."""
    history = rag()
    circle = {"run_id": "rag_chain", "name": "rag\x1b[2J", "kind": "same_call", "what": "find", "count": 3}
    history.custom("rag_chain", "tracebus.loop", circle, at=3.03)
    limits = {"run_id": "rag_chain", "name": "rag", "state": "set", "limits": {"tokens": 9}}
    history.custom("rag_chain", "tracebus.budget", limits, at=3.03)
    lines = printed(history)
    assert lines[:-1] == printed(rag())
    assert (
        lines[-1]
        == "rag\N{SYMBOL FOR ESCAPE}[2J in circles: find called 3 times with the same arguments and result"
    )
