"""The JSON Lines log under what happens to files and processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap

import pytest

from tracebus.events import Gap, encode_json
from tracebus.exceptions import InvalidLogError, UnknownEventTypeError
from tracebus.logs import Retention, RunQuery
from tracebus.testing.logs import sample_run
from tracebus_exporters.jsonl import JsonlLog, from_url


@pytest.fixture
def path(tmp_path):
    return tmp_path / "made" / "log.jsonl"


@pytest.fixture
def log(path):
    return JsonlLog(path)


async def take(events, count):
    async with asyncio.timeout(20):
        return [await anext(events) for _ in range(count)]


def test_lines_are_plain_json(log, path):
    """Every line is one JSON object, for `jq` and `grep`."""
    log.append(sample_run("a"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["type"] for line in lines][:3] == ["run_started", "run_started", "run_streamed"]


def test_the_file_is_private(log, path):
    """Prompts are in it: nobody else may read it or enter the directory made for it."""
    log.append(sample_run("a"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_half_a_line_is_read_when_it_is_whole(log, path):
    """A reader in the middle of somebody's write waits for the end of the line."""
    log.append(sample_run("a")[:1])
    line = encode_json(sample_run("b")[0]) + b"\n"
    with path.open("ab", buffering=0) as file:
        file.write(line[:20])
        assert log.read(after=1) == []
        file.write(line[20:])
    assert [event.run_id for event in log.read(after=1)] == ["b"]


def test_what_a_killed_writer_left_is_removed_by_the_next_one(log, path):
    """Half a line at the end was never acknowledged; the next batch begins on a line of its own."""
    log.append(sample_run("a"))
    with path.open("ab") as file:
        file.write(encode_json(sample_run("b")[0])[:-9])
    assert log.append(sample_run("c")) == 14
    assert [event.root_run_id for event in log.read()] == ["a"] * 7 + ["c"] * 7


def test_a_last_line_without_its_end_is_kept(log, path):
    """An editor took the last line break: the event is whole, and stays."""
    log.append(sample_run("a"))
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert log.append(sample_run("b")) == 14


def test_a_line_that_is_no_event_is_a_gap(log, path):
    """Damage in the middle of the file is counted, and the rest is read."""
    log.append(sample_run("a")[:2])
    with path.open("ab") as file:
        file.write(b"\x00\xff garbage\n{}\n")
    log.append(sample_run("a")[2:3])
    found = log.read()
    assert [event.seq for event in found] == [1, 2, 4, 5]
    assert isinstance(found[2], Gap)
    assert found[2].missed == 2
    assert [event.seq for event in log.read(after=2)] == [4, 5]


def test_a_file_that_is_something_else_is_refused(log, path):
    """A file whose first line is no event is no log."""
    path.parent.mkdir()
    path.write_text('{"level": "info"}\n')
    with pytest.raises(InvalidLogError, match=r"log\.jsonl is no log of events"):
        log.read()


@pytest.mark.parametrize(
    "theirs", [b'{"mine": 1}', b'{"mine": 1}\n{"more": 2}', b"notes\n", b"\x00\xff", b"\n"]
)
@pytest.mark.parametrize("parts", [True, False])
def test_somebody_else_s_file_is_refused_untouched(path, theirs, parts):
    """A name mistyped costs no line of a file that is no log, and events are not put where none can be read."""
    path.parent.mkdir()
    path.write_bytes(theirs)
    log = JsonlLog(path, parts=parts)
    for write in (log.check, lambda: log.append(sample_run("a")), lambda: log.export(sample_run("a"))):
        with pytest.raises(InvalidLogError, match=r"log\.jsonl is no log of events"):
            write()
    assert path.read_bytes() == theirs


def test_standard_output_is_no_log():
    """What other tools mean by `-` would be a file of that name."""
    with pytest.raises(InvalidLogError, match="standard output is no log"):
        from_url("jsonl:-")
    assert from_url("jsonl:./-").path.name == "-"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(log, path):
    """Nobody writes into it, so whoever reads waits for ever."""
    path.parent.mkdir()
    os.mkfifo(path)
    log.check()
    with pytest.raises(InvalidLogError, match="not seekable"):
        log.append(sample_run("a"))


@pytest.mark.parametrize("cut", [1, 5, 9, 40])
def test_a_first_line_that_its_writer_did_not_end_is_ours(log, path, cut):
    """A killed writer's half line at the beginning of a file goes as any other."""
    path.parent.mkdir()
    path.write_bytes(encode_json(sample_run("b")[0])[:cut])
    log.check()
    assert log.append(sample_run("a")) == 7


