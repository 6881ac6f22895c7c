"""Documents: their files, pages, state and progress. What concerns all versions of one is in db.versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psycopg.rows import class_row

from db import Connection

PART = 1 << 20  # bytes of a file in one row


class Status(StrEnum):
    QUEUED = "queued"  # stored, waiting for a worker
    WORKING = "working"  # a worker has it
    PAUSED = "paused"  # a person stopped the work; what was done is kept
    READY = "ready"  # published whole: searchable
    FAILED = "failed"  # `error` says why; its file is kept
    SUPERSEDED = "superseded"  # a newer version answers in its place; old citations still open it


class Situating(StrEnum):
    """How far a model has come with a ready document's contexts."""

    NOT = ""  # no model was ever asked
    WORKING = "working"  # calls are under way
    WAITING = "waiting"  # what failed for now is tried again by itself
    BATCHED = "batched"  # the provider works on a batch
    HELD = "held"  # un-sent, until a person agrees to its price
    ENDED = "ended"  # nothing more happens by itself; all are situated, or `unsituated` says why not


@dataclass(frozen=True, kw_only=True)
class Document:
    id: int
    collection_id: int
    collection: str
    filename: str
    size: int  # bytes
    version: int  # from 1; its lineage are the versions of one document, of which at most one is ready
    lineage: int  # the id of the first version
    title: str
    language: str
    page_count: int
    status: Status
    stage: str  # reading, situating, embedding, publishing
    done: int  # of the stage's units
    total: int
    stage_seconds: float  # since the stage began
    error: str
    note: str
    seconds: float  # of work until it was published
    seconds_by_stage: dict[str, float]
    attempts: int  # workers that ended over it since something of it was stored last
    needs_password: bool  # failed for want of one
    n_chunks: int
    situator: str  # model and prompt version that situates it, or did last
    situating: Situating
    situated: int  # chunks that have a context by that model
    unsituated: str  # why the others wait or have none
    created_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", Status(self.status))
        object.__setattr__(self, "situating", Situating(self.situating))


@dataclass(frozen=True, kw_only=True)
class Page:
    number: int  # from 1
    label: str  # as printed, when the PDF says so
    width: float  # PDF points, as displayed
    height: float
    source: str  # text, ocr, none
    note: str
    turned: int = 0  # degrees clockwise that bring its text upright
    confidence: float | None = None  # of text recognition, 0 to 1
    marks: tuple[str, ...] = ()  # of: empty, garbled, rotated, unreadable, doubtful

    def __post_init__(self) -> None:
        object.__setattr__(self, "marks", tuple(self.marks))


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which documents a question is asked of; None means all that the subject may see."""

    collections: tuple[int, ...] | None = None
    documents: tuple[int, ...] | None = None

    @property
    def parameters(self) -> dict[str, list[int] | None]:
        return {
            "collections": None if self.collections is None else list(self.collections),
            "documents": None if self.documents is None else list(self.documents),
        }


def find_duplicate(connection: Connection, collection_id: int, sha256: bytes) -> int | None:
    """The document with the same bytes in the same collection, if any."""
    row = connection.execute(
        "select id from documents where collection_id = %s and sha256 = %s and status <> 'superseded'", [collection_id, sha256]
    ).fetchone()
    return None if row is None else int(row[0])


def add_document(connection: Connection, *, collection_id: int, filename: str, sha256: bytes, content: bytes) -> int | None:
    """Store a file and its row: a new document, or a new version of the one that has this name in the collection.

    None when the same bytes are there already, or the document of that name went away just now.
    """
    new = {"collection": collection_id, "filename": filename, "sha256": sha256, "size": len(content)}
    row = connection.execute(
        """insert into documents (id, lineage, collection_id, filename, sha256, size) overriding system value
           select id, id, %(collection)s, %(filename)s, %(sha256)s, %(size)s from nextval(pg_get_serial_sequence('documents', 'id')) id
           on conflict do nothing returning id""",
        new,
    ).fetchone()
    if row is None:
        # the first version's row is the lock of its lineage (db.versions.lock): of two new versions at once, one waits here
        first = "select id from documents where collection_id = %(collection)s and filename = %(filename)s and id = lineage for update"
        lineage = connection.execute(first, new).fetchone()
        row = connection.execute(
            """insert into documents (lineage, version, collection_id, filename, sha256, size)
               select %(lineage)s, max(version) + 1, %(collection)s, %(filename)s, %(sha256)s, %(size)s
               from documents where lineage = %(lineage)s having count(*) > 0
               on conflict (collection_id, sha256) where status <> 'superseded' do nothing returning id""",
            {**new, "lineage": lineage and lineage[0]},
        ).fetchone()
    if row is None:
        return None
    _put_file(connection, collection_id, row[0], content)
    return int(row[0])


def _put_file(connection: Connection, collection_id: int, document_id: int, content: bytes) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into files (collection_id, document_id, part, content) values (%s, %s, %s, %s)",
            [(collection_id, document_id, part, content[at : at + PART]) for part, at in enumerate(range(0, len(content), PART))],
        )


def unprotect(connection: Connection, document_id: int, content: bytes) -> bool:
    """Let a copy without a password take the place of a document's file, and the document wait for a worker; False when it needs none.

    Its digest stays that of the file as it was uploaded, which is how the same file is known again.
    """
    row = connection.execute(
        """update documents set needs_password = false, status = 'queued', stage = '', error = '', attempts = 0, updated_at = now()
           where id = %s and status = 'failed' and needs_password returning collection_id""",
        [document_id],
    ).fetchone()
    if row is None:
        return False
    connection.execute("delete from files where document_id = %s", [document_id])
    _put_file(connection, row[0], document_id, content)
    return True


def file_parts(connection: Connection, document_id: int) -> Iterator[bytes]:
    """The file's bytes, part by part."""
    with connection.cursor(binary=True) as cursor:
        for (content,) in cursor.stream("select content from files where document_id = %s order by part", [document_id]):
            yield bytes(content)


