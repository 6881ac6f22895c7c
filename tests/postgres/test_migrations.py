"""Migrations: whole or not at all, once, and never under a role that row-level security does not bind."""

from __future__ import annotations

import re
import socketserver
import struct
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from db import DatabaseRefused, embedded, migrate, open_pool


@pytest.fixture
def empty(server: embedded.Server) -> Iterator[tuple[str, str]]:
    """An empty database with pgvector: its address for the application's role, and for the superuser."""
    name = "test_empty"
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(embedded.ROLE)))
    urls = [urlunsplit(urlsplit(url)._replace(path=f"/{name}")) for url in (server.url, server.superuser_url)]
    with psycopg.connect(urls[1], autocommit=True) as connection:
        connection.execute("create extension if not exists vector")
    yield urls[0], urls[1]
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("select tablename from pg_tables where schemaname = 'public'")}


def test_a_second_migration_has_nothing_to_do(empty: tuple[str, str]) -> None:
    assert migrate.migrate(empty[0])
    assert migrate.migrate(empty[0]) == []


def test_two_processes_may_migrate_at_once(empty: tuple[str, str]) -> None:
    applied: list[list[str]] = []
    threads = [threading.Thread(target=lambda: applied.append(migrate.migrate(empty[0]))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(applied) == 3
    assert sum(map(bool, applied)) == 1


def test_an_interrupted_migration_leaves_the_previous_state(empty: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = migrate._files()
    monkeypatch.setattr(migrate, "_files", lambda: [*whole, ("9999_broken.sql", "create table half (id int); select 1 / 0")])
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate.migrate(empty[0])
    assert tables(empty[0]) == set()
    monkeypatch.undo()
    migrate.migrate(empty[0])
    assert "documents" in tables(empty[0])


def test_a_superuser_is_refused_with_the_statement_that_makes_a_role(empty: tuple[str, str]) -> None:
    with pytest.raises(DatabaseRefused, match="superuser") as refused:
        migrate.migrate(empty[1])
    assert "create role situate" in str(refused.value)


def test_a_database_of_a_newer_situate_is_refused(empty: tuple[str, str]) -> None:
    migrate.migrate(empty[0])
    with psycopg.connect(empty[0]) as connection:
        connection.execute("insert into migrations (name) values ('9998_future.sql')")
    with pytest.raises(DatabaseRefused, match="newer Situate"):
        migrate.migrate(empty[0])


def test_a_missing_extension_is_named_with_what_to_do(empty: tuple[str, str]) -> None:
    with psycopg.connect(empty[1], autocommit=True) as connection:
        connection.execute("drop extension vector")
    with pytest.raises(DatabaseRefused, match="create extension vector"):
        migrate.migrate(empty[0])


def test_a_role_without_rights_is_told_which(empty: tuple[str, str]) -> None:
    with psycopg.connect(empty[1], autocommit=True) as connection:
        connection.execute("alter schema public owner to postgres")
        connection.execute("revoke create on schema public from public")
    with pytest.raises(DatabaseRefused, match="may not create tables"):
        migrate.migrate(empty[0])


def test_tables_of_another_role_are_refused_in_a_sentence(empty: tuple[str, str]) -> None:
    with psycopg.connect(empty[1], autocommit=True) as connection:
        connection.execute("create table migrations (name text primary key)")  # the superuser's
    with pytest.raises(DatabaseRefused, match="too few rights"):
        migrate.migrate(empty[0])


def test_a_read_only_server_is_refused_in_a_sentence(empty: tuple[str, str]) -> None:
    with pytest.raises(DatabaseRefused, match="read-only"):
        migrate.migrate(f"{empty[0]}&options=-c%20default_transaction_read_only%3Don")


def test_an_extension_that_the_role_does_not_see_is_named_with_its_schema(empty: tuple[str, str]) -> None:
    with psycopg.connect(empty[1], autocommit=True) as connection:
        connection.execute("create schema extras; alter extension vector set schema extras; grant usage on schema extras to public")
    with pytest.raises(DatabaseRefused, match="schema extras"):
        migrate.migrate(empty[0])


def test_a_database_that_cannot_hold_every_language_is_refused(server: embedded.Server) -> None:
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute("create database test_latin encoding 'LATIN1' locale 'C' template template0 owner situate")
    try:
        with pytest.raises(DatabaseRefused, match="LATIN1"):
            migrate.migrate(urlunsplit(urlsplit(server.url)._replace(path="/test_latin")))
    finally:
        with psycopg.connect(server.superuser_url, autocommit=True) as connection:
            connection.execute("drop database test_latin")


def test_a_database_that_does_not_exist_is_told_apart_from_a_server_that_is_away(server: embedded.Server) -> None:
    with pytest.raises(DatabaseRefused, match=r'^The server refuses: database "nowhere" does not exist\. Make it'):
        migrate.migrate(urlunsplit(urlsplit(server.url)._replace(path="/nowhere")))


def test_what_the_address_asks_of_a_session_holds_beside_what_we_do(database_url: str) -> None:
    with open_pool(f"{database_url}&options=-c%20work_mem%3D7MB") as pool, pool.connection() as connection:
        told = [connection.execute(f"show {name}").fetchone() for name in ("work_mem", "timezone", "jit")]
    assert told == [("7MB",), ("UTC",), ("off",)]


def test_a_pooler_that_refuses_our_sessions_is_a_sentence() -> None:
    """PgBouncer as it is installed lets no session set what it does not know; it would let one in that sets nothing."""

    class Pooler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!i", self.rfile.read(4))
            assert b"\0options\0" in self.rfile.read(length - 4)
            told = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"
            self.wfile.write(b"E" + struct.pack("!i", len(told) + 4) + told)

    with socketserver.TCPServer(("127.0.0.1", 0), Pooler) as listening:
        threading.Thread(target=listening.handle_request, daemon=True).start()
        port = listening.server_address[1]
        with pytest.raises(DatabaseRefused, match=r"pooler.*ignore_startup_parameters = options"):
            migrate.migrate(f"postgresql://situate@127.0.0.1:{port}/situate?sslmode=disable&gssencmode=disable")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "postgresql://situate:hush@127.0.0.1:1/situate",
            r'cannot be reached: connection to server at "127.0.0.1", port 1 failed: Connection refused\. Check',
        ),
        (
            "postgresql://situate:hush@127.0.0.1:1,127.0.0.1:2/situate",
            r'cannot be reached: connection to server at "127.0.0.1", port 2 failed: Connection refused\. Check',
        ),
        ("postgresql://situate:hu@sh@127.0.0.1:1/situate", "more than one @.* %40"),
        ("postgresql://situate:hu/sh@127.0.0.1:1/situate", "port in DATABASE_URL is not a number.* %2F"),
        ("postgresql://situate:hu%sh@127.0.0.1:1/situate", "not an address of a Postgres database"),
        ("mysql://somewhere", "not an address of a Postgres database"),
    ],
)
def test_a_server_that_is_not_there_is_a_sentence(url: str, told: str) -> None:
    with pytest.raises(DatabaseRefused, match=told) as refused:
        migrate.migrate(url)
    assert not re.search(r"hu\b|sh@|hush", str(refused.value))
    assert "\n" not in str(refused.value)
