"""The upload flow: read, chunk, embed, publish. `rag.situate` goes on from there where a model may write contexts.

Each stage stores what it made, so a crash repeats at most the batch in flight. Nothing is searchable before the one transaction that
publishes the document whole.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from db import as_subject
from db import chunks as chunk_rows
from db import documents as document_rows
from db.chunks import Draft
from db.documents import Document, Page
from rag import chunking, pdf, publication, text
from rag.deps import Deps
from rag.errors import UnreadableDocument
from rag.pdf import Reading
from rag.publication import Pulse


def index(deps: Deps, subject: str, document_id: int, *, pulse: Pulse = lambda: None) -> None:
    """Bring a stored file to `ready`, continuing where an earlier attempt stopped.

    Raises UnreadableDocument (already noted on the document), DocumentGone, DatabaseAway, and whatever `pulse` raises.
    """
    began = time.monotonic()
    try:
        document = publication.load(deps, subject, document_id)
        if document.stage != "embedding":  # which begins in the transaction that stores the chunks
            _read(deps, subject, document)
        pulse()
        with as_subject(deps.pool, subject) as connection:
            stored = chunk_rows.chunks(connection, document_id)
        publication.draft_vectors(deps, subject, document, stored, pulse=pulse)
        publication.publish(deps, subject, document, stored, seconds=time.monotonic() - began)
    except UnreadableDocument as error:
        with as_subject(deps.pool, subject) as connection:
            document_rows.note_failure(connection, document_id, str(error))
        raise


def _read(deps: Deps, subject: str, document: Document) -> None:
    """Bytes -> pages and chunks, stored together."""
    with as_subject(deps.pool, subject) as connection:
        publication.still_there(document_rows.enter_stage(connection, document.id, "reading", 0))
        content = b"".join(document_rows.file_parts(connection, document.id))
    reading = pdf.read(content, limits=deps.settings.limits)
    drafts = cut(deps, reading, filename=document.filename)
    empty = [page.number for page in reading.pages if page.source == "none"]
    pages = [Page(number=p.number, label=p.label, width=p.width, height=p.height, source=p.source, note=p.note) for p in reading.pages]
    words = [publication.words(chunk_rows.indexed_text(context=d.context, heading=d.heading, text=d.text)) for d in drafts]
    with as_subject(deps.pool, subject) as connection:
        publication.still_there(
            document_rows.describe(
                connection,
                document.id,
                title=reading.title,
                language=text.language(" ".join(draft.text for draft in drafts[:20])),
                page_count=len(pages),
                note=f"No text on {_page_ranges(empty)}." if empty else "",
            )
        )
        document_rows.put_pages(connection, document_id=document.id, pages=pages)
        if drafts:
            chunk_rows.put_chunks(connection, document_id=document.id, chunks=drafts, words=words)
            publication.still_there(document_rows.enter_stage(connection, document.id, "embedding", len(drafts)))
    if not drafts:
        where = "on its only page" if len(pages) == 1 else f"on any of its {len(pages)} pages"
        raise UnreadableDocument(
            f"No text was found {where}: it is probably a scan. Run it through text recognition (OCR), then upload that."
        )


def cut(deps: Deps, reading: Reading, *, filename: str) -> list[Draft]:
    """A reading's chunks, with their structural contexts, of the size that the embedder takes."""
    return chunking.chunk(reading, filename=filename, count_tokens=deps.embedder.count_tokens, max_tokens=deps.embedder.max_tokens)


def _page_ranges(numbers: Sequence[int]) -> str:
    """For a sentence: page 4; pages 4-9, 12."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    told = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
    return f"{'page' if len(numbers) == 1 else 'pages'} {told}"
