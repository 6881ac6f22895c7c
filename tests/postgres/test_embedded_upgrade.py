"""The data of an older Postgres is moved to the one that Situate brings: whole, or not at all and tried again at the next start."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest

from db import DatabaseRefused, embedded, embedded_files, embedded_upgrade, migrate
from tests.folders import open_folder
from tests.postgres.schema import catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
DUMP = ROOT / "tests" / "releases" / "0009.sql.gz"
QUICK = {"fsync": "off", "shared_buffers": "16MB"}
OLDER = "16"

pytestmark = pytest.mark.skipif(embedded_files.programs_of(OLDER) is None, reason="the wheel brings no older Postgres")

# A start in a process of its own. It kills itself, or one of its servers, when the step named by the arguments is reached or done.
START = """
import os, signal, sys
from pathlib import Path
from db import embedded, embedded_upgrade

home, when, where, what = sys.argv[1:]
data = Path(home) / "postgres"

def kill():
    folder = {"old": "data", "new": "data.new"}.get(what)
    number = os.getpid() if folder is None else int((data / folder / "postmaster.pid").read_text().splitlines()[0])
    os.kill(number, signal.SIGKILL)

def killing(step):
    def run(*args, **kwargs):
        if when == "before":
            kill()
        done = step(*args, **kwargs)
        if when == "after":
            kill()
        return done
    return run

if where == "between the renames":
    rename = Path.rename
    def renaming(path, target):
        if path.name == "data.new":
            kill()
        return rename(path, target)
    Path.rename = renaming
elif where:
    module = embedded if where == "forget_older" else embedded_upgrade
    setattr(module, where, killing(getattr(module, where)))
embedded.start(Path(home), settings={"fsync": "off", "shared_buffers": "16MB"}).leave()
"""


def initialise_older(place: embedded_files.Place, data: Path, *, sync: bool) -> None:
    """As a Situate with that Postgres would have done; it knows no builtin locale."""
    initdb = embedded_files.find_programs(place) / "initdb"
    options = ["--auth=peer", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    done = embedded_files.run_as(place.owner, [str(initdb), "-D", str(data), *options])
    assert done.returncode == 0, done.stderr
    with (data / "postgresql.conf").open("a") as conf:
        conf.write("\ninclude 'situate.conf'\n")


@contextmanager
def older_situate() -> Iterator[None]:
    """As if the Situate of that Postgres ran here."""
    with pytest.MonkeyPatch.context() as older:
        for module in (embedded, embedded_files, embedded_upgrade):
            older.setattr(module, "MAJOR", OLDER)
        older.setattr(embedded, "initialise", initialise_older)
        yield


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A home of an older Postgres: a library in the application's database, another role with a grant, and another database."""
    with open_folder() as path:
        with older_situate():
            server = embedded.start(path / "home", settings=QUICK)
            psql = [str(embedded_files.packaged_programs() / "psql"), "-qX1", "-v", "ON_ERROR_STOP=1", "-o", os.devnull]
            statements = gzip.decompress(DUMP.read_bytes()).decode().replace("SET transaction_timeout = 0;", "")
            subprocess.run([*psql, server.url], input=statements, text=True, check=True)
            with psycopg.connect(server.superuser_url, autocommit=True) as connection:
                connection.execute("create role reporter login")
                connection.execute("grant select on documents to reporter")
                connection.execute("alter role situate set work_mem = '8MB'")
                connection.execute('create database "the other" owner reporter')
            with psycopg.connect(at(server, "the other")) as connection:
                connection.execute('create table "odd name" as select generate_series(1, 3) as n')
            server.leave()
        assert embedded_upgrade.major_of(path / "home" / "postgres" / "data") == OLDER
        yield path / "home"


@pytest.fixture
def home(made: Path) -> Iterator[Path]:
    """A copy of it, which a test may do with as it likes."""
    with open_folder() as path:
        subprocess.run(["cp", "-a", made, path / "home"], check=True)
        yield path / "home"


@pytest.fixture
def start(home: Path) -> Iterator[Callable[[], embedded.Server]]:
    servers: list[embedded.Server] = []

    def one() -> embedded.Server:
        servers.append(embedded.start(home, settings=QUICK))
        return servers[-1]

    yield one
    for server in servers:
        server.leave()