def file_size(connection: Connection, document_id: int) -> int:
    """The file's bytes as they are kept; 0 where there is none."""
    row = connection.execute(
        "select coalesce(sum(octet_length(content)), 0)::bigint from files where document_id = %s", [document_id]
    ).fetchone()
    return int(row[0]) if row else 0


def file_part(connection: Connection, document_id: int, part: int) -> bytes | None:
    """One part of the file's bytes, from 0; None behind the last."""
    with connection.cursor(binary=True) as cursor:
        row = cursor.execute("select content from files where document_id = %s and part = %s", [document_id, part]).fetchone()
    return bytes(row[0]) if row else None


def documents(
    connection: Connection, *, ids: Sequence[int] | None = None, lineage: int | None = None, collection: str | None = None
) -> list[Document]:
    """The subject's documents: what is worked on, what waits in its order, then the newest first; superseded ones only by id or lineage."""
    with connection.cursor(row_factory=class_row(Document)) as cursor:
        return cursor.execute(
            """select d.id, d.collection_id, c.name as collection, d.filename, d.size, d.version, d.lineage, d.title, d.language, d.page_count, d.status, d.stage,
                      d.done, d.total, coalesce(extract(epoch from clock_timestamp() - d.stage_started), 0)::float8 as stage_seconds,
                      d.error, d.note, d.seconds::float8 as seconds, d.seconds_by_stage, d.attempts, d.needs_password, d.n_chunks, d.situator, d.situating, d.situated, d.unsituated,
                      d.created_at
               from documents d join collections c on c.id = d.collection_id
               where case when %(ids)s::bigint[] is not null then d.id = any (%(ids)s::bigint[])
                          when %(lineage)s::bigint is not null then d.lineage = %(lineage)s else d.status <> 'superseded' end
                 and (%(collection)s::text is null or c.name = %(collection)s)
               order by d.status <> 'working', d.status <> 'queued', case when d.status = 'queued' then d.id end, d.created_at desc, d.id desc""",
            {"ids": None if ids is None else list(ids), "lineage": lineage, "collection": collection},
        ).fetchall()


def pages(connection: Connection, document_id: int) -> list[Page]:
    """The page-quality report of a document, in page order."""
    with connection.cursor(row_factory=class_row(Page)) as cursor:
        return cursor.execute(
            """select number, label, width::float8 as width, height::float8 as height, source, note, turned, confidence::float8 as confidence, marks
               from pages where document_id = %s order by number""",
            [document_id],
        ).fetchall()


def page(connection: Connection, document_id: int, number: int) -> Page | None:
    """One page as the report tells it; None where it has not been read, or is not the subject's."""
    with connection.cursor(row_factory=class_row(Page)) as cursor:
        return cursor.execute(
            """select number, label, width::float8 as width, height::float8 as height, source, note, turned, confidence::float8 as confidence, marks
               from pages where document_id = %s and number = %s""",
            [document_id, number],
        ).fetchone()


def digest(connection: Connection, document_id: int) -> bytes | None:
    """The SHA-256 of the file as it was uploaded."""
    row = connection.execute("select sha256 from documents where id = %s", [document_id]).fetchone()
    return row[0] if row else None


def recognised(connection: Connection, document_ids: Sequence[int]) -> dict[tuple[int, int], float | None]:
    """The pages of these documents whose text was read from their picture, and how sure that reading is."""
    rows = connection.execute(
        "select document_id, number, confidence::float8 from pages where document_id = any (%s) and source = 'ocr'", [list(document_ids)]
    )
    return {(document_id, number): confidence for document_id, number, confidence in rows}


def put_pages(connection: Connection, *, document_id: int, pages: Iterable[Page]) -> None:
    """Replace a document's page-quality report."""
    connection.execute("delete from pages where document_id = %s", [document_id])
    with connection.cursor() as cursor:
        cursor.executemany(
            """insert into pages (collection_id, document_id, number, label, width, height, source, note, turned, confidence, marks)
               select collection_id, id, %s, %s, %s, %s, %s, %s, %s, %s, %s from documents where id = %s""",
            [(p.number, p.label, p.width, p.height, p.source, p.note, p.turned, p.confidence, list(p.marks), document_id) for p in pages],
        )


