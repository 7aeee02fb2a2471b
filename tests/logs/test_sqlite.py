"""The embedded log under what happens to files and processes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import random
import signal
import sqlite3
import stat
import time
from pathlib import Path

import pytest
from processes import all_events, output_of, python

from tracebus.events import Gap
from tracebus.exceptions import InvalidLogError
from tracebus.logs import Retention, RunQuery, default_log_path, find_runs_by_scan
from tracebus.testing.logs import sample_run
from tracebus_exporters.sqlite import SqliteLog, _connection, _schema, from_url
from tracebus_exporters.sqlite._producer import LOST_AFTER

SECOND = 10**9
DAY = 86_400 * SECOND


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "log.db"


@pytest.fixture
def log(path):
    with contextlib.closing(SqliteLog(path)) as log:
        yield log


def integrity(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]


WRITER = """
    import sys, itertools
    from pathlib import Path
    from tracebus_exporters.sqlite import SqliteLog
    from tracebus.testing.logs import sample_run
    log = SqliteLog(Path(sys.argv[1]))
    for n in itertools.count():
        print(log.append(sample_run(f"{sys.argv[2]}-{n}")[:-1]), flush=True)
        print(log.append(sample_run(f"{sys.argv[2]}-{n}")[-1:]), flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_writer_loses_nothing_it_was_told_is_stored(path, seed):
    """Killed -9 at a random point: what `append` returned from is there, in order, in an intact file."""
    process = python(WRITER, path, "w")
    acknowledged = [int(process.stdout.readline()) for _ in range(random.Random(seed).randrange(1, 200))][-1]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with contextlib.closing(SqliteLog(path)) as log:
        events = all_events(log)
        assert integrity(path) == "ok"
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert len(events) >= acknowledged
        query = RunQuery(limit=None, roots_only=False)
        assert log.runs(query) == find_runs_by_scan(log, query)


def test_runs_of_a_killed_writer_are_lost_after_a_while(path):
    """An open run of a killed process is shown as lost once its heartbeat is old, not as running."""
    process = python(WRITER, path, "w")
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with contextlib.closing(SqliteLog(path)) as now:
        open_runs = {run.run_id for run in now.runs(RunQuery(status="running"))}
    later = SqliteLog(path, clock=lambda: time.time_ns() + int((LOST_AFTER + 1) * SECOND))
    with contextlib.closing(later):
        assert later.runs(RunQuery(status="running")) == []
        assert {run.run_id for run in later.runs(RunQuery(status="lost"))} == open_runs
        assert later.lost() == open_runs


def test_runs_left_open_at_close_are_lost_at_once(log, path):
    """A process that ends in order says so; what it left open will never end."""
    log.append(sample_run("a")[:1])
    assert log.lost() == frozenset()
    log.close()
    with contextlib.closing(SqliteLog(path)) as reader:
        assert reader.lost() == {"a"}
        assert reader.find_run("a").status == "lost"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        view = connection.execute("SELECT status FROM run_list").fetchall()
    assert view == [("lost",)]


def test_a_beating_heart_keeps_a_silent_run_alive(path):
    """A process that has nothing to say still gives signs of life."""
    now = time.time_ns()
    times = {"now": now}
    with contextlib.closing(SqliteLog(path, clock=lambda: times["now"])) as log:
        log.append(sample_run("a")[:1])
        times["now"] += int((LOST_AFTER + 1) * SECOND)
        assert log.lost() == {"a"}
        log._writer.beat()
        assert log.lost() == frozenset()


def test_many_processes_write_at_once(path):
    """Batches of several processes interleave whole, at contiguous positions."""
    code = """
        import sys
        from pathlib import Path
        from tracebus_exporters.sqlite import SqliteLog
        from tracebus.testing.logs import sample_run
        log = SqliteLog(Path(sys.argv[1]))
        for n in range(100):
            log.append(sample_run(f"{sys.argv[2]}-{n}"))
        log.close()
    """
    processes = [python(code, path, name) for name in "abcd"]
    for process in processes:
        output_of(process)
    with contextlib.closing(SqliteLog(path)) as log:
        events = all_events(log)
        assert [event.seq for event in events] == list(range(1, 4 * 100 * 7 + 1))
        assert all(len({e.root_run_id for e in events[n : n + 7]}) == 1 for n in range(0, len(events), 7))
        assert len(log.runs(RunQuery(limit=None, status="ok"))) == 400


def test_a_forked_child_writes_for_itself(path):
    """After a fork, both processes go on writing through the object made before it."""
    code = """
        import os, sys
        from pathlib import Path
        from tracebus_exporters.sqlite import SqliteLog
        from tracebus.testing.logs import sample_run
        log = SqliteLog(Path(sys.argv[1]))
        log.append(sample_run("before"))
        log.read()
        child = os.fork()
        for n in range(20):
            log.append(sample_run(f"{'parent' if child else 'child'}-{n}"))
        if not child:
            log.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        log.append(sample_run("after"))
        print(log.head())
        log.close()
    """
    assert output_of(python(code, path)) == f"{42 * 7}\n"
    assert integrity(path) == "ok"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM producers").fetchone() == (2,)


def test_a_forgotten_log_lets_go_of_its_file(path):
    """Without a close, when nothing holds the log any more: no file stays open, its runs are lost."""
    log = SqliteLog(path)
    log.append(sample_run("a")[:1])
    log.read()
    assert open_files_under(path.parent)
    del log
    gc.collect()
    assert not open_files_under(path.parent)
    with contextlib.closing(SqliteLog(path)) as log:
        assert log.lost() == {"a"}


def open_files_under(folder):
    names = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [name for name in names if name.is_relative_to(folder)]


def test_a_full_disk_is_an_error_and_what_was_lost_is_written_down(path):
    """When the file cannot grow, the batch is refused whole; once it can, a gap says what is missing."""
    code = """
        import json, resource, sys
        from pathlib import Path
        from tracebus_exporters.sqlite import SqliteLog
        from tracebus.testing.logs import sample_run
        log = SqliteLog(Path(sys.argv[1]))
        log.export(sample_run("first"))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
        errors = []
        for n in range(10_000):
            batch = sample_run(f"run-{n}", tokens=100)
            try:
                log.export(batch)
            except OSError as error:
                errors.append(str(error))
                break
        try:
            log.export(batch)  # tried again, as the bus does
        except OSError as error:
            errors.append(str(error))
        stored = log.head()
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        log.export(sample_run("after"))  # another batch: the one before was given up
        print(json.dumps([errors, stored, len(batch)]))
        log.close()
    """
    errors, stored, lost = json.loads(output_of(python(code, path)))
    assert len(errors) == 2
    assert "log.db" in errors[0]
    assert "cannot grow" in errors[0]
    assert integrity(path) == "ok"
    with contextlib.closing(SqliteLog(path)) as log:
        after = log.read(stored)
        assert isinstance(after[0], Gap)
        assert after[0].missed == lost
        assert [event.seq for event in after] == list(range(stored + lost, stored + lost + 8))


def test_the_log_is_private(log, path):
    """Prompts are in it: nobody else may read the files or enter the directory."""
    log.append(sample_run("a"))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    files = list(path.parent.iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_place_that_cannot_be_made_names_it(tmp_path):
    """A path below a file is refused with the path and the remedy."""
    (tmp_path / "file").touch()
    log = SqliteLog(tmp_path / "file" / "log.db")
    with pytest.raises(InvalidLogError, match=r"log\.db cannot be opened .* sqlite:PATH"):
        log.append(sample_run("a"))
    assert log.read() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a user who may not write")
def test_a_read_only_directory_can_be_read_not_written(tmp_path):
    """A log somebody else put away is readable; writing to it says why not."""
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        folder.chmod(0o755)
        if folder.name.startswith("pytest-of-"):  # the topmost that is pytest's own
            break
    place = tmp_path / "log.db"
    with contextlib.closing(SqliteLog(place)) as log:
        log.append(sample_run("a"))
    place.chmod(0o644)
    code = """
        import sys, os
        from pathlib import Path
        from tracebus.exceptions import InvalidLogError
        from tracebus_exporters.sqlite import SqliteLog
        from tracebus.testing.logs import sample_run
        log = SqliteLog(Path(sys.argv[1]))
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
        print(len(log.read()))
        try:
            log.append(sample_run("b"))
        except InvalidLogError as error:
            print(error)
    """
    count, error = output_of(python(code, place)).splitlines()
    assert count == "7"
    assert "cannot be written" in error or "cannot be opened" in error
    assert "sqlite:PATH" in error


def test_a_foreign_database_is_left_alone(path):
    """Another program's database is refused, for reading and writing, and not changed."""
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.commit()
    before = path.read_bytes()
    log = SqliteLog(path)
    with pytest.raises(InvalidLogError, match="another program"):
        log.append(sample_run("a"))
    with pytest.raises(InvalidLogError, match="another program"):
        log.read()
    log.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    assert len(path.read_bytes()) == len(before)


def test_a_file_that_is_no_database_is_refused(path):
    """Bytes that are no database give an error naming the file, not SQLite's own."""
    path.parent.mkdir()
    path.write_bytes(b"no database at all, but long enough to look like one" * 10)
    with pytest.raises(InvalidLogError, match=r"log\.db is no SQLite database"):
        SqliteLog(path).read()


def test_a_newer_log_is_refused(log, path):
    """Tables of a version this tracebus does not know are not touched."""
    log.append(sample_run("a"))
    log.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.commit()
    with pytest.raises(InvalidLogError, match="newer tracebus"):
        log.append(sample_run("b"))
    with pytest.raises(InvalidLogError, match="newer tracebus"):
        log.read()


def test_an_older_log_is_brought_up_to_date(log, path, monkeypatch):
    """A reader who meets older tables has them migrated, keeping what they hold."""
    log.append(sample_run("a"))
    log.close()
    monkeypatch.setattr(_schema, "MIGRATIONS", (*_schema.MIGRATIONS, "ALTER TABLE runs ADD COLUMN more TEXT"))
    monkeypatch.setattr(_schema.prepare, "__defaults__", (_schema.MIGRATIONS,))
    monkeypatch.setattr(_schema.check, "__defaults__", (_schema.MIGRATIONS,))
    assert len(log.read()) == 7
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT more FROM runs").fetchall() == [(None,)] * 2


def test_a_failed_migration_changes_nothing(log, path):
    """A step that fails half way leaves the version and the tables as they were."""
    log.append(sample_run("a"))
    log.close()
    steps = (*_schema.MIGRATIONS, "ALTER TABLE runs ADD COLUMN more TEXT;\nALTER TABLE nowhere ADD x")
    with contextlib.closing(_connection._connect(path, "rw")) as connection:
        with pytest.raises(sqlite3.OperationalError):
            _schema.prepare(connection, str(path), steps)
        assert _schema.version(connection) == len(_schema.MIGRATIONS)
    assert len(log.read()) == 7


def test_age_removes_whole_runs(path):
    """What was stored longer ago than `max_age` goes, except from the first event of an open run on."""
    times = {"now": 1_800_000_000 * SECOND}
    with contextlib.closing(SqliteLog(path, clock=lambda: times["now"])) as log:
        log.append(sample_run("old"))
        times["now"] += DAY
        log.append(sample_run("open")[:2])
        times["now"] += DAY
        log.append(sample_run("young"))
        assert log.prune(Retention(max_age=43_200.0)) == 7
        assert {run.run_id for run in log.runs(RunQuery())} == {"open", "young"}
        log.append(sample_run("open")[2:])
        times["now"] += DAY
        log.append(sample_run("youngest"))
        assert log.prune(Retention(max_age=43_200.0)) == 14
        assert [run.run_id for run in log.runs(RunQuery())] == ["youngest"]


def test_old_events_stored_today_are_young(path):
    """A recording of last year that is replayed into the log stays: its age is since it was stored."""
    with contextlib.closing(SqliteLog(path)) as log:
        log.append([Gap(time=1, missed=3), *sample_run("ancient", time=1)])
        log.append(sample_run("ancient too", time=1))
        assert len(log.read()) == 15


def test_a_log_keeps_to_its_size(path):
    """A log told to stay small stays about as small while it is written, and gives the space back."""
    log = SqliteLog(path, retention=Retention(max_size=3_000_000))
    with contextlib.closing(log):
        for n in range(400):
            log.append(sample_run(f"r{n}", tokens=100))
        assert log.read(limit=1)[0].seq > 1
        first, last = log.read(limit=1)[0].seq, log.head()
        assert last == 400 * 104
        assert last - first > 1_000
    assert path.stat().st_size < 8_000_000


def test_a_removed_file_is_made_again(log, path):
    """Somebody deletes the log while a program writes and a viewer follows: both go on with a new one."""

    async def scenario():
        async with contextlib.aclosing(log.follow(after=0)) as events, asyncio.timeout(20):
            await asyncio.to_thread(log.append, sample_run("a"))
            assert [(await anext(events)).root_run_id for _ in range(7)] == ["a"] * 7
            for file in path.parent.iterdir():
                file.unlink()
            await asyncio.to_thread(log.append, sample_run("b"))
            assert [(await anext(events)).root_run_id for _ in range(7)] == ["b"] * 7

    asyncio.run(scenario())
    assert [run.run_id for run in log.runs(RunQuery())] == ["b"]


def test_a_follower_in_another_process_sees_events_live(path):
    """Events written here arrive in a process that follows."""
    code = """
        import asyncio, sys
        from pathlib import Path
        from tracebus_exporters.sqlite import SqliteLog
        async def main():
            async for event in SqliteLog(Path(sys.argv[1])).follow(after=0):
                print(event.seq, flush=True)
                if event.seq == 21:
                    return
        asyncio.run(main())
    """
    follower = python(code, path)
    with contextlib.closing(SqliteLog(path)) as log:
        for name in "abc":
            log.append(sample_run(name))
            for _ in range(7):
                follower.stdout.readline()
    assert follower.wait() == 0
    follower.stdout.close()


def test_the_views_read_well_by_hand(log, path):
    """`run_list` and `event_list` have readable times, durations and texts."""
    log.append(sample_run("a", seconds=2.5))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        run = connection.execute(
            "SELECT name, status, started_at, seconds FROM run_list WHERE kind = 'chain'"
        )
        assert run.fetchall() == [("answer", "ok", "2027-01-15T08:00:00.000Z", 2.5)]
        texts = connection.execute("SELECT text FROM event_list WHERE type = 'run_streamed'").fetchall()
    assert texts == [("word0 ",), ("word1 ",), ("word2 ",)]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:x.db?max_sise=3", "max_sise; known here: max_size, max_age"),
        ("sqlite:x.db?max_size=lots", "expected a size such as 500MB"),
        ("sqlite://host/x.db", "names a host; write sqlite:host/x.db"),
    ],
)
def test_a_wrong_url_says_what_is_wrong(url, message):
    """An option or a host that makes no sense is refused with what would."""
    with pytest.raises(InvalidLogError, match=message.replace("?", r"\?")):
        from_url(url)


def test_urls_name_places_and_limits(tmp_path):
    """The empty place is the user's own; options say how much to keep."""
    assert from_url("sqlite:").path == default_log_path()
    log = from_url(f"sqlite:{tmp_path}/my%20log.db?max_size=1.5GB&max_age=2w")
    assert log.path == tmp_path / "my log.db"
    assert log.retention == Retention(max_size=1_500_000_000, max_age=14 * 86_400)
    assert from_url("sqlite:////x/y.db?max_size=off").retention.max_size is None


def test_a_log_created_while_it_is_looked_at_is_not_taken_for_another_programs(tmp_path, monkeypatch):
    """Between two looks at a file another process may have made a log of it."""
    path = tmp_path / "log.db"
    looking = sqlite3.connect(path)
    empty = _schema._empty

    def empty_a_moment_ago(connection):
        monkeypatch.setattr(_schema, "_empty", empty)
        writer = SqliteLog(path)
        writer.append(sample_run("a"))
        writer.close()
        return empty(connection)

    monkeypatch.setattr(_schema, "_empty", empty_a_moment_ago)
    _schema.check(looking, str(path))
    looking.close()
    assert _schema._empty is empty