def at(server: embedded.Server, database: str) -> str:
    return urlunsplit(urlsplit(server.superuser_url)._replace(path=f"/{quote(database)}"))


def clusters(home: Path) -> dict[str, str]:
    """The major of each cluster in a home."""
    return {path.parent.name: path.read_text().strip() for path in (home / "postgres").glob("data*/PG_VERSION")}


def holds_all(server: embedded.Server) -> bool:
    with psycopg.connect(server.superuser_url) as connection:
        found = connection.execute(
            """select current_setting('server_version_num')::int / 10000, (select count(*) from documents), (select count(*) from vectors),
                      (select count(*) from messages), has_table_privilege('reporter', 'documents', 'select')"""
        ).fetchone()
    with psycopg.connect(at(server, "the other")) as connection:
        others = connection.execute('select count(*) from "odd name"').fetchone()
    return (found, others) == ((18, 4, 3, 2, True), (3,))


def killed(home: Path, when: str, where: str, what: str = "us") -> subprocess.CompletedProcess[str]:
    """A start that did not come to its end."""
    command = [sys.executable, "-c", START, str(home), when, where, what]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode != 0
    return done


def test_everything_is_moved_and_the_older_data_goes_once_the_new_one_has_started(home, start, caplog):
    server = start()
    assert holds_all(server)
    assert clusters(home) == {"data": "18"}
    assert [record.message.split(";")[0] for record in caplog.records if record.name == "db.embedded_upgrade"] == [
        "The embedded database was made by Postgres 16",
        next(r.message.split(";")[0] for r in caplog.records if r.message.startswith("Moved in")),
    ]
    with psycopg.connect(server.url) as connection:
        assert connection.execute("show work_mem").fetchone() == ("8MB",)
        assert connection.execute("select reltuples > 0 from pg_class where relname = 'documents'").fetchone() == (True,)
    assert not list((home / "postgres").glob("move-*"))


def test_what_was_moved_is_what_a_new_database_would_be(home, start, server):
    moved = start()
    assert migrate.migrate(moved.url)[-1] == migrate._files()[-1][0]
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute("create database test_moved owner situate")
    fresh = urlunsplit(urlsplit(server.url)._replace(path="/test_moved"))
    with psycopg.connect(at(server, "test_moved"), autocommit=True) as connection:
        connection.execute("create extension vector")
    migrate.migrate(fresh)
    with psycopg.connect(moved.superuser_url) as connection:
        connection.execute("revoke select on documents from reporter")
    grants = "grants {situate=arwdDxtm/situate}"  # the owner's own rights, which a revoked grant leaves spelt out
    assert {line.replace(grants, "grants ") for line in catalog(moved.url)} ^ catalog(fresh) == set()
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute("drop database test_moved with (force)")


STEPS = ["initialise", "_await", "_copy_roles", "_copy", "_compare", "_switch", "forget_older"]


@pytest.mark.parametrize("where", [*STEPS, "between the renames"])
def test_a_start_that_is_killed_at_any_step_loses_nothing_and_the_next_one_begins_again(home, start, where):
    killed(home, "after", where)
    if where in STEPS[: STEPS.index("_switch")]:
        assert clusters(home)["data"] == OLDER
    assert holds_all(start())
    assert clusters(home) == {"data": "18"}


def test_copies_that_an_operator_made_are_left_alone(home, start):
    kept = home / "postgres" / "data.2026-11-22"
    subprocess.run(["cp", "-a", home / "postgres" / "data", kept], check=True)
    assert holds_all(start())
    assert embedded_upgrade.major_of(kept) == OLDER
    assert clusters(home) == {"data": "18", kept.name: OLDER}


def test_the_older_cluster_is_still_one_after_a_kill_in_the_middle(home):
    killed(home, "after", "_copy")
    with older_situate():
        server = embedded.start(home, settings=QUICK)
        with psycopg.connect(server.url) as connection:
            connection.execute("select set_config('situate.subject', 'local', true)")
            assert connection.execute("select count(*) from documents").fetchone() == (3,)
            assert connection.execute("show server_version").fetchone()[0].startswith(OLDER)
        server.leave()


