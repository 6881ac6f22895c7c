"""The upload flow: read, cut, embed, publish. `rag.situate` goes on from there where a model may write contexts.

Each stage stores what it made: pages about every second, the chunks of all pages in one transaction, vectors by the batch. So a crash repeats a
second of reading, the page in flight where text is recognised, or the batch in flight. Nothing is searchable before the one
transaction that publishes the document whole.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

from db import Connection, as_subject, page_drafts
from db import chunks as chunk_rows
from db import documents as document_rows
from db.chunks import Draft
from db.documents import Document
from rag import chunking, page_notes, publication, text, tracing
from rag.deps import Deps
from rag.errors import NeedsPassword, UnreadableDocument
from rag.page import PageDraft
from rag.pdf import Parser, Reading
from rag.profile import sane_title
from rag.publication import Pulse

STORE_EVERY = 1.0  # seconds of reading


def index(deps: Deps, subject: str, document_id: int, *, pulse: Pulse = lambda: None) -> None:
    """Bring a stored file to `ready`, continuing where an earlier attempt stopped.

    Raises UnreadableDocument (already noted on the document), DocumentGone, DatabaseAway, and whatever `pulse` raises.
    """
    try:
        document = publication.load(deps, subject, document_id)
        if document.stage != "embedding":  # which begins in the transaction that stores the chunks
            _read(deps, subject, document, pulse)
        pulse()
        with as_subject(deps.pool, subject) as connection:
            stored = chunk_rows.chunks(connection, document_id)
        with _timed(deps, subject, document_id, "embed"):
            publication.draft_vectors(deps, subject, document, stored, pulse=pulse)
        with _timed(deps, subject, document_id, "publish"):
            publication.publish(deps, subject, document, stored)
    except UnreadableDocument as error:
        with as_subject(deps.pool, subject) as connection:
            document_rows.note_failure(connection, document_id, str(error), needs_password=isinstance(error, NeedsPassword))
            page_drafts.drop(connection, document_id)  # a retry, perhaps with other limits, reads all anew
        raise


def _read(deps: Deps, subject: str, document: Document, pulse: Pulse) -> None:
    """Bytes -> pages, stored as they come, -> chunks."""
    with as_subject(deps.pool, subject) as connection:
        publication.still_there(document_rows.enter_stage(connection, document.id, "reading", 0))
        kept = page_drafts.numbers(connection, document.id)
    with Parser(_file(deps, subject, document.id), limits=deps.settings.limits, recogniser=deps.recogniser) as parser:
        done, total = len(kept), parser.opened.page_count
        with as_subject(deps.pool, subject) as connection:
            publication.still_there(document_rows.enter_stage(connection, document.id, "reading", total, done=done))
        with tracing.span("read", pages=total):
            _store_pages(deps, subject, document, parser, kept, pulse=pulse)
        _cut(deps, subject, document, parser)


def _store_pages(deps: Deps, subject: str, document: Document, parser: Parser, kept: Collection[int], *, pulse: Pulse) -> None:
    """The pages that are not kept yet, as they come."""
    done = len(kept)
    for drafts, seconds in _by_time(parser.pages(skip=kept)):
        done += len(drafts)
        recognising, parser.recognising = parser.recognising, 0.0
        with as_subject(deps.pool, subject) as connection:
            publication.still_there(document_rows.report_progress(connection, document.id, done))
            rows = [(draft.page.number, draft.pack()) for draft in drafts]
            page_drafts.put(connection, document_id=document.id, drafts=rows)
            document_rows.spend(
                connection, document.id, {"read": seconds - recognising} | ({"recognise": recognising} if recognising else {})
            )
        pulse()


def _file(deps: Deps, subject: str, document_id: int) -> Iterator[bytes]:
    with as_subject(deps.pool, subject) as connection:
        parts = 0
        for part in document_rows.file_parts(connection, document_id):
            parts += 1
            yield part
        publication.still_there(parts > 0)


def _by_time(pages: Iterable[PageDraft]) -> Iterator[tuple[list[PageDraft], float]]:
    """Pages as they come about every second, and the seconds that they took."""
    batch: list[PageDraft] = []
    began = time.monotonic()
    for draft in pages:
        batch.append(draft)
        if (seconds := time.monotonic() - began) >= STORE_EVERY:
            yield batch, seconds
            batch, began = [], time.monotonic()
    if batch:
        yield batch, time.monotonic() - began


@tracing.span("cut")
def _cut(deps: Deps, subject: str, document: Document, parser: Parser) -> None:
    """Pages -> chunks, stored together in the place of what was kept of the pages."""
    began = time.monotonic()
    with as_subject(deps.pool, subject) as connection:
        read = [PageDraft.unpack(kept) for kept in page_drafts.drafts(connection, document.id)]
    reading = parser.reading(read)
    drafts = cut(deps, reading, filename=document.filename)
    words = [publication.words(chunk_rows.indexed_text(context=d.context, heading=d.heading, text=d.text)) for d in drafts]
    with as_subject(deps.pool, subject) as connection:
        _describe(connection, document, reading, drafts)
        if drafts:
            chunk_rows.put_chunks(connection, document_id=document.id, chunks=drafts, words=words)
            publication.still_there(document_rows.enter_stage(connection, document.id, "embedding", len(drafts)))
        page_drafts.drop(connection, document.id)
        document_rows.spend(connection, document.id, {"cut": time.monotonic() - began})
    if not drafts:
        raise UnreadableDocument(page_notes.why_nothing(reading.pages))


def _describe(connection: Connection, document: Document, reading: Reading, drafts: Sequence[Draft]) -> None:
    publication.still_there(
        document_rows.describe(
            connection,
            document.id,
            title=reading.title if sane_title(reading.title) else "",  # anyone may have written it, and no page need show it
            language=text.language(" ".join(draft.text for draft in drafts[:20])),
            page_count=len(reading.pages),
            note=page_notes.note(reading.pages),
        )
    )
    pages = [document_rows.Page(**asdict(page)) for page in reading.pages]
    document_rows.put_pages(connection, document_id=document.id, pages=pages)


def cut(deps: Deps, reading: Reading, *, filename: str) -> list[Draft]:
    """A reading's chunks, with their structural contexts, of the size that the embedder takes."""
    return chunking.chunk(reading, filename=filename, count_tokens=deps.embedder.count_tokens, max_tokens=deps.embedder.max_tokens)


@contextmanager
def _timed(deps: Deps, subject: str, document_id: int, stage: str) -> Iterator[None]:
    """Add what the block takes to the document's seconds, also when it is left half done."""
    began = time.monotonic()
    try:
        with tracing.span(stage):
            yield
    finally:
        with as_subject(deps.pool, subject) as connection:
            document_rows.spend(connection, document_id, {stage: time.monotonic() - began})
