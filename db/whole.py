"""The published text of all the documents in a selection: how much it is, and all of it in reading order."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.rows import class_row

from db import Connection
from db.chunks import Chunk
from db.documents import Selection


@dataclass(frozen=True, kw_only=True)
class Text:
    """A chunk without its boxes: what is needed to count what it comes to."""

    document_id: int
    heading: str
    text: str
    sentences: int


def characters(connection: Connection, selection: Selection) -> int:
    """Of all chunks' texts."""
    row = connection.execute(
        """select coalesce(sum(length(c.text)), 0) from chunks c join documents d on d.id = c.document_id
           where d.status = 'ready' and (%(collections)s::bigint[] is null or d.collection_id = any (%(collections)s))
             and (%(documents)s::bigint[] is null or d.id = any (%(documents)s))""",
        selection.parameters,
    ).fetchone()
    return int(row[0]) if row else 0


def texts(connection: Connection, selection: Selection) -> list[Text]:
    """Document by document, in the order of `chunks`."""
    with connection.cursor(row_factory=class_row(Text)) as cursor:
        return cursor.execute(
            """select c.document_id, c.heading, c.text, jsonb_array_length(c.sentences) as sentences
               from chunks c join documents d on d.id = c.document_id
               where d.status = 'ready' and (%(collections)s::bigint[] is null or d.collection_id = any (%(collections)s))
                 and (%(documents)s::bigint[] is null or d.id = any (%(documents)s))
               order by c.document_id, c.ord""",
            selection.parameters,
        ).fetchall()


def chunks(connection: Connection, selection: Selection) -> list[Chunk]:
    """Document by document, in an order that stays the same from question to question."""
    with connection.cursor(row_factory=class_row(Chunk)) as cursor:
        return cursor.execute(
            """select c.collection_id, c.document_id, c.ord, c.heading, c.text, c.context, c.context_by, c.structural, c.first_page, c.last_page,
                      c.sentences
               from chunks c join documents d on d.id = c.document_id
               where d.status = 'ready' and (%(collections)s::bigint[] is null or d.collection_id = any (%(collections)s))
                 and (%(documents)s::bigint[] is null or d.id = any (%(documents)s))
               order by c.document_id, c.ord""",
            selection.parameters,
        ).fetchall()
