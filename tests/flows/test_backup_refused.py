"""What a backup or a restore refuses, and what is left when one fails in the middle: everything as it was."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from db import DatabaseRefused, archives, as_subject, dumps, embedded, migrate, open_pool
from db.archives import DumpFailed
from db.embedded_files import packaged_programs
from rag.cli import INTERRUPTED, execute
from tests.flows.conftest import ROOT, SUBJECT
from tests.postgres.corpus import add_document
from tests.servers import as_superuser, empty_database, tcp_server

PROGRAMS = packaged_programs()
Said = Callable[..., str]


def put(url: str, *names: str) -> None:
    with open_pool(url) as pool, as_subject(pool, SUBJECT) as connection:
        for name in names:
            document_id = add_document(connection, name, [f"All about {name} and nothing else, {n}." for n in range(3)])
            connection.execute("update files set content = %s where document_id = %s", [name.encode(), document_id])
            connection.execute("update documents set sha256 = %s where id = %s", [hashlib.sha256(name.encode()).digest(), document_id])


def names(url: str) -> list[str]:
    with open_pool(url) as pool, as_subject(pool, SUBJECT) as connection:
        return [name for (name,) in connection.execute("select filename from documents order by 1")]


@pytest.fixture
def superuser_url(server: embedded.Server, database_url: str) -> str:
    return as_superuser(server, database_url)


@pytest.fixture
def library(database_url: str) -> str:
    """A database with two documents."""
    put(database_url, "one.pdf", "two.pdf")
    return database_url


@pytest.fixture
def file(library: str, superuser_url: str, tmp_path: Path) -> Path:
    """Its backup."""
    dumps.dump(superuser_url, tmp_path / "saved", programs=PROGRAMS)
    return tmp_path / "saved"


@pytest.fixture
def other(server: embedded.Server) -> Iterator[str]:
    """Another database, with a document of its own."""
    with empty_database(server) as url:
        migrate.migrate(url)
        put(url, "kept.pdf")
        yield url


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """What a command that fails says."""

    def run(url: str, *arguments: str | Path, backup_url: str = "", code: int = 1) -> str:
        monkeypatch.setenv("DATABASE_URL", url)
        monkeypatch.setenv("SITUATE_BACKUP_URL", backup_url)
        assert execute([*map(str, arguments)]) == code
        return capsys.readouterr().err

    return run


# --- which role -------------------------------------------------------------------------------------------------------------


def test_each_of_the_two_roles_saves_everything_and_the_plain_one_is_told_how_to_make_them(tmp_path: Path, said: Said) -> None:
    with tcp_server("16") as own:
        url = own.make_database("library")
        migrate.migrate(url)
        put(url, "one.pdf", "two.pdf")
        told = said(url, "backup", tmp_path / "file")
        assert "create role situate_backup login password '...' bypassrls" in told
        assert own.password not in told
        assert list(tmp_path.iterdir()) == []

        backup_url = own.url("situate_backup", "library")
        with psycopg.connect(own.url("postgres", "library"), autocommit=True) as connection:
            for statement in dumps.ROLE_HELP.replace("'...'", f"'{own.password}'").split(";\n"):
                connection.execute(statement.encode())
            said(url, "backup", tmp_path / "bypassing", backup_url=backup_url, code=0)
            connection.execute("alter role situate_backup nobypassrls")
        assert "cannot read everyone's rows" in said(url, "backup", tmp_path / "file", backup_url=backup_url)

        page = (ROOT / "docs" / "operators" / "backup.md").read_text("utf-8")
        policies = next(block.split("```")[0] for block in page.split("```sql\n") if block.startswith("do $$"))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(policies.encode())
            connection.execute(policies.encode())
            said(url, "backup", tmp_path / "let", backup_url=backup_url, code=0)
            connection.execute("drop policy situate_backup on postings")
        assert "cannot read everyone's rows" in said(url, "backup", tmp_path / "file", backup_url=backup_url)

        for saved in ("bypassing", "let"):
            archive = archives.open_archive(tmp_path / saved, PROGRAMS)
            assert archives.count(archive)["chunks"] == 6
            assert b"situate_backup" not in archives.script(archive, "post-data")
        with psycopg.connect(own.url("postgres", "postgres"), autocommit=True) as connection:  # where there is no such role
            connection.execute("create database elsewhere owner situate template template0")
        with psycopg.connect(own.url("postgres", "elsewhere"), autocommit=True) as connection:
            connection.execute("create extension vector")
        said(own.url("situate", "elsewhere"), "restore", tmp_path / "let", code=0)
        assert names(own.url("situate", "elsewhere")) == ["one.pdf", "two.pdf"]


def test_the_password_is_in_the_environment_of_pg_dump_and_not_among_its_arguments(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: Said
) -> None:
    seen: list[tuple[list[str], str]] = []
    run = archives.run

    def spied(command: list[str], file: Path | None, **options: Any) -> None:
        seen.append((command, options["password"]))
        run(command, file, **options)

    monkeypatch.setattr(archives, "run", spied)
    with tcp_server("18") as own:
        migrate.migrate(own.make_database("library"))
        said(own.url("situate", "library"), "backup", tmp_path / "file", backup_url=own.url("postgres", "library"), code=0)
        [(command, password)] = seen
        assert password == own.password
        assert own.password not in " ".join(command)


def test_an_address_that_is_wrong_is_told_by_the_name_of_its_setting(library: str, tmp_path: Path, said: Said) -> None:
    told = said(library, "backup", tmp_path / "file", backup_url="postgresql://situate:very-secret@127.0.0.1:1/situate")
    assert "SITUATE_BACKUP_URL" in told
    assert "very-secret" not in told


def test_a_backup_address_without_a_database_is_refused(tmp_path: Path, said: Said) -> None:
    assert "DATABASE_URL names, which is not set" in said("", "backup", tmp_path / "file", backup_url="postgresql:///situate")


def test_a_home_that_holds_nothing_is_not_made_to_be_saved(tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITUATE_HOME", str(tmp_path / "nowhere"))
    assert "no library in" in said("", "backup", tmp_path / "file")
    assert not (tmp_path / "nowhere").exists()


# --- the file ---------------------------------------------------------------------------------------------------------------


def test_a_file_that_is_there_is_left_alone_unless_told(library: str, superuser_url: str, tmp_path: Path, said: Said) -> None:
    (tmp_path / "file").write_text("precious")
    assert "--overwrite" in said(library, "backup", tmp_path / "file", backup_url=superuser_url)
    assert (tmp_path / "file").read_text() == "precious"
    said(library, "backup", tmp_path / "file", "--overwrite", backup_url=superuser_url, code=0)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_stream_is_a_backup_too(library: str, superuser_url: str, other: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rag.cli"]
    environment = {**os.environ, "DATABASE_URL": library, "SITUATE_BACKUP_URL": superuser_url}
    piped = subprocess.run([*command, "backup", "-"], cwd=ROOT, stdout=subprocess.PIPE, env=environment, check=True).stdout
    environment["DATABASE_URL"] = other
    subprocess.run([*command, "restore", "-", "--replace"], cwd=ROOT, input=piped, env=environment, check=True)
    assert names(other) == ["one.pdf", "two.pdf"]


def test_a_folder_that_is_not_there_and_one_given_for_a_file_are_told(library: str, superuser_url: str, tmp_path: Path, said: Said) -> None:
    assert "cannot be written: No such file" in said(library, "backup", tmp_path / "none" / "file", backup_url=superuser_url)
    assert "is a folder" in said(library, "backup", tmp_path, backup_url=superuser_url)


def test_a_full_disk_is_told(library: str, superuser_url: str) -> None:
    with pytest.raises(DumpFailed, match="No space left"):
        dumps.dump(superuser_url, Path("/dev/full"), programs=PROGRAMS)


def _in_the_middle(monkeypatch: pytest.MonkeyPatch, url: str, act: Callable[[int], object]) -> None:
    """Do something once pg_dump is at work: it is held up at a view until the act is done. The act is told the id of its backend."""
    run = archives.run
    with psycopg.connect(url) as connection:
        connection.execute("create view held as select 1")

    def held(command: list[str], file: Path | None, **options: Any) -> None:
        with psycopg.connect(url) as lock, psycopg.connect(url, autocommit=True) as watch:
            lock.execute("alter view held rename to renamed")

            def wait() -> None:
                query = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
                deadline = time.monotonic() + 60
                while (found := watch.execute(query).fetchone()) is None and time.monotonic() < deadline:
                    time.sleep(0.01)  # Postgres tells nobody that somebody waits
                act(found[0] if found else 0)

            helper = threading.Thread(target=wait)
            helper.start()
            try:
                run(command, file, **options)
            finally:
                helper.join()

    monkeypatch.setattr(archives, "run", held)


def test_a_server_that_goes_away_in_the_middle_leaves_no_file(
    library: str, superuser_url: str, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(pid: int) -> None:
        with psycopg.connect(superuser_url) as connection:
            connection.execute("select pg_terminate_backend(%s)", [pid])

    _in_the_middle(monkeypatch, superuser_url, end)
    assert "The backup was not made" in said(library, "backup", tmp_path / "file", backup_url=superuser_url)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_no_file(library: str, superuser_url: str, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    _in_the_middle(monkeypatch, superuser_url, lambda _: os.kill(os.getpid(), signal.SIGINT))
    said(library, "backup", tmp_path / "file", backup_url=superuser_url, code=INTERRUPTED)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_another_backup_writes_is_left_to_it(
    library: str, superuser_url: str, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    run = archives.run

    def twice(command: list[str], file: Path | None, **options: Any) -> None:
        if not told:
            told.append("")
            told.append(said(library, "backup", tmp_path / "file", backup_url=superuser_url))
        run(command, file, **options)

    monkeypatch.setattr(archives, "run", twice)
    said(library, "backup", tmp_path / "file", backup_url=superuser_url, code=0)
    assert "Another backup is being written" in told[1]
    assert archives.count(archives.open_archive(tmp_path / "file", PROGRAMS))["chunks"] == 6


# --- the database -----------------------------------------------------------------------------------------------------------


def test_a_library_is_replaced_only_when_told(file: Path, other: str, said: Said) -> None:
    told = said(other, "restore", file)
    assert "The database holds 1 document" in told
    assert "--replace" in told
    assert names(other) == ["kept.pdf"]
    said(other, "restore", file, "--replace", code=0)
    assert names(other) == ["one.pdf", "two.pdf"]


def test_a_database_that_was_only_started_counts_as_empty(file: Path, server: embedded.Server, said: Said) -> None:
    with empty_database(server) as url:
        migrate.migrate(url)
        with open_pool(url) as pool, pool.connection() as connection:
            connection.execute("select add_embedding_model('fake', 8)")
        said(url, "restore", file, code=0)
        assert names(url) == ["one.pdf", "two.pdf"]


def _cut(content: bytes) -> bytes:
    return content[: len(content) * 3 // 4]


def _spoilt(content: bytes) -> bytes:
    middle = len(content) * 3 // 4
    return content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 64]) + content[middle + 64 :]


@pytest.mark.parametrize("damage", [_cut, _spoilt, lambda _: b"", lambda _: b"%PDF-1.7 a document", lambda c: c[:40]])
def test_a_damaged_file_leaves_the_library_that_is_there(damage: Callable[[bytes], bytes], file: Path, other: str, said: Said) -> None:
    file.write_bytes(damage(file.read_bytes()))
    assert str(file) in said(other, "restore", file, "--replace")
    assert names(other) == ["kept.pdf"]


def test_a_dump_of_another_program_is_refused(other: str, server: embedded.Server, tmp_path: Path, said: Said) -> None:
    with empty_database(server) as url:
        with psycopg.connect(url) as connection:
            connection.execute("create table documents (id int)")
        archives.run([str(PROGRAMS / "pg_dump"), "--format=custom", f"--dbname={url}"], tmp_path / "foreign")
    assert "another program's database" in said(other, "restore", tmp_path / "foreign", "--replace")
    assert names(other) == ["kept.pdf"]


def test_a_file_of_a_newer_situate_is_refused_before_anything_is_touched(
    library: str, superuser_url: str, other: str, tmp_path: Path, said: Said
) -> None:
    with psycopg.connect(library) as connection:
        connection.execute("insert into migrations (name) values ('9998_future.sql')")
    dumps.dump(superuser_url, tmp_path / "newer", programs=PROGRAMS)
    assert "newer Situate (9998_future.sql)" in said(other, "restore", tmp_path / "newer", "--replace")
    assert names(other) == ["kept.pdf"]


def test_a_file_of_an_older_situate_is_brought_up_to_date(
    server: embedded.Server, other: str, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = migrate._files()
    last = whole[-1][0]
    with empty_database(server) as url, monkeypatch.context() as earlier:
        earlier.setattr(migrate, "_files", lambda: [one for one in whole if one[0] != last])
        migrate.migrate(url)
        superuser = as_superuser(server, url)
        dumps.dump(superuser, tmp_path / "older", programs=PROGRAMS)
    assert dumps.restore(other, tmp_path / "older", programs=PROGRAMS, replace=True).applied == (last,)
    assert migrate.migrate(other) == []


def test_kill_9_in_the_middle_leaves_the_library_that_is_there(file: Path, other: str) -> None:
    program = f"""
