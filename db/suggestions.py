"""Section headings that suggest what may be asked of a selection."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.rows import class_row

from db import Connection
from db.documents import Selection

DOCUMENTS = 8  # looked at
CHUNKS = 200  # of each, from its beginning


@dataclass(frozen=True, kw_only=True)
class Section:
    """What stands under one heading."""

    document_id: int
    title: str
    filename: str
    language: str
    heading: str  # the path, as chunks have it; "" for text under none
    ord: int  # of its first chunk
    size: int  # bytes of text
    opening: str  # how its text begins

    @property
    def headings(self) -> list[str]:
        return self.heading.split(" > ")

    @property
    def innermost(self) -> str:
        return self.headings[-1]


def sections(connection: Connection, selection: Selection, *, language: str) -> list[Section]:
    """The sections of the selection's latest searchable documents, those in `language` first, in reading order."""
    with connection.cursor(row_factory=class_row(Section)) as cursor:
        return cursor.execute(
            """with chosen as materialized (
                   select id, title, filename, language, row_number() over (order by language = %(language)s desc, id desc) as place
                   from documents
                   where n_chunks > 0 and (%(collections)s::bigint[] is null or collection_id = any (%(collections)s))
                     and (%(documents)s::bigint[] is null or id = any (%(documents)s))
                   order by place limit %(most)s)
               select d.id as document_id, d.title, d.filename, d.language, s.heading, s.ord, s.size,
                   (select left(c.text, 300) from chunks c where c.document_id = d.id and c.ord = s.ord) as opening
               from chosen d cross join lateral (
                   select heading, min(ord) as ord, sum(octet_length(text))::int as size from chunks
                   where document_id = d.id and ord < %(chunks)s group by heading) s
               order by d.place, s.ord""",
            {"language": language, "most": DOCUMENTS, "chunks": CHUNKS, **selection.parameters},
        ).fetchall()
