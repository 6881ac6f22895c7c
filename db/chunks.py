"""Chunks: what is embedded, indexed, retrieved and cited; and the postings made from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from db import Connection, vectors, versions

STRUCTURAL = "structural"  # context_by of a context that no model wrote


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A citable span of a chunk's text, and where it stands on its pages."""

    start: int  # characters into Chunk.text
    end: int  # exclusive
    boxes: tuple[tuple[int, float, float, float, float], ...]  # (page from 1, x0, y0, x1, y1): PDF points from the page's bottom left


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A chunk as cut from a document and not stored yet."""

    ord: int
    heading: str  # section path, outermost first, joined by " > "
    text: str
    context: str  # structural context
    first_page: int
    last_page: int
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A stored chunk."""

    collection_id: int
    document_id: int
    ord: int
    heading: str
    text: str
    context: str  # what is indexed with it now
    context_by: str  # "structural", or model and prompt version
    structural: str
    first_page: int
    last_page: int
    sentences: tuple[Sentence, ...]

    def __post_init__(self) -> None:
        unpacked = tuple(
            s if isinstance(s, Sentence) else Sentence(start=s[0], end=s[1], boxes=tuple((int(b[0]), *map(float, b[1:5])) for b in s[2]))
            for s in self.sentences
        )
        object.__setattr__(self, "sentences", unpacked)

    @property
    def indexed_text(self) -> str:
        """What is embedded and tokenised: the context in front, as in Anthropic's Contextual Retrieval."""
        return indexed_text(context=self.context, heading=self.heading, text=self.text)

    def quote(self, first: int, last: int) -> str:
        """The stored text of sentences [first, last)."""
        return self.text[self.sentences[first].start : self.sentences[last - 1].end]


@dataclass(frozen=True, kw_only=True)
class Posting:
    """One term in one chunk."""

    term: str
    ord: int
    tf: int  # occurrences in the chunk
    length: int  # of the chunk, in terms


def indexed_text(*, context: str, heading: str, text: str) -> str:
    return "\n".join(part for part in (context, heading, text) if part)


def put_chunks(connection: Connection, *, document_id: int, chunks: Sequence[Draft], words: Sequence[str]) -> None:
    """Replace a document's chunks. `words[i]` is the tsvector literal of chunks[i]. They are not searchable until published."""
    connection.execute("delete from chunks where document_id = %s", [document_id])
    with connection.cursor() as cursor:
        cursor.executemany(
            """insert into chunks (collection_id, document_id, ord, heading, text, context, context_by, structural, first_page, last_page,
                                   sentences, words)
               select collection_id, id, %s, %s, %s, %s, 'structural', %s, %s, %s, %s, %s::tsvector from documents where id = %s""",
            [
                (
                    c.ord, c.heading, c.text, c.context, c.context, c.first_page, c.last_page,
                    Jsonb([[s.start, s.end, [[b[0], *(round(v, 1) for v in b[1:])] for b in s.boxes]] for s in c.sentences]), literal, document_id,
                )
                for c, literal in zip(chunks, words, strict=True)
            ],
        )  # fmt: skip


def chunks(connection: Connection, document_id: int) -> list[Chunk]:
    """A document's chunks in order."""
    with connection.cursor(row_factory=class_row(Chunk)) as cursor:
        return cursor.execute(
            """select collection_id, document_id, ord, heading, text, context, context_by, structural, first_page, last_page, sentences
               from chunks where document_id = %s order by ord""",
            [document_id],
        ).fetchall()


def fetch(connection: Connection, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Chunk]:
    """The chunks with these (document_id, ord), by key; those deleted meanwhile are absent."""
    with connection.cursor(row_factory=class_row(Chunk)) as cursor:
        rows = cursor.execute(
            """select c.collection_id, c.document_id, c.ord, c.heading, c.text, c.context, c.context_by, c.structural, c.first_page,
                      c.last_page, c.sentences
               from unnest(%s::bigint[], %s::int[]) k (document_id, ord) join chunks c using (document_id, ord)""",
            [[k[0] for k in keys], [k[1] for k in keys]],
        ).fetchall()
    return {(row.document_id, row.ord): row for row in rows}


def publish(
    connection: Connection,
    *,
    document_id: int,
    models: Sequence[str],
    lengths: Sequence[int],
    postings: Iterable[Posting],
) -> bool:
    """Make a document searchable, whole: the vectors drafted by `models` take the place of those they replace, its postings that of all before.

    Its earlier versions are superseded. False when it is gone, or superseded itself. One transaction: the caller's. `lengths` holds each
    chunk's length in terms, by ord.
    """
    # the lineage first, then the document's row: who publishes or deletes it meanwhile waits here, holding nothing that this waits for
    versions.lock(connection, document_id)
    statistics = "update documents set n_chunks = %s, total_len = %s where id = %s and status <> 'superseded' returning collection_id"
    if (row := connection.execute(statistics, [len(lengths), sum(lengths), document_id]).fetchone()) is None:
        return False
    vectors.publish(connection, document_id=document_id, models=models, chunks=len(lengths))
    connection.execute("delete from postings where document_id = %s", [document_id])
    connection.execute('create temp table if not exists incoming (term text collate "C", ord int, tf int, length int)')
    connection.execute("truncate incoming")
    with connection.cursor() as cursor, cursor.copy("copy incoming (term, ord, tf, length) from stdin (format binary)") as copy:
        copy.set_types(["text", "int4", "int4", "int4"])
        for p in postings:
            copy.write_row((p.term, p.ord, p.tf, p.length))
    # COPY straight into a table under row-level security is refused
    connection.execute(
        """insert into postings (term, collection_id, document_id, n, ps)
           select term, %s, %s, count(*), array_agg((ord::bigint << 40) | (tf::bigint << 20) | length::bigint order by ord)
           from incoming group by term order by term""",
        [row[0], document_id],
    )
    versions.supersede_older(connection, document_id)
    return True


def put_contexts(connection: Connection, *, document_id: int, rows: Sequence[tuple[int, str, str, str]]) -> None:
    """Let contexts written by a model take the place of others: (ord, context, by which model, tsvector literal)."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "update chunks set context = %s, context_by = %s, words = %s::tsvector where document_id = %s and ord = %s",
            [(context, by, literal, document_id, ord_) for ord_, context, by, literal in rows],
        )
