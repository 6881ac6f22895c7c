"""What the database holds of a document, whatever tables there are."""

from __future__ import annotations

from psycopg import sql

from db import as_subject
from rag.deps import Deps
from tests.flows.conftest import SUBJECT

KEPT = {"citations", "usage"}  # they outlive the document, without its id


def rows_of(deps: Deps, document_id: int, subject: str = SUBJECT) -> dict[str, int]:
    """How many rows each table holds of a document; and how many jobs wait for it."""
    with as_subject(deps.pool, subject) as connection:
        tables = connection.execute(
            "select table_name from information_schema.columns where table_schema = 'public' and column_name = 'document_id'"
        ).fetchall()
        counts = {}
        for (table,) in tables:
            statement = sql.SQL("select count(*) from {} where document_id = %s").format(sql.Identifier(table))
            counts[table] = (connection.execute(statement, [document_id]).fetchone() or (0,))[0]
        statement = sql.SQL("select count(*) from procrastinate_jobs where status = 'todo' and args ->> 'document_id' = %s")
        counts["jobs"] = (connection.execute(statement, [str(document_id)]).fetchone() or (0,))[0]
    return counts


def all_rows_of(deps: Deps, document_id: int, subject: str = SUBJECT) -> set[str]:
    """The tables that hold anything of a document."""
    return {table for table, count in rows_of(deps, document_id, subject).items() if count}


def collections_of(deps: Deps, document_id: int, subject: str = SUBJECT) -> set[int]:
    """The collections that the rows of a document name, its own included."""
    with as_subject(deps.pool, subject) as connection:
        tables = connection.execute(
            """select table_name from information_schema.columns where table_schema = 'public' and column_name in ('document_id', 'collection_id')
               group by 1 having count(*) = 2"""
        ).fetchall()
        assert len(tables) > 10
        found = set()
        for table, column in [*((table, "document_id") for (table,) in tables), ("documents", "id")]:
            statement = sql.SQL("select distinct collection_id from {} where {} = %s").format(sql.Identifier(table), sql.Identifier(column))
            found |= {collection for (collection,) in connection.execute(statement, [document_id])}
    return found
