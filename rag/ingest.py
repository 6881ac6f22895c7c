"""The upload flow: read, chunk, embed, publish; then, where a model may situate, once more with its contexts.

Each stage stores what it made, so a crash repeats at most the batch in flight. Nothing is searchable before the one transaction that
publishes the document whole.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from db import as_subject
from db import chunks as chunk_rows
from db import documents as document_rows
from db import usage as usage_rows
from db.chunks import Chunk, Posting
from db.documents import Document, Page
from rag import chunking, consent, pdf, text
from rag.deps import Deps
from rag.errors import DocumentGone, TransientProviderError, UnreadableDocument
from rag.providers import Context, Situator

log = logging.getLogger(__name__)

BATCH = 16  # chunks embedded between two checkpoints: about half a second of work

Pulse = Callable[[], None]  # called between steps; raises to give the work back


def index(deps: Deps, subject: str, document_id: int, *, pulse: Pulse = lambda: None) -> None:
    """Bring a stored file to `ready`, continuing where an earlier attempt stopped.

    Raises UnreadableDocument (already noted on the document), DocumentGone, DatabaseAway, and whatever `pulse` raises.
    """
    began = time.monotonic()
    try:
        document = _load(deps, subject, document_id)
        if document.stage != "embedding":  # which begins in the transaction that stores the chunks
            _read(deps, subject, document)
        pulse()
        with as_subject(deps.pool, subject) as connection:
            stored = chunk_rows.chunks(connection, document_id)
        _embed(deps, subject, document, stored, pulse=pulse)
        _publish(deps, subject, document, stored, seconds=time.monotonic() - began)
    except UnreadableDocument as error:
        with as_subject(deps.pool, subject) as connection:
            document_rows.note_failure(connection, document_id, str(error))
        raise


def situate(deps: Deps, subject: str, document_id: int, *, pulse: Pulse = lambda: None) -> None:
    """Let a model situate a ready document's chunks, then put its contexts, their vectors and postings in place, in one transaction.

    Does nothing where no model may. Contexts already stored are not paid for again. Raises DocumentGone, DatabaseAway, ProviderError.
    """
    situator = consent.first_allowed(deps.situators, consent.granted(deps, subject))
    if situator is None:
        return
    began = time.monotonic()
    document = _load(deps, subject, document_id)
    with as_subject(deps.pool, subject) as connection:
        stored = chunk_rows.chunks(connection, document_id)
        written = chunk_rows.contexts(connection, document_id=document_id, situator=situator.name)
        _still_there(document_rows.enter_stage(connection, document_id, "situating", len(stored), done=len(written)))
    missing = [(chunk.ord, chunk.text) for chunk in stored if chunk.ord not in written]
    errors: list[str] = []
    for context in situator.situate("\n\n".join(chunk.text for chunk in stored), missing) if missing else ():
        if context.error:
            errors.append(context.error)
        else:
            written[context.ord] = context.text
        _keep_context(deps, subject, document, situator, context, done=len(written))
        pulse()
    situated = [replace(c, context=written[c.ord], context_by=situator.name) if c.ord in written else c for c in stored]
    _embed(deps, subject, document, situated, pulse=pulse)
    _publish(deps, subject, document, situated, seconds=time.monotonic() - began)
    if errors:
        raise TransientProviderError(f"{len(written)} of {len(stored)} passages situated; {len(errors)} waiting: {errors[-1]}")


def postings(chunks: Sequence[Chunk]) -> tuple[list[int], list[Posting]]:
    """Each chunk's length in terms, by ord, and its postings."""
    lengths: list[int] = []
    rows: list[Posting] = []
    for chunk in chunks:
        counts = Counter(text.terms(chunk.indexed_text))
        lengths.append(counts.total())
        rows += [Posting(term=term, ord=chunk.ord, tf=tf, length=lengths[-1]) for term, tf in counts.items()]
    return lengths, rows


def _load(deps: Deps, subject: str, document_id: int) -> Document:
    with as_subject(deps.pool, subject) as connection:
        found = document_rows.documents(connection, ids=[document_id])
    if not found:
        raise DocumentGone("The document was deleted while it waited.")
    return found[0]


