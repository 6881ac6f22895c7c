"""Collections: what a person's documents are sorted into. Their owner names, empties and deletes them; members read or write what is in them."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from db import Connection


@dataclass(frozen=True, kw_only=True)
class Collection:
    id: int
    name: str
    documents: int  # each counted once, whatever its versions


def add_collection(connection: Connection, name: str) -> int:
    """The id of the subject's own collection of that name, made now if there is none. It stays until the end of the transaction."""
    row = connection.execute(
        # not an upsert alone: that would let uploads into one collection wait for one another
        "select id from collections where owner = current_subject() and name = %s for share",
        [name],
    ).fetchone()
    if row is None:
        row = connection.execute(
            "insert into collections (name) values (%s) on conflict (owner, name) do update set name = excluded.name returning id", [name]
        ).fetchone()
        assert row is not None  # noqa: S101 - `returning` after an upsert always gives a row
        connection.execute(
            "insert into memberships (collection_id, subject, role) values (%s, current_subject(), 'owner') on conflict do nothing",
            [row[0]],
        )
    return int(row[0])


def collections(connection: Connection) -> list[Collection]:
    """Every collection the subject may read, with its number of documents."""
    with connection.cursor(row_factory=class_row(Collection)) as cursor:
        return cursor.execute(
            """select c.id, c.name, count(distinct d.lineage)::int as documents
               from collections c left join documents d on d.collection_id = c.id
               group by c.id order by c.name"""
        ).fetchall()


def lock(connection: Connection, collection_id: int) -> str | None:
    """The name of the subject's own collection, to which nothing is added until the end of the transaction; None when it is gone.

    Work on the documents in it goes on: a stronger lock would stop it at a document that the holder of this lock may be waiting for.
    """
    row = connection.execute("select name from collections where id = %s for no key update", [collection_id]).fetchone()
    return None if row is None else str(row[0])


def rename_collection(connection: Connection, collection_id: int, name: str) -> bool:
    """Call a collection otherwise; False when the subject has one of that name already."""
    try:
        with connection.transaction():
            connection.execute("update collections set name = %s where id = %s", [name, collection_id])
    except UniqueViolation:
        return False
    return True


def delete_collection(connection: Connection, collection_id: int) -> None:
    """Remove a collection and whatever is left in it."""
    connection.execute("delete from collections where id = %s", [collection_id])
