"""Brings a database up to date: numbered SQL files, applied in order, each once, under an advisory lock.

All pending files are one transaction: an interrupted migration leaves the previous state. The queue brings migrations of its own; they are
applied as ours are, under names that begin with 0000_procrastinate.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import psycopg
from procrastinate.schema import SchemaManager

from db import DatabaseRefused, session

LOCK = 0x5174_7561_7465
MINIMUM_SERVER = 16
MINIMUM_PGVECTOR = (0, 8)
LOCK_PATIENCE = 60  # seconds that a table may be in use; an idle transaction of ours ends after 20 (db.SESSION)

QUEUE = "0000_procrastinate"
QUEUE_BEGAN = "03.04.00_50"  # the last of its migrations that the schema of the first Situate's queue held

ROLE_HELP = """\
create role situate login password '...' nosuperuser nobypassrls;
create database situate owner situate;
\\c situate
create extension if not exists vector;"""


def migrate(url: str) -> list[str]:
    """Check the server, apply what is pending, and return the names applied. Safe to call from several processes at once.

    Raises DatabaseRefused with what to do when the server is away, too old, without pgvector, or the role is wrong.
    """
    with connect(url, pooled=True) as connection, understood():
        prepare(connection)
        return apply(connection)


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Check the server and the role, and keep others from migrating until the transaction ends. Raises DatabaseRefused."""
    _check_server(connection)
    connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
    _check_rights(connection)


def apply(connection: psycopg.Connection[Any]) -> list[str]:
    """Apply what is pending in the caller's transaction, and return the names. After `prepare`. Raises DatabaseRefused."""
    connection.execute("create table if not exists migrations (name text primary key, applied_at timestamptz not null default now())")
    applied = {name for (name,) in connection.execute("select name from migrations")}
    if newer := unknown(applied):
        raise DatabaseRefused(f"The database was migrated by a newer Situate ({newer[-1]}). Start that version, or a newer one, instead.")
    pending = [(name, sql) for name, sql in _files() if name not in applied]
    if pending:
        connection.execute("select set_config('lock_timeout', %s, true)", [f"{LOCK_PATIENCE}s"])
    for name, sql in pending:
        if not (name.startswith(f"{QUEUE}/") and QUEUE not in applied):  # a new database's queue has all of its migrations
            connection.execute(sql)
        connection.execute("insert into migrations (name) values (%s)", [name])
    return [name for name, _ in pending]


def unknown(applied: Collection[str]) -> list[str]:
    """Those of these migrations that are not of this Situate, but of a newer one."""
    return sorted(set(applied) - {name for name, _ in _files()})


def objects() -> frozenset[str]:
    """The names of the tables, functions and types that migrations make."""
    made = re.compile(r"^\s*create (?:or replace )?(?:table|function|type) (?:if not exists )?(\w+)", re.IGNORECASE | re.MULTILINE)
    return frozenset({"migrations", *(name for _, text in _files() for name in made.findall(text))})


def _files() -> list[tuple[str, str]]:
    """Name and text of each migration, in order. The queue's own schema stands between the extension and our tables."""
    ours = [(name, sql) for name, sql in _texts(resources.files("db.migrations")) if re.fullmatch(r"\d{4}_\w+\.sql", name)]
    queues = [
        (f"{QUEUE}/{name}", sql)
        for name, sql in _texts(Path(SchemaManager.get_migrations_path()))
        if name[: len(QUEUE_BEGAN)] > QUEUE_BEGAN
    ]
    return [(QUEUE, SchemaManager.get_schema()), *queues, *ours]


def _texts(folder: Traversable) -> list[tuple[str, str]]:
    return sorted((entry.name, entry.read_text("utf-8")) for entry in folder.iterdir() if entry.name.endswith(".sql"))


def connect(url: str, *, setting: str = "DATABASE_URL", pooled: bool = False) -> psycopg.Connection[Any]:
    """With `pooled` the session begins as the pool's will, so that who refuses those says so now.

    Raises DatabaseRefused; its sentence names the setting and never shows the address, which may hold a password.
    """
    if url.rsplit("?", 1)[0].count("@") > 1:  # libpq would take the password's end for the host, and name it
        raise DatabaseRefused(f"{setting} has more than one @. Write special characters of the password in percent form: %40 for @.")
    if _has_odd_port(url):
        raise DatabaseRefused(f"The port in {setting} is not a number. If the password holds a /, write it in percent form: %2F.")
    try:
        return psycopg.connect(url, connect_timeout=10, options=session(url) if pooled else None)
    except psycopg.OperationalError as error:
        raise DatabaseRefused(_refusal(str(error), setting)) from error
    except psycopg.ProgrammingError as error:
        raise DatabaseRefused(
            f"{setting} is not an address of a Postgres database, such as postgresql://situate:...@host/situate. "
            "Special characters of the password are written in percent form: %25 for %."
        ) from error


