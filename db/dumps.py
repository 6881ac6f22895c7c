"""The whole library as one file, and back.

A dump is one snapshot, whoever writes meanwhile. A restore is one transaction: drop, fill, check, migrate; until it commits, the old library is
there, and if it never does, nothing has happened. It acts as the application's own plain role and runs no command of psql, so a file can do no
more than that role may.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from db import Connection, DatabaseRefused, archives, conversations, evaluations, holding, migrate
from db.archives import BACKUP_ROLE, Archive, DumpFailed, Progress

SILENCE = 30  # seconds without a beat after which a worker counts as dead
PATIENCE = 10  # seconds to wait for what others have in hand
LARGEST_CHECKED = 500_000_000  # bytes of an original: a value in Postgres cannot be much larger than twice that
INDEX_MEMORY = "256MB"
WRITE = 1 << 18  # bytes given to the server at a time

# of no person: what a server that was only just started holds
OUR_OWN = ("migrations", "embedding_models", "procrastinate_")

ROLE_HELP = f"""\
create role {BACKUP_ROLE} login password '...' bypassrls;
grant pg_read_all_data to {BACKUP_ROLE};"""


@dataclass(frozen=True, kw_only=True)
class Restored:
    rows: Mapping[str, int]  # by table, as the file holds them and the database now does
    applied: tuple[str, ...]  # migrations that the file was older than
    altered: int  # documents whose file is not, byte for byte, the one that was uploaded: a password was taken off
    large: int  # documents whose file is too large to be compared


class Occupied(DatabaseRefused):
    """The database holds a library, and nobody said that it may go."""

    def __init__(self, rows: Mapping[str, int]) -> None:
        super().__init__("The database holds a library.")
        self.rows = rows


# --- dumping ----------------------------------------------------------------------------------------------------------------


def dump(
    url: str,
    file: Path | None,
    *,
    programs: Path,
    setting: str = "DATABASE_URL",
    lock: IO[bytes] | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write the library to a file, or to standard output, and return how many rows of each table it holds.

    `setting` is where the address is from. Raises DumpFailed, DatabaseRefused.
    """
    # the connection is left idle for long, and may not be there to commit
    with migrate.understood(), closing(migrate.connect(url, setting=setting)) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute("set local statement_timeout = 0")
        connection.execute("set local idle_in_transaction_session_timeout = 0")
        tables = _tables(connection)
        if not {"documents", "migrations"} <= set(tables):
            raise DatabaseRefused("The database holds no library of Situate's, or one that this role cannot see.")
        bound = _check_reading(connection, tables)
        rows = _count(connection, tables)
        row = connection.execute("select pg_export_snapshot(), current_schema()").fetchone()
        assert row is not None  # noqa: S101 - a select without from gives one row
        program = archives.dumper(programs, connection.info.server_version // 10_000)
        command = [
            str(program),
            *("--format=custom", "--compress=gzip:1", "--no-password", f"--lock-wait-timeout={PATIENCE}s", f"--snapshot={row[0]}"),
            *(f'--schema="{row[1]}"', "--extension=vector", "--no-owner", "--no-privileges", "--no-comments", "--no-tablespaces"),
            *("--no-security-labels", "--no-publications", "--no-subscriptions"),
            *(["--enable-row-security"] if bound else []),
            f"--dbname={_same_server(connection)}",
        ]
        try:
            archives.run(command, file, password=connection.info.password, lock=lock, progress=progress)
        except DumpFailed as error:
            raise DumpFailed(f"The backup was not made: {error}.") from error
        return rows


def _same_server(connection: Connection) -> str:
    """The very server of a connection, for another program: without password, and with what this process's environment added."""
    info = connection.info
    given = {name: value for name, value in info.get_parameters().items() if name not in {"service", "sslpassword", "hostaddr"}}
    host = {"host": info.host, "port": str(info.port)} if info.host else {}
    return make_conninfo("", **{**given, **host, "dbname": info.dbname, "user": info.user, "application_name": "situate backup"})


def _check_reading(connection: Connection, tables: Sequence[str]) -> bool:
    """Whether row-level security binds the role, but lets all rows through. Raises DatabaseRefused when it does not."""
    found = connection.execute(
        """select c.relname, not has_table_privilege(c.oid, 'select') as closed, row_security_active(c.oid) as bound, exists (
                      select from pg_policy p, unnest(p.polroles) r
                      where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('r', '*') and pg_get_expr(p.polqual, p.polrelid) = 'true'
                        and case when r = 0 then true else pg_has_role(r, 'usage') end) as let
           from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relname = any (%s)""",
        [list(tables)],
    ).fetchall()
    if any(closed or (bound and not let) for _, closed, bound, let in found):
        raise DatabaseRefused(
            f"The role {connection.info.user} cannot read everyone's rows, so it cannot make a backup. As a superuser, or your provider's "
            f"administrator, make a role for that:\n{ROLE_HELP}\nand set SITUATE_BACKUP_URL to the database's address with that role. "
            "docs/operators/backup.md tells what to do where bypassrls cannot be given."
        )
    return any(bound for _, _, bound, _ in found)


# --- restoring --------------------------------------------------------------------------------------------------------------


def restore(url: str, file: Path, *, programs: Path, replace: bool = False, progress: Progress | None = None) -> Restored:
    """Put a file's library in the place of the database's, whole or not at all, and bring it up to date.

    Raises Occupied when the database holds one and `replace` was not said; DumpFailed, DatabaseRefused.
    """
    archive = archives.open_archive(file, programs)
    if newer := migrate.unknown(archive.migrations):
        raise DumpFailed(f"{file} was made by a newer Situate ({newer[-1]}). Restore it with that version, or a newer one.")
    with migrate.connect(url) as connection, migrate.understood(), _understood(file):
        migrate.prepare(connection)
        pre_data = archives.script(archive, "pre-data")
        _check_schemas(connection, archive, pre_data)
        _clear(connection, replace=replace)
        _run(connection, pre_data)
        rows = _fill(connection, archive, progress)
        connection.execute("update documents set status = 'queued' where status = 'working'")  # before anything binds us
        _make_room(connection)
        _run(connection, archives.script(archive, "post-data"))
        connection.execute("reset all")
        connection.execute("set local statement_timeout = 0")
        applied = migrate.apply(connection)
        _free_jobs(connection)
        connection.execute(sql.SQL("analyze {}").format(_names(_tables(connection))))
        _check_guards(connection)
        altered, large = _compared(connection)
        return Restored(rows=rows, applied=tuple(applied), altered=altered, large=large)


@contextmanager
def _understood(file: Path) -> Iterator[None]:
    """Turn what a server may refuse in the middle into a sentence."""
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        raise DatabaseRefused("Somebody else uses the database just now. Stop `situate serve` and all workers, and try again.") from error
    except psycopg.errors.DependentObjectsStillExist as error:
        raise DatabaseRefused(
            f"The library cannot be replaced while something of somebody else's rests on it: {error.diag.message_detail}. "
            "Drop that first, and make it again afterwards."
        ) from error
    except psycopg.errors.DiskFull as error:
        raise DatabaseRefused("The database's disk is full. Nothing was changed; free some space, and try again.") from error
    except psycopg.errors.InsufficientPrivilege:
        raise
    except (psycopg.DataError, psycopg.ProgrammingError, psycopg.IntegrityError) as error:
        raise DumpFailed(f"{file} cannot be restored into this database: {error.diag.message_primary or error}.") from error


def _check_schemas(connection: Connection, archive: Archive, pre_data: bytes) -> None:
    """The file names the schema of its tables and of pgvector. Raises DatabaseRefused when they are called otherwise here."""
    row = connection.execute(
        "select current_schema(), (select extnamespace::regnamespace::text from pg_extension where extname = 'vector')"
    ).fetchone()
    here, vector = row or ("", "")
    if here != archive.schema:
        raise DatabaseRefused(
            f"The backup's tables lie in the schema {archive.schema}, and this role's in {here}. "
            f"Make it, and run: alter role ... set search_path = {archive.schema};"
        )
    if (named := re.search(rb"(\w+)\.halfvec\b", pre_data)) and named[1].decode() != vector:
        raise DatabaseRefused(
            f"In the backup pgvector lies in the schema {named[1].decode()}, and here in {vector}. "
            f"A superuser, or your provider, must run in the database: alter extension vector set schema {named[1].decode()};"
        )


def _clear(connection: Connection, *, replace: bool) -> None:
    """Drop the library that is there. Raises Occupied, DatabaseRefused, and what `_understood` understands."""
    ours = [name for name in _tables(connection) if name in migrate.objects() or name.startswith("procrastinate_")]
    if not ours:
        return
    if "migrations" in ours and (newer := migrate.unknown([name for (name,) in connection.execute("select name from migrations")])):
        raise DatabaseRefused(f"The database was migrated by a newer Situate ({newer[-1]}). Use that version, or a newer one, instead.")
    connection.execute(sql.SQL("set local lock_timeout = {}").format(f"{PATIENCE}s"))
    connection.execute(sql.SQL("lock table {} in access exclusive mode").format(_names(ours)))
    for name in ours:  # until the end of this transaction, in which nobody else can look
        connection.execute(sql.SQL("alter table {} no force row level security").format(sql.Identifier(name)))
    _check_idle(connection, ours)
    held = {name: rows for name, rows in _count(connection, ours).items() if rows and not name.startswith(OUR_OWN)}
    if held and not replace:
        raise Occupied(held)
    for statement in _drops(connection, ours):
        connection.execute(statement.encode())


def _check_idle(connection: Connection, tables: Sequence[str]) -> None:
    """Raises DatabaseRefused while somebody of the old library's is at work: what they hold in hand would be written into the new one."""
    at_work = [
        ("procrastinate_workers", "A worker runs", "last_heartbeat", "true", SILENCE),
        ("messages", "An answer is being written", "beat_at", "state in ('searching', 'answering')", conversations.SILENCE),
        ("evaluations", "An evaluation runs", "beat_at", "state = 'running'", evaluations.SILENCE),
    ]
    for table, who, beat, begun, silence in at_work:
        if table not in tables:
            continue
        query = f"select exists (select from {table} where {begun} and {beat} > now() - make_interval(secs => %s))"  # noqa: S608 - of the list above
        if (row := connection.execute(query.encode(), [silence]).fetchone()) and row[0]:
            raise DatabaseRefused(f"{who} on this database. Stop `situate serve` and all workers first; after kill -9, wait half a minute.")


def _drops(connection: Connection, tables: Sequence[str]) -> list[str]:
    """What removes Situate's own functions, tables and types, and nothing of anybody else's."""
    functions = connection.execute(
        """select p.oid::regprocedure::text, p.proname from pg_proc p where p.pronamespace = current_schema()::regnamespace
           and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')"""
    ).fetchall()
    types = connection.execute(
        """select t.oid::regtype::text, t.typname from pg_type t left join pg_class c on c.oid = t.typrelid
           where t.typnamespace = current_schema()::regnamespace and (t.typtype in ('e', 'd') or c.relkind = 'c')
             and not exists (select from pg_depend d where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')"""
    ).fetchall()
    known = migrate.objects()
    own_functions = [text for text, name in functions if name in known or name.startswith("procrastinate_")]
    own_types = [text for text, name in types if name in known or name.startswith("procrastinate_")]
    return [
        # policies, triggers and defaults of the tables rest on functions; nothing of others' may rest on the tables
        *([f"drop function {', '.join(own_functions)} cascade"] if own_functions else []),
        f"drop table {', '.join(sql.Identifier(name).as_string(connection) for name in tables)}",
        *([f"drop type {', '.join(own_types)}"] if own_types else []),
    ]


def _run(connection: Connection, statements: bytes) -> None:
    if connection.info.server_version < 170_000:  # pg_restore writes for its own version; the setting came with 17
        statements = re.sub(rb"^SET transaction_timeout = 0;$", b"", statements, flags=re.MULTILINE)
    if statements.strip():
        connection.execute(statements)


def _fill(connection: Connection, archive: Archive, progress: Progress | None) -> dict[str, int]:
    """Put the rows in; how many each table has now. Raises DumpFailed."""
    rows: dict[str, int] = {}
    filled = 0
    for block in archives.blocks(archive, "data"):
        if isinstance(block, bytes):
            _run(connection, block)
            continue
        rows[block.table] = 0
        with connection.cursor().copy(block.copy) as copy:
            pending: list[bytes] = []
            size = 0
            for line in block.lines:
                rows[block.table] += 1
                pending.append(line)
                size += len(line)
                if size > WRITE:
                    copy.write(b"".join(pending))
                    filled, pending, size = filled + size, [], 0
                    if progress is not None:
                        progress(filled)
            copy.write(b"".join(pending))
            filled += size
    connection.execute("reset search_path")  # the file's own statements empty it
    stored = _count(connection, sorted(rows))
    if wrong := [name for name in rows if rows[name] != stored[name]]:
        raise DumpFailed(f"Of {rows[wrong[0]]:,} rows of {wrong[0]}, {stored[wrong[0]]:,} arrived.")
    return rows


def _make_room(connection: Connection) -> None:
    """A vector index is built several times faster in memory; some 200,000 passages' fits into so much."""
    connection.execute(
        """select set_config('maintenance_work_mem', %s, true) from pg_settings
           where name = 'maintenance_work_mem' and setting::bigint < pg_size_bytes(%s) / 1024""",
        [INDEX_MEMORY, INDEX_MEMORY],
    )


def _free_jobs(connection: Connection) -> None:
    """Let the jobs that the former installation's workers had under way wait again."""
    connection.execute("delete from procrastinate_workers")
    for (job_id,) in connection.execute("select id from procrastinate_jobs where status = 'doing'").fetchall():
        holding.put_back(connection, job_id)


def _check_guards(connection: Connection) -> None:
    """Raises DumpFailed unless all that guards the library is there and at work."""
    row = connection.execute(
        """select (select count(*) from pg_class where relnamespace = s and relname = any (%s) and relrowsecurity <> relforcerowsecurity),
                  (select count(*) from pg_class where relnamespace = s and relname = any (%s) and relrowsecurity),
                  (select count(*) from pg_constraint where connamespace = s and not convalidated),
                  (select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid where c.relnamespace = s and not i.indisvalid)
           from (select current_schema()::regnamespace) as here (s)""",
        [list(migrate.objects())] * 2,
    ).fetchone()
    unforced, guarded, unvalidated, invalid = row or (1, 0, 1, 1)
    if unforced or not guarded or unvalidated or invalid:
        raise DumpFailed("The file lacks a part of what guards the library: row-level security, a constraint or an index.")


def _compared(connection: Connection) -> tuple[int, int]:
    """How many originals are not what their documents' checksums say, and how many are too large for Postgres to tell."""
    for table in ("documents", "files"):  # nobody else sees it before the commit
        connection.execute(sql.SQL("alter table {} no force row level security").format(sql.Identifier(table)))
    row = connection.execute(
        """select count(*) filter (where case when size <= %(largest)s then sha256 is distinct from (
                      select sha256(string_agg(content, ''::bytea order by part)) from files f where f.document_id = d.id) end),
                  count(*) filter (where size > %(largest)s)
           from documents d where size > 0""",
        {"largest": LARGEST_CHECKED},
    ).fetchone()
    for table in ("documents", "files"):
        connection.execute(sql.SQL("alter table {} force row level security").format(sql.Identifier(table)))
    altered, large = row or (0, 0)
    return altered, large


# --- both -------------------------------------------------------------------------------------------------------------------


def _tables(connection: Connection) -> list[str]:
    """All tables of the role's schema that are no extension's."""
    found = connection.execute(
        """select relname from pg_class c where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
           and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e') order by 1"""
    )
    return [name for (name,) in found]


def _count(connection: Connection, tables: Sequence[str]) -> dict[str, int]:
    counted = {}
    for name in tables:
        row = connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(name))).fetchone()
        counted[name] = int(row[0]) if row else 0
    return counted


def _names(tables: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, tables))