def describe(connection: Connection, document_id: int, *, title: str, language: str, page_count: int, note: str) -> bool:
    """Keep what reading the file told about it; False when the document is gone, or superseded."""
    return (
        connection.execute(
            """update documents set title = %s, language = %s, page_count = %s, note = %s, updated_at = now()
               where id = %s and status <> 'superseded'""",
            [title, language, page_count, note, document_id],
        ).rowcount
        == 1
    )


def enter_stage(connection: Connection, document_id: int, stage: str, total: int, *, done: int = 0) -> bool:
    """Note that a stage begins; False when the document is gone, or superseded. A ready document stays ready while its contexts are written."""
    return (
        connection.execute(
            """update documents set status = case when status = 'ready' then 'ready' else 'working' end, stage = %(stage)s, done = %(done)s,
                      total = %(total)s, attempts = case when %(stage)s = 'embedding' then 0 else attempts end, -- its chunks are stored
                      error = '', stage_started = clock_timestamp(), updated_at = now() where id = %(id)s and status <> 'superseded'""",
            {"stage": stage, "done": done, "total": total, "id": document_id},
        ).rowcount
        == 1
    )


def report_progress(connection: Connection, document_id: int, done: int) -> bool:
    """Note how much of the stage is done and stored; False when the document is gone, or superseded."""
    return (
        connection.execute(
            "update documents set done = %s, attempts = 0, updated_at = now() where id = %s and status <> 'superseded'", [done, document_id]
        ).rowcount
        == 1
    )


def note_situating(
    connection: Connection, document_id: int, state: Situating, *, situator: str, situated: int, unsituated: str = ""
) -> bool:
    """Note how far a model has come with the contexts; False when the document is gone, or superseded."""
    return (
        connection.execute(
            """update documents set situating = %s, situator = %s, situated = %s, unsituated = %s, updated_at = now()
               where id = %s and status <> 'superseded'""",
            [state, situator, situated, unsituated, document_id],
        ).rowcount
        == 1
    )


def report_situated(connection: Connection, document_id: int, situated: int) -> bool:
    """Note how many chunks have a context by now; False when the document is gone, or superseded."""
    return (
        connection.execute(
            """update documents set done = %(n)s, situated = %(n)s, attempts = 0, updated_at = now()
               where id = %(id)s and status <> 'superseded'""",
            {"n": situated, "id": document_id},
        ).rowcount
        == 1
    )


def end_situating(connection: Connection, document_id: int, unsituated: str | None = None) -> None:
    """No further attempt follows; what is published stays, and keeps answering. Without a new reason the last one stands."""
    connection.execute(
        """update documents set situating = 'ended', unsituated = coalesce(%s, unsituated), stage = '', done = 0, total = 0,
                  updated_at = now() where id = %s and status = 'ready'""",
        [unsituated, document_id],
    )


def leave_stages(connection: Connection, document_id: int, *, seconds: float) -> None:
    """The document is published."""
    connection.execute(
        """update documents set status = 'ready', stage = '', done = 0, total = 0, seconds = seconds + %s, updated_at = now()
           where id = %s and status <> 'superseded'""",
        [seconds, document_id],
    )


def spend(connection: Connection, document_id: int, seconds: Mapping[str, float]) -> None:
    """Add to the seconds of work that a document took, by stage."""
    connection.execute(
        """update documents set seconds = seconds + (select coalesce(sum(more), 0) from unnest(%(seconds)s::float8[]) more),
                  seconds_by_stage = seconds_by_stage || (
                      select coalesce(jsonb_object_agg(stage, coalesce((seconds_by_stage ->> stage)::float8, 0) + more), '{}')
                      from unnest(%(stages)s::text[], %(seconds)s::float8[]) spent (stage, more))
           where id = %(id)s""",
        {"id": document_id, "stages": list(seconds), "seconds": [round(more, 3) for more in seconds.values()]},
    )


def note_failure(connection: Connection, document_id: int, error: str, *, needs_password: bool = False) -> None:
    """The document cannot be indexed; its file stays."""
    connection.execute(
        """update documents set status = 'failed', stage = '', done = 0, total = 0, error = %s, needs_password = %s, updated_at = now()
           where id = %s and status <> 'superseded'""",
        [error, needs_password, document_id],
    )


def requeue(connection: Connection, document_id: int) -> bool:
    """Make a failed document wait for a worker again, a cancelled one where it was left; False when it has not failed."""
    return (
        connection.execute(
            """update documents set status = 'queued', stage = case when stage = 'embedding' then stage else '' end, error = '', attempts = 0,
                      updated_at = now() where id = %s and status = 'failed'""",
            [document_id],
        ).rowcount
        == 1
    )


def searchable(connection: Connection, selection: Selection) -> tuple[int, int]:
    """How many documents of the selection are published, and how many chunks they have."""
    row = connection.execute(
        """select count(*), coalesce(sum(n_chunks), 0)::bigint from documents
           where status = 'ready' and (%(collections)s::bigint[] is null or collection_id = any (%(collections)s))
             and (%(documents)s::bigint[] is null or id = any (%(documents)s))""",
        selection.parameters,
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