@pytest.mark.parametrize("what", ["old", "new"])
def test_a_server_that_is_killed_ends_the_attempt_with_a_sentence(home, start, what):
    done = killed(home, "before", "_copy", what)
    assert "Moving the embedded database from Postgres 16 to 18 failed" in done.stderr
    assert clusters(home) == {"data": OLDER}
    assert holds_all(start())


def test_no_server_of_a_killed_start_stays_behind(home):
    killed(home, "after", "_copy_roles")
    deadline = time.monotonic() + 60
    while True:
        with (home / "postgres" / "alive").open("ab") as alive:
            if embedded._take(alive, embedded.fcntl.LOCK_EX):
                break
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not list((home / "postgres" / "run").glob(".s.PGSQL.543[34]"))


def test_a_start_that_was_asked_to_stop_leaves_the_older_cluster_alone(home, start):
    command = [sys.executable, "-c", START.replace("signal.SIGKILL", "signal.SIGINT"), str(home), "before", "_copy", "us"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert "KeyboardInterrupt" in done.stderr
    assert clusters(home) == {"data": OLDER}
    assert holds_all(start())


def test_rows_that_did_not_arrive_are_noticed(home, start, monkeypatch):
    def lossy(place: embedded_files.Place, programs: Path, database: str) -> None:
        copy(place, programs, database)
        if database == "situate":
            with psycopg.connect(embedded_upgrade._url(place, embedded_upgrade.NEW, database)) as connection:
                connection.execute("delete from feedback")

    copy = embedded_upgrade._copy
    monkeypatch.setattr(embedded_upgrade, "_copy", lossy)
    with pytest.raises(DatabaseRefused, match=r"public\.feedback: 1 in the old, 0 in the new\. .* is as it was"):
        start()
    assert clusters(home) == {"data": OLDER}


def test_too_little_space_is_said_before_anything_is_done(home, start, monkeypatch):
    monkeypatch.setattr(embedded_upgrade, "SPARE", shutil.disk_usage(home).total)
    with pytest.raises(DatabaseRefused, match=r"needs [\d,]+ MB there; [\d,]+ MB are free\. Free some"):
        start()
    assert clusters(home) == {"data": OLDER}


def test_a_disk_that_fills_up_in_the_middle_leaves_the_older_cluster_alone(made, monkeypatch):
    """On a small disk of its own."""
    size = int(subprocess.run(["du", "-sm", made], capture_output=True, text=True, check=True).stdout.split()[0])
    with open_folder() as path:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size + 45}m,mode=0711", "tmpfs", path], capture_output=True, check=False
        )
        if mounted.returncode != 0:
            pytest.skip("only root may mount a disk")
        try:
            home = path / "home"
            subprocess.run(["cp", "-a", made, home], check=True)
            with monkeypatch.context() as careless:
                careless.setattr(embedded_upgrade, "SPARE", -(10**12))
                with pytest.raises(DatabaseRefused, match=r"No space left on device|could not make its files"):
                    embedded.start(home, settings=QUICK)
            assert clusters(home) == {"data": OLDER}
            subprocess.run(["mount", "-o", "remount,size=1g", path], check=True)
            server = embedded.start(home, settings=QUICK)
            assert holds_all(server)
            server.leave()
        finally:
            subprocess.run(["umount", path], check=True)


def test_data_of_a_newer_postgres_is_refused_and_left_alone(home, start):
    version = home / "postgres" / "data" / "PG_VERSION"
    version.write_text("19\n")
    with pytest.raises(DatabaseRefused, match=r"made by Postgres 19, .* Start the newer Situate"):
        start()
    assert clusters(home) == {"data": "19"}


def test_data_of_a_postgres_that_is_not_there_says_how_to_go_on(home, start):
    (home / "postgres" / "data" / "PG_VERSION").write_text("15\n")
    with pytest.raises(DatabaseRefused, match=r"`situate backup FILE`; then move .* away, and run `situate restore FILE`"):
        start()
    assert clusters(home) == {"data": "15"}
