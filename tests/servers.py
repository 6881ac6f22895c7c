"""A Postgres of one's own, as an operator has it: any major that the wheel brings, over TCP, with passwords."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg

from db import embedded
from db.embedded_files import find_place, find_programs, programs_of, run_as, write_private
from tests.folders import open_folder

OPTIONS = ("fsync=off", "shared_buffers=16MB", "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=40")


@dataclass(frozen=True, kw_only=True)
class TcpServer:
    major: str
    port: int
    password: str  # everybody's

    def url(self, role: str, database: str) -> str:
        return f"postgresql://{role}:{self.password}@127.0.0.1:{self.port}/{database}"

    def make_database(self, name: str, *, extension: bool = True) -> str:
        """An empty one that the plain role `situate` owns, as README.md says; its address for that role."""
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            if connection.execute("select from pg_roles where rolname = 'situate'").fetchone() is None:
                connection.execute(f"create role situate login password '{self.password}' nosuperuser nobypassrls".encode())
            connection.execute(f"create database {name} owner situate encoding 'UTF8' template template0".encode())
        if extension:
            with psycopg.connect(self.url("postgres", name), autocommit=True) as connection:
                connection.execute("create extension vector")
        return self.url("situate", name)


def as_superuser(server: embedded.Server, url: str) -> str:
    """The address of the same database for the superuser."""
    return urlunsplit(urlsplit(server.superuser_url)._replace(path=urlsplit(url).path))


@contextmanager
def empty_database(server: embedded.Server) -> Iterator[str]:
    """One of the tests' server, with pgvector; its address for the application's role."""
    name = f"empty_{secrets.token_hex(4)}"
    url = urlunsplit(urlsplit(server.url)._replace(path=f"/{name}"))
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(f"create database {name} owner {embedded.ROLE} template template0".encode())
    with psycopg.connect(as_superuser(server, url), autocommit=True) as connection:
        connection.execute("create extension vector")
    yield url
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())


@contextmanager
def tcp_server(major: str) -> Iterator[TcpServer]:
    with open_folder() as folder:
        place = find_place(folder / "home")
        programs = find_programs(place, programs_of(major))
        data, password = place.root / "own", secrets.token_hex(8)
        write_private(place.root / "password", password, place.owner)
        options = [
            "--auth=scram-sha-256",
            f"--pwfile={place.root / 'password'}",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ]
        made = run_as(place.owner, [str(programs / "initdb"), "-D", str(data), *options])
        assert made.returncode == 0, made.stderr
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        started = " ".join(f"-c {option}" for option in (*OPTIONS, f"port={port}"))
        with (place.root / "own.log").open("wb") as log:
            run_as(place.owner, [str(programs / "pg_ctl"), "-D", str(data), "-w", "-o", started, "start"], stdout=log)
        try:
            yield TcpServer(major=major, port=port, password=password)
        finally:
            run_as(place.owner, [str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"])