def _has_odd_port(url: str) -> bool:
    """Where a / cuts a password in two, its beginning stands in the place of the port, and libpq would name it."""
    address = re.split(r"[/?]", url.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]
    ports = re.findall(r":([^:,\]]*)(?:,|$)", address)
    return any(port and not port.isdecimal() for port in ports)


def _refusal(told: str, setting: str) -> str:
    """One sentence of libpq's several lines: the server's own answer where one answered, else where nothing did."""
    lines = [line.strip() for line in told.splitlines()]
    if answered := next((line.split("FATAL:", 1)[1].strip() for line in lines if "FATAL:" in line), None):
        if re.search(r'database ".*" does not exist', answered):
            return f"The server refuses: {answered}. Make it (create database ... owner ...), or correct {setting}."
        if "unsupported startup parameter" in answered:
            return (
                "The address is that of a connection pooler, which refuses what a session begins with. Name the server itself, or give "
                "PgBouncer pool_mode = session and ignore_startup_parameters = options."
            )
        return f"The server refuses: {answered}. Check the user and password in {setting}, and the server's own limits."
    reason = re.sub(r"^(connection failed|connection is bad): ", "", lines[0] if lines else "no reason given").rstrip(".")
    return f"The database cannot be reached: {reason}. Check that the server runs and that {setting} is right."


@contextmanager
def understood() -> Iterator[None]:
    """Turn what a server may refuse in the middle of migrating into a sentence. Faults of our own SQL stay what they are."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseRefused(
            f"The role in DATABASE_URL has too few rights ({error.diag.message_primary}). Name the role that owns Situate's tables, "
            "or make a database of its own."
        ) from error
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise DatabaseRefused("The database is read-only. Point DATABASE_URL at the primary server.") from error
    except psycopg.errors.LockNotAvailable as error:
        raise DatabaseRefused(
            f"The database must be brought up to date, and another Situate has kept a table of it for {LOCK_PATIENCE} seconds. "
            "Nothing was changed. Stop the web processes and workers of the former version, then start this one again."
        ) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise DatabaseRefused(
            f"The database stopped in the middle: {str(error).splitlines()[0]}. Nothing was changed; try again."
        ) from error


def _check_server(connection: psycopg.Connection[Any]) -> None:
    """Refuse, with what to do, a server or role that Situate cannot keep its promises on."""
    if connection.info.server_version < MINIMUM_SERVER * 10_000:
        version = connection.info.server_version // 10_000
        raise DatabaseRefused(
            f"The server is Postgres {version}; Situate needs {MINIMUM_SERVER} or newer. Point DATABASE_URL at a newer server."
        )
    encoding = connection.execute("select getdatabaseencoding()").fetchone()
    if encoding and encoding[0] != "UTF8":
        raise DatabaseRefused(
            f"The database's encoding is {encoding[0]}, which cannot hold every language. Make it anew: "
            "create database situate owner situate encoding 'UTF8' template template0;"
        )
    role = connection.execute("select rolsuper, rolbypassrls from pg_roles where rolname = current_user").fetchone()
    if role and (role[0] or role[1]):
        what = "a superuser" if role[0] else "a role with BYPASSRLS"
        raise DatabaseRefused(
            f"DATABASE_URL names {what}, which row-level security does not bind. Make a plain role and a database of its own:\n{ROLE_HELP}"
        )


def _check_rights(connection: psycopg.Connection[Any]) -> None:
    installed = connection.execute("select extversion from pg_extension where extname = 'vector'").fetchone()
    if installed is None:
        try:
            with connection.transaction():
                connection.execute("create extension vector")
        except psycopg.Error as error:
            raise DatabaseRefused(
                "The database lacks the extension pgvector. A superuser, or your provider, must run in it: create extension vector;"
            ) from error
        installed = connection.execute("select extversion from pg_extension where extname = 'vector'").fetchone()
    version = str(installed[0]) if installed else "0"
    if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM_PGVECTOR:
        raise DatabaseRefused(
            f"pgvector {version} is too old; Situate needs 0.8 or newer. A superuser must run: alter extension vector update;"
        )
    unseen = connection.execute(
        "select extnamespace::regnamespace::text from pg_extension where extname = 'vector' and to_regtype('halfvec') is null"
    ).fetchone()
    if unseen:
        raise DatabaseRefused(
            f"pgvector lies in the schema {unseen[0]}, which is not on the role's search_path. "
            f"Run in the database: alter role ... set search_path = public, {unseen[0]};"
        )
    may_create = connection.execute("select has_schema_privilege(current_user, current_schema(), 'create')").fetchone()
    if not may_create or not may_create[0]:
        raise DatabaseRefused(
            "The role in DATABASE_URL may not create tables. The database's owner must run: grant create on schema public to that role; "
            "or make it the owner."
        )