def _read(deps: Deps, subject: str, document: Document) -> None:
    """Bytes -> pages and chunks, stored together."""
    with as_subject(deps.pool, subject) as connection:
        _still_there(document_rows.enter_stage(connection, document.id, "reading", 0))
        content = b"".join(document_rows.file_parts(connection, document.id))
    reading = pdf.read(content, seconds=deps.settings.read_seconds)
    drafts = chunking.chunk(
        reading,
        filename=document.filename,
        count_tokens=deps.embedder.count_tokens,
        max_tokens=deps.embedder.max_tokens,
    )
    empty = [page.number for page in reading.pages if page.source == "none"]
    pages = [Page(number=p.number, label=p.label, width=p.width, height=p.height, source=p.source, note=p.note) for p in reading.pages]
    words = [_words(chunk_rows.indexed_text(context=d.context, heading=d.heading, text=d.text)) for d in drafts]
    with as_subject(deps.pool, subject) as connection:
        document_rows.describe(
            connection,
            document.id,
            title=reading.title,
            language=text.language(" ".join(draft.text for draft in drafts[:20])),
            page_count=len(pages),
            note=f"No text on {_page_ranges(empty)}." if empty else "",
        )
        document_rows.put_pages(connection, collection_id=document.collection_id, document_id=document.id, pages=pages)
        if drafts:
            chunk_rows.put_chunks(connection, collection_id=document.collection_id, document_id=document.id, chunks=drafts, words=words)
            _still_there(document_rows.enter_stage(connection, document.id, "embedding", len(drafts)))
    if not drafts:
        where = "on its only page" if len(pages) == 1 else f"on any of its {len(pages)} pages"
        raise UnreadableDocument(
            f"No text was found {where}: it is probably a scan. Run it through text recognition (OCR), then upload that."
        )


def _embed(deps: Deps, subject: str, document: Document, chunks: Sequence[Chunk], *, pulse: Pulse) -> None:
    """Draft the vectors that are missing or were computed from another text, a batch at a time."""
    with as_subject(deps.pool, subject) as connection:
        model = chunk_rows.model_id(connection, deps.embedder.name, deps.embedder.dimensions)
        drafted = chunk_rows.drafted(connection, document_id=document.id, model=model)
    embedded = {chunk.ord: text.without_figures(chunk.indexed_text) for chunk in chunks}
    keys = {ord_: hashlib.blake2b(said.encode(), digest_size=16).digest() for ord_, said in embedded.items()}
    waiting = [chunk.ord for chunk in chunks if drafted.get(chunk.ord) != keys[chunk.ord]]
    done = len(chunks) - len(waiting)
    for at in range(0, len(waiting), BATCH):
        batch = waiting[at : at + BATCH]
        vectors = deps.embedder.embed_documents([embedded[ord_] for ord_ in batch])
        done += len(batch)
        with as_subject(deps.pool, subject) as connection:
            _still_there(document_rows.report_progress(connection, document.id, done))
            chunk_rows.put_vector_drafts(
                connection,
                collection_id=document.collection_id,
                document_id=document.id,
                model=model,
                rows=[(ord_, keys[ord_], vector) for ord_, vector in zip(batch, vectors, strict=True)],
            )
        pulse()


def _publish(deps: Deps, subject: str, document: Document, chunks: Sequence[Chunk], *, seconds: float) -> None:
    """Contexts, vectors, postings and state in one transaction."""
    lengths, rows = postings(chunks)
    with as_subject(deps.pool, subject) as connection:
        chunk_rows.put_contexts(
            connection,
            document_id=document.id,
            rows=[(c.ord, c.context, c.context_by, _words(c.indexed_text)) for c in chunks if c.context_by != chunk_rows.STRUCTURAL],
        )
        model = chunk_rows.model_id(connection, deps.embedder.name, deps.embedder.dimensions)
        chunk_rows.publish(
            connection, collection_id=document.collection_id, document_id=document.id, model=model, lengths=lengths, postings=rows
        )
        document_rows.leave_stages(connection, document.id, seconds=seconds)


def _keep_context(deps: Deps, subject: str, document: Document, situator: Situator, context: Context, *, done: int) -> None:
    with as_subject(deps.pool, subject) as connection:
        _still_there(document_rows.report_progress(connection, document.id, done))
        chunk_rows.put_context(
            connection,
            collection_id=document.collection_id,
            document_id=document.id,
            situator=situator.name,
            ord_=context.ord,
            text=context.text,
            error=context.error,
        )
        if context.usage is not None:
            usage_rows.add_usage(
                connection,
                purpose="situate",
                model=context.usage.model,
                input_tokens=context.usage.input_tokens,
                output_tokens=context.usage.output_tokens,
                cache_write_tokens=context.usage.cache_write_tokens,
                cache_read_tokens=context.usage.cache_read_tokens,
                document_id=document.id,
            )


def _still_there(updated: bool) -> None:  # noqa: FBT001 - the one thing it is about
    if not updated:
        raise DocumentGone("The document was deleted while it was being worked on.")


def _words(indexed_text: str) -> str:
    return text.tsvector_literal(text.words(indexed_text))


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
