"""Versions: the documents of one lineage, of which at most one is published; and what is done to all of them: publish, rename, move, delete.

The row of the first version is the lock of its lineage: it is there as long as any other. Whoever changes several versions takes it first,
then rows that came from them, and waiting jobs last, so none waits for another that waits for it.
"""

from __future__ import annotations

from dataclasses import replace

from psycopg.errors import UniqueViolation

from db import Connection
from db import documents as document_rows
from db import jobs as job_rows
from db.documents import Document, Selection


class NameTaken(Exception):
    """Another document of the collection has this name."""


class BytesTaken(Exception):
    """Another document of the collection has the same bytes."""


def lock(connection: Connection, document_id: int) -> int | None:
    """The document's lineage, which until the end of the transaction nobody else publishes, renames, moves or deletes; None when it is gone."""
    row = connection.execute(
        "select f.id from documents d join documents f on f.id = d.lineage where d.id = %s for update of f", [document_id]
    ).fetchone()
    return None if row is None else int(row[0])


def hold(connection: Connection, document_id: int) -> bool:
    """Take that lock, and the version's own row; False when it is gone, or superseded."""
    lock(connection, document_id)
    row = connection.execute("select from documents where id = %s and status <> 'superseded' for no key update", [document_id])
    return row.fetchone() is not None


def versions(connection: Connection, document_id: int) -> list[Document]:
    """All versions of a document, the newest first."""
    row = connection.execute("select lineage from documents where id = %s", [document_id]).fetchone()
    if row is None:
        return []
    return sorted(document_rows.documents(connection, lineage=row[0]), key=lambda d: -d.version)


def current(connection: Connection, selection: Selection) -> Selection:
    """The selection with the version that answers now in the place of each document that was selected."""
    if selection.documents is None:
        return selection
    rows = connection.execute(
        """select coalesce(p.id, d.id) from documents d left join documents p on p.lineage = d.lineage and p.status = 'ready'
           where d.id = any (%s)""",
        [list(selection.documents)],
    )
    return replace(selection, documents=tuple(sorted({document_id for (document_id,) in rows})))


def readiness(connection: Connection, selection: Selection) -> tuple[int, int]:
    """How many documents of a selection answer now, and how many there will be once what is under way is done."""
    row = connection.execute(
        """select count(*) filter (where ready), count(*) from (
               select bool_or(status = 'ready') as ready from documents
               where status in ('ready', 'queued', 'working', 'paused')
                 and (%(collections)s::bigint[] is null or collection_id = any (%(collections)s))
                 and (%(documents)s::bigint[] is null
                      or lineage in (select chosen.lineage from documents chosen where chosen.id = any (%(documents)s)))
               group by lineage) each""",
        selection.parameters,
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate gives one row
    return int(row[0]), int(row[1])


def supersede_older(connection: Connection, document_id: int) -> None:
    """Earlier versions answer no more, whatever their state: they keep file, pages and chunks, so that old citations open.

    The caller holds the lock.
    """
    rows = connection.execute(
        """update documents o
           set status = 'superseded', stage = '', done = 0, total = 0, n_chunks = 0, total_len = 0, embedded = '{}', needs_password = false,
               situating = '', updated_at = now()
           from documents d where d.id = %s and o.lineage = d.lineage and o.version < d.version and o.status <> 'superseded' returning o.id""",
        [document_id],
    ).fetchall()
    if not rows:
        return
    older = [older_id for (older_id,) in rows]
    connection.execute(
        """with v as (delete from vectors where document_id = any (%(older)s)),
                p as (delete from postings where document_id = any (%(older)s)),
                d as (delete from vector_drafts where document_id = any (%(older)s)),
                b as (delete from batches where document_id = any (%(older)s))
           delete from page_drafts where document_id = any (%(older)s)""",
        {"older": older},
    )
    job_rows.drop_all_waiting(connection, older)


def rename_document(connection: Connection, lineage: int, filename: str) -> None:
    """Call a document otherwise, in all its versions. The caller holds the lock. Raises NameTaken."""
    try:
        with connection.transaction():
            connection.execute("update documents set filename = %s, updated_at = now() where lineage = %s", [filename, lineage])
    except UniqueViolation as error:
        raise NameTaken from error


def move(connection: Connection, lineage: int, collection_id: int) -> bool:
    """Put a document, with all its versions and all that came from them, into another collection; False when it is there already.

    The caller holds the lock. Raises NameTaken, BytesTaken.
    """
    try:
        with connection.transaction():
            return (
                connection.execute(
                    "update documents set collection_id = %(to)s, updated_at = now() where lineage = %(lineage)s and collection_id <> %(to)s",
                    {"to": collection_id, "lineage": lineage},
                ).rowcount
                > 0
            )
    except UniqueViolation as error:
        raise (NameTaken if error.diag.constraint_name == "documents_name" else BytesTaken) from error


def holder(connection: Connection, lineage: int, collection_id: int) -> str:
    """The name of the document in the collection that has the same bytes."""
    row = connection.execute(
        """select o.filename from documents o join documents d on d.sha256 = o.sha256 and d.status <> 'superseded'
           where d.lineage = %s and o.collection_id = %s and o.status <> 'superseded'""",
        [lineage, collection_id],
    ).fetchone()
    return str(row[0]) if row else ""


def delete_document(connection: Connection, document_id: int) -> bool:
    """Remove a document, all its versions and every row that came from them; quotes in conversations stay. False when it was gone."""
    lineage = lock(connection, document_id)
    if lineage is None:
        return False
    gone = [row[0] for row in connection.execute("delete from documents where lineage = %s returning id", [lineage])]
    job_rows.drop_all_waiting(connection, gone)
    return bool(gone)


def discard(connection: Connection, document_id: int) -> bool:
    """Remove a version that was never published, and keep the others; False when it is the first, is or was published, or is gone."""
    lineage = lock(connection, document_id)
    gone = connection.execute(
        "delete from documents where id = %s and id <> lineage and status not in ('ready', 'superseded')", [document_id]
    ).rowcount
    if lineage is None or not gone:
        return False
    job_rows.drop_all_waiting(connection, [document_id])
    return True


def empty_collection(connection: Connection, collection_id: int) -> int:
    """Remove every document of a collection; how many there were."""
    # one by one in the order of their ids, as everyone takes locks of several
    firsts = connection.execute(
        "select id from documents where collection_id = %s and id = lineage order by id for update", [collection_id]
    )
    lineages = [lineage for (lineage,) in firsts]
    gone = connection.execute("delete from documents where lineage = any (%s) returning id", [lineages])
    job_rows.drop_all_waiting(connection, [document_id for (document_id,) in gone])
    return len(lineages)
