"""What dumps and restores rest on: a pg_dump of the right version, and knowing by name what is Situate's own."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from db import archives, dumps, migrate
from db.archives import DumpFailed
from db.embedded_files import packaged_programs

PROGRAMS = packaged_programs()


def test_a_server_newer_than_any_pg_dump_here_is_named_with_what_to_install() -> None:
    with pytest.raises(DumpFailed, match="Postgres 99, newer than the pg_dump"):
        archives.dumper(PROGRAMS, 99)


def test_a_newer_pg_dump_on_the_path_serves_a_newer_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = tmp_path / "pg_dump"
    newer.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 99beta1'\n")
    newer.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert archives.dumper(PROGRAMS, 99) == newer
    assert archives.dumper(PROGRAMS, 18).parent == PROGRAMS


def test_every_object_that_migrations_make_is_known_by_name(database_url: str) -> None:
    """A restore drops these, so that one that it does not know would be in the way of the next."""
    with psycopg.connect(database_url) as connection:
        ours = dumps._tables(connection)
        assert set(ours) == {name for name in ours if name in migrate.objects() or name.startswith("procrastinate_")}
        for statement in dumps._drops(connection, ours):
            connection.execute(statement.encode())
        left = connection.execute(
            """select relname from pg_class c where relnamespace = 'public'::regnamespace
                 and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
               union all select proname from pg_proc p where pronamespace = 'public'::regnamespace
                 and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
               union all select typname from pg_type t where typnamespace = 'public'::regnamespace and typelem = 0
                 and not exists (select from pg_depend d where d.objid = t.oid and d.deptype = 'e')"""
        ).fetchall()
        assert left == []
