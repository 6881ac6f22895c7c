"""A database that a newer Situate has migrated is refused by whatever meets it, in one sentence, and left as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from db import embedded
from db.embedded_files import packaged_programs
from rag.cli import execute
from tests.conftest import FAKES
from tests.folders import open_folder
from tests.postgres.schema import catalog

ROOT = Path(__file__).parents[2]
SENTENCE = "The database was migrated by a newer Situate (9998_future.sql). Start that version, or a newer one, instead."


@pytest.fixture
def newer(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], object]]:
    """DATABASE_URL names such a database. What there is to be told of it."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    for name, value in FAKES.items():
        monkeypatch.setenv(f"SITUATE_{name.upper()}", value)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create table of_the_future (n int); insert into of_the_future values (7)")
        connection.execute("insert into migrations (name) values ('9998_future.sql')")

    def told() -> object:
        with psycopg.connect(database_url) as connection:
            return catalog(database_url), connection.execute("select * from migrations, of_the_future order by name").fetchall()

    before = told()
    yield told
    assert told() == before


@pytest.mark.parametrize("command", ["web", "worker", "migrate", "list", "stats", "ask"])
def test_a_command_says_so_and_ends(newer: object, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([command, *(["What?"] if command == "ask" else [])]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"situate: {SENTENCE}\n")


def test_the_doctor_names_it_as_the_fault(newer: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["doctor"]) == 1
    assert f"FAULT database: {SENTENCE}" in capsys.readouterr().out


def test_nothing_is_restored_over_it(
    newer: object, server: embedded.Server, template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = urlunsplit(urlsplit(server.superuser_url)._replace(path=f"/{template}"))
    subprocess.run([packaged_programs() / "pg_dump", "--format=custom", "--file", tmp_path / "of.today", url], check=True)
    assert execute(["restore", str(tmp_path / "of.today"), "--replace"]) == 1
    assert capsys.readouterr().err == f"situate: {SENTENCE.replace('Start', 'Use')}\n"


def test_serve_ends_with_one_line_and_stops_the_embedded_server() -> None:
    with open_folder() as folder:
        home = folder / "home"
        server = embedded.start(home)
        with psycopg.connect(server.url) as connection:
            connection.execute("create table migrations (name text primary key, applied_at timestamptz not null default now())")
            connection.execute("insert into migrations (name) values ('9998_future.sql')")
        server.leave()
        environment = {**os.environ, **{f"SITUATE_{name.upper()}": value for name, value in FAKES.items()}, "SITUATE_HOME": str(home)}
        command = [sys.executable, "-m", "rag.cli", "serve", "--port", "0"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"situate: {SENTENCE}\n")
        with (home / "postgres" / "alive").open("ab") as alive:
            assert embedded._take(alive, embedded.fcntl.LOCK_EX)  # no process of it is left
