"""Making a document searchable, whole: its vectors are drafted in batches, then vectors, postings and contexts change in one transaction."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence

from db import as_subject
from db import chunks as chunk_rows
from db import documents as document_rows
from db.chunks import Chunk, Posting
from db.documents import Document
from rag import text
from rag.deps import Deps
from rag.errors import DocumentGone

BATCH = 16  # chunks embedded between two checkpoints: about half a second of work

Pulse = Callable[[], None]  # called between steps; raises to give the work back


def load(deps: Deps, subject: str, document_id: int) -> Document:
    """The document as it stands. Raises DocumentGone."""
    with as_subject(deps.pool, subject) as connection:
        found = document_rows.documents(connection, ids=[document_id])
    if not found:
        raise DocumentGone("The document was deleted while it waited.")
    return found[0]


def still_there(updated: bool) -> None:  # noqa: FBT001 - the one thing it is about
    """Raises DocumentGone when an update found no row."""
    if not updated:
        raise DocumentGone("The document was deleted while it was being worked on.")


def draft_vectors(deps: Deps, subject: str, document: Document, chunks: Sequence[Chunk], *, pulse: Pulse) -> None:
    """Draft the vectors that are missing or were computed from another text, a batch at a time; what is published already stays."""
    with as_subject(deps.pool, subject) as connection:
        model = chunk_rows.model_id(connection, deps.embedder.name, deps.embedder.dimensions)
        known = chunk_rows.embedded(connection, document_id=document.id, model=model)
    embedded = {chunk.ord: text.without_figures(chunk.indexed_text) for chunk in chunks}
    keys = {ord_: hashlib.blake2b(said.encode(), digest_size=16).digest() for ord_, said in embedded.items()}
    waiting = [chunk.ord for chunk in chunks if known.get(chunk.ord) != keys[chunk.ord]]
    done = len(chunks) - len(waiting)
    for at in range(0, len(waiting), BATCH):
        batch = waiting[at : at + BATCH]
        vectors = deps.embedder.embed_documents([embedded[ord_] for ord_ in batch])
        done += len(batch)
        with as_subject(deps.pool, subject) as connection:
            still_there(document_rows.report_progress(connection, document.id, done))
            chunk_rows.put_vector_drafts(
                connection,
                collection_id=document.collection_id,
                document_id=document.id,
                model=model,
                rows=[(ord_, keys[ord_], vector) for ord_, vector in zip(batch, vectors, strict=True)],
            )
        pulse()


def publish(deps: Deps, subject: str, document: Document, chunks: Sequence[Chunk], *, seconds: float) -> None:
    """Contexts, vectors, postings and state in one transaction."""
    lengths, rows = postings(chunks)
    with as_subject(deps.pool, subject) as connection:
        chunk_rows.put_contexts(
            connection,
            document_id=document.id,
            rows=[(c.ord, c.context, c.context_by, words(c.indexed_text)) for c in chunks if c.context_by != chunk_rows.STRUCTURAL],
        )
        model = chunk_rows.model_id(connection, deps.embedder.name, deps.embedder.dimensions)
        chunk_rows.publish(
            connection, collection_id=document.collection_id, document_id=document.id, model=model, lengths=lengths, postings=rows
        )
        document_rows.leave_stages(connection, document.id, seconds=seconds)


def postings(chunks: Sequence[Chunk]) -> tuple[list[int], list[Posting]]:
    """Each chunk's length in terms, by ord, and its postings."""
    lengths: list[int] = []
    rows: list[Posting] = []
    for chunk in chunks:
        counts = Counter(text.terms(chunk.indexed_text))
        lengths.append(counts.total())
        rows += [Posting(term=term, ord=chunk.ord, tf=tf, length=lengths[-1]) for term, tf in counts.items()]
    return lengths, rows


def words(indexed_text: str) -> str:
    """The tsvector literal of a chunk's indexed text."""
    return text.tsvector_literal(text.words(indexed_text))
