"""A Postgres as a managed service gives it: over TCP, with a password, pgvector made by its operator, and one plain role for us."""

from __future__ import annotations

import secrets
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from db.embedded_files import find_place, find_programs, run_as, write_private

SUPERUSER = "operator"


@dataclass(frozen=True, kw_only=True)
class Managed:
    url: str  # what DATABASE_URL would be
    operator_url: str  # the same database, as its superuser
    port: int


@contextmanager
def managed_postgres(*, max_connections: int = 100) -> Iterator[Managed]:
    """A server of its own on a free port of the loopback while the block runs."""
    with tempfile.TemporaryDirectory(prefix="situate-") as folder, socket.create_server(("127.0.0.1", 0)) as free:
        Path(folder).chmod(0o711)  # as root, Postgres runs as another user
        place = find_place(Path(folder) / "managed")
        programs, data = find_programs(place), place.root / "data"
        password, port = secrets.token_hex(8), free.getsockname()[1]
        secret = place.root / "password"
        write_private(secret, password, place.owner)
        initdb = [
            str(programs / "initdb"),
            "-D",
            str(data),
            "-U",
            SUPERUSER,
            "--auth=scram-sha-256",
            f"--pwfile={secret}",
            "--encoding=UTF8",
        ]
        made = run_as(place.owner, [*initdb, "--locale=C", "--no-sync"])
        assert made.returncode == 0, made.stderr
        options = {"listen_addresses": "'127.0.0.1'", "port": port, "unix_socket_directories": "''", "max_connections": max_connections}
        with (data / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.writelines(f"{name} = {value}\n" for name, value in options.items())
        free.close()
        control = [str(programs / "pg_ctl"), "-D", str(data), "-w"]
        with (place.root / "log").open("wb") as said:
            started = run_as(place.owner, [*control, "start"], stdout=said)
        assert started.returncode == 0, (place.root / "log").read_text()
        try:
            operator_url = f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}"
            with psycopg.connect(f"{operator_url}/postgres", autocommit=True) as connection:
                connection.execute(f"create role application login password '{password}'".encode())
                connection.execute("create database situate owner application")
            with psycopg.connect(f"{operator_url}/situate", autocommit=True) as connection:
                connection.execute("create extension vector")
            url = f"postgresql://application:{password}@127.0.0.1:{port}/situate"
            yield Managed(url=url, operator_url=f"{operator_url}/situate", port=port)
        finally:
            run_as(place.owner, [*control, "-m", "immediate", "stop"], stdout=subprocess.DEVNULL)