import os, signal
from pathlib import Path
from db import dumps
from db.embedded_files import packaged_programs
dumps.WRITE = 100
def progress(_):
    os.kill(os.getpid(), signal.SIGKILL)
dumps.restore({other!r}, Path({str(file)!r}), programs=packaged_programs(), replace=True, progress=progress)
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert names(other) == ["kept.pdf"]
    dumps.restore(other, file, programs=PROGRAMS, replace=True)
    assert names(other) == ["one.pdf", "two.pdf"]


@pytest.mark.parametrize(
    ("beat", "who"),
    [
        ("insert into procrastinate_workers default values", "A worker runs"),
        (
            "insert into messages (subject, conversation_id, question) select subject, id, '?' from conversations",
            "An answer is being written",
        ),
        ("insert into evaluations (set) values ('mine')", "An evaluation runs"),
    ],
)
def test_nothing_is_restored_while_somebody_is_at_work(beat: str, who: str, file: Path, other: str, said: Said) -> None:
    with open_pool(other) as pool, as_subject(pool, SUBJECT) as connection:
        connection.execute("insert into conversations default values")
        connection.execute(beat.encode())
    assert who in said(other, "restore", file, "--replace")
    assert names(other) == ["kept.pdf"]


def test_a_transaction_that_does_not_end_is_not_waited_for_long(
    file: Path, other: str, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dumps, "PATIENCE", 1)
    with open_pool(other) as pool, as_subject(pool, SUBJECT) as connection:
        connection.execute("select from documents")
        assert "Somebody else uses the database" in said(other, "restore", file, "--replace")


def test_what_is_not_situates_is_left_alone_and_named_when_it_is_in_the_way(file: Path, other: str, said: Said) -> None:
    with psycopg.connect(other) as connection:
        connection.execute(
            "create table notes (text text); insert into notes values ('mine'); create view listed as select id from documents"
        )
    assert "view listed depends on table documents" in said(other, "restore", file, "--replace")
    with psycopg.connect(other) as connection:
        connection.execute("drop view listed")
    said(other, "restore", file, "--replace", code=0)
    with psycopg.connect(other) as connection:
        assert connection.execute("select text from notes").fetchall() == [("mine",)]


def test_a_pgvector_in_another_schema_is_told_with_what_to_run(file: Path, server: embedded.Server, said: Said) -> None:
    with empty_database(server) as url:
        superuser = as_superuser(server, url)
        with psycopg.connect(superuser) as connection:
            connection.execute(
                "create schema extensions; grant usage on schema extensions to public; alter extension vector set schema extensions"
            )
        with pytest.raises(DatabaseRefused, match="alter extension vector set schema public"):
            dumps.restore(f"{url}&options=-csearch_path%3Dpublic,extensions", file, programs=PROGRAMS)