def test_a_log_that_a_tool_wrote_anew_is_a_log(log, path):
    """`jq -c` puts keys in another order, and others spaces between."""
    path.parent.mkdir()
    event = json.loads(encode_json(sample_run("b")[0]))
    path.write_text(json.dumps(dict(sorted(event.items()))) + "\n")
    log.check()
    assert log.append(sample_run("a")) == 8


def test_an_event_of_a_newer_version_is_named(log, path):
    """A type of event this version does not know is not skipped in silence."""
    path.parent.mkdir()
    path.write_text('{"type": "run_imagined", "time": 1}\n')
    with pytest.raises(UnknownEventTypeError, match="run_imagined"):
        log.read()


def test_a_follower_goes_on_after_rotation(log, path):
    """The file is moved away, or emptied in place: follower and writer go on with what comes."""

    async def scenario():
        async with contextlib.aclosing(log.follow(after=0)) as events:
            await asyncio.to_thread(log.append, sample_run("a"))
            assert {event.root_run_id for event in await take(events, 7)} == {"a"}
            path.rename(path.with_suffix(".1"))
            await asyncio.to_thread(log.append, sample_run("b"))
            assert {event.root_run_id for event in await take(events, 7)} == {"b"}
            path.write_bytes(b"")
            await asyncio.to_thread(log.append, sample_run("c")[:3])
            assert {event.root_run_id for event in await take(events, 3)} == {"c"}

    asyncio.run(scenario())
    assert log.head() == 3


def test_pruning_keeps_positions_for_a_reader_under_way(log):
    """A reader who holds a position finds its place in the shortened file."""
    for n in range(10):
        log.append(sample_run(f"r{n}"))
    assert [event.seq for event in log.read(after=60)] == list(range(61, 71))
    assert log.prune(Retention(max_size=4000)) > 0
    assert [event.seq for event in log.read(after=60)] == list(range(61, 71))
    first = log.read(limit=1)[0].seq
    assert 1 < first < 61
    assert log.prune(Retention(max_size=1000)) > 0
    assert log.append(sample_run("later")) == 77
    assert len(log.runs(RunQuery(limit=None))) < 10


def test_age_removes_what_is_old(path):
    """Events older than `max_age` go from the beginning of the file."""
    log = JsonlLog(path, clock=lambda: 2_000 * 10**9)
    log.append(sample_run("old", time=10**9))
    log.append(sample_run("young", time=1_999 * 10**9))
    assert log.prune(Retention(max_age=100.0)) == 7
    assert {event.root_run_id for event in log.read()} == {"young"}


def test_a_writer_killed_in_the_middle_harms_nobody(path):
    """Killed -9 between and inside writes: acknowledged positions hold, and others write on."""
    code = """
        import itertools, sys
        from pathlib import Path
        from tracebus_exporters.jsonl import JsonlLog
        from tracebus.testing.logs import sample_run
        log = JsonlLog(Path(sys.argv[1]))
        for n in itertools.count():
            print(log.append(sample_run(f"r{n}", tokens=50)), flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(path)], stdout=subprocess.PIPE, text=True
    )
    acknowledged = [int(process.stdout.readline()) for _ in range(50)][-1]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    log = JsonlLog(path)
    assert log.head() >= acknowledged
    head = log.append(sample_run("after"))
    assert [event.seq for event in log.read(limit=head)] == list(range(1, head + 1))


def test_a_full_disk_leaves_no_half_batch(path):
    """When the file cannot grow, the batch is refused whole and the file ends with a whole line."""
    code = """
        import resource, sys
        from pathlib import Path
        from tracebus_exporters.jsonl import JsonlLog
        from tracebus.testing.logs import sample_run
        log = JsonlLog(Path(sys.argv[1]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            for n in range(100):
                log.append(sample_run(f"r{n}"))
        except OSError as error:
            print(log.head())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(path)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    head = int(done.stdout)
    assert head % 7 == 0
    assert path.read_bytes().endswith(b"\n")
    assert len(JsonlLog(path).read()) == head


def test_urls_name_files(tmp_path):
    """A path is needed; options limit the file."""
    assert from_url(f"jsonl:{tmp_path}/x.jsonl?max_size=1MB").retention == Retention(max_size=1_000_000)
    assert from_url("events.jsonl").path.name == "events.jsonl"
    with pytest.raises(InvalidLogError, match="write jsonl:PATH"):
        from_url("jsonl:")
