"""Making a document searchable, whole: its vectors are drafted in batches, then vectors, postings and contexts change in one transaction."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import numpy as np
from numpy.typing import NDArray

from db import Connection, as_subject
from db import chunks as chunk_rows
from db import documents as document_rows
from db import vectors as vector_rows
from db import versions as version_rows
from db.chunks import Chunk, Posting
from db.documents import Document
from rag import embedding, instruments, text, usage
from rag.deps import Deps
from rag.errors import DocumentGone, PermanentProviderError, ProviderError
from rag.logs import inherited
from rag.providers import Embedder, Meter, Usage

log = logging.getLogger(__name__)

BATCH = 16  # chunks embedded between two checkpoints: about half a second of work
REMOTE_BATCH = 96  # for an embedder that is a call away

AHEAD = 2  # batches: while one is stored, the next is embedded
_local = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed-here")  # in the order they came: no document waits long for another

Vectors = NDArray[np.float32]
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
    """Draft the vectors of each embedder that a document gets (rag.embedding.kept): those that are missing or computed from another text.

    What is published already stays. A remote embedder that fails is left behind: the document is published without its vectors, and filled in later (rag.filling).
    """
    embedders = embedding.kept(deps, subject)
    for place, embedder in enumerate(embedders):
        try:
            draft(deps, subject, document, chunks, embedder, pulse=pulse, part=(place, len(embedders)))
        except ProviderError as error:
            if embedder is deps.embedder:
                raise
            log.warning("document %s is published without vectors of %s: %s", document.id, embedder.name, error)
            with as_subject(deps.pool, subject) as connection:
                vector_rows.note_error(connection, embedder.name, str(error))


def draft(
    deps: Deps,
    subject: str,
    document: Document,
    chunks: Sequence[Chunk],
    embedder: Embedder,
    *,
    pulse: Pulse,
    part: tuple[int, int] = (0, 1),
) -> None:
    """Draft one embedder's vectors, a batch at a time. `part` is which of how many like passes this is, for the progress.

    Raises ProviderError, DocumentGone, and whatever `pulse` raises; what was drafted is kept.
    """
    texts = {chunk.ord: embedded_text(chunk) for chunk in chunks}
    keys = {ord_: _key(said) for ord_, said in texts.items()}
    with as_subject(deps.pool, subject) as connection:
        known = vector_rows.embedded(connection, document_id=document.id, model=embedder.name)
    waiting = [ord_ for ord_ in texts if known.get(ord_) != keys[ord_]]
    size = BATCH if embedder.recipient is None else REMOTE_BATCH
    batches = [waiting[at : at + size] for at in range(0, len(waiting), size)]
    done = len(chunks) - len(waiting)
    with _lane(embedder) as lane:
        ahead: deque[tuple[list[int], Future[Vectors]]] = deque()

        def keep() -> None:
            nonlocal done
            batch, embedded = ahead.popleft()
            vectors = embedded.result()
            done += len(batch)
            with as_subject(deps.pool, subject) as connection:
                still_there(document_rows.report_progress(connection, document.id, (part[0] * len(chunks) + done) // part[1]))
                vector_rows.put_drafts(
                    connection,
                    document_id=document.id,
                    model=_registered(connection, embedder, vectors.shape[1]),
                    rows=[(ord_, keys[ord_], vector) for ord_, vector in zip(batch, vectors, strict=True)],
                )

        for batch in batches:
            meter = partial(_keep_bill, deps, subject, document.id)
            ahead.append((batch, lane.submit(inherited(_embedded), embedder, [texts[ord_] for ord_ in batch], meter)))
            if len(ahead) == AHEAD:
                keep()
                try:
                    pulse()
                except Exception:
                    while ahead:  # what is under way is computed, or paid, anyway
                        keep()
                    raise
        while ahead:
            keep()
    pulse()


def _embedded(embedder: Embedder, texts: Sequence[str], meter: Meter) -> Vectors:
    with instruments.call(embedder.recipient, embedder.name, "embed") as call:
        return embedder.embed_documents(texts, call.metering(meter))


@contextmanager
def _lane(embedder: Embedder) -> Iterator[Executor]:
    """Where an embedder's calls run: those of the one that runs here one after another, whatever the document, since it takes all cores."""
    if embedder.recipient is None:
        yield _local
        return
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="embed") as own:
        yield own


def publish(deps: Deps, subject: str, document: Document, chunks: Sequence[Chunk], *, seconds: float = 0.0) -> None:
    """Contexts, vectors, postings and state in one transaction. Embedders with a vector for every chunk are published, the local one at least."""
    lengths, rows = postings(chunks)
    embedders = embedding.allowed(deps, subject)
    with as_subject(deps.pool, subject) as connection:
        still_there(version_rows.hold(connection, document.id))
        whole = [e.name for e in embedders if is_whole(connection, document, chunks, e)]
        if deps.embedder.name not in whole:
            raise LookupError(f"document {document.id} has no vectors of {deps.embedder.name} to be published")
        still_there(chunk_rows.publish(connection, document_id=document.id, models=whole, lengths=lengths, postings=rows))
        chunk_rows.put_contexts(
            connection,
            document_id=document.id,
            rows=[(c.ord, c.context, c.context_by, words(c.indexed_text)) for c in chunks if c.context_by != chunk_rows.STRUCTURAL],
        )
        document_rows.leave_stages(connection, document.id, seconds=seconds)


def is_whole(connection: Connection, document: Document, chunks: Sequence[Chunk], embedder: Embedder) -> bool:
    """Whether every chunk has a vector by this embedder, drafted or published, computed from the text it has now."""
    known = vector_rows.embedded(connection, document_id=document.id, model=embedder.name)
    return all(known.get(chunk.ord) == _key(embedded_text(chunk)) for chunk in chunks)


def embedded_text(chunk: Chunk) -> str:
    """What an embedder is given of a chunk."""
    return text.without_figures(chunk.indexed_text)


def _key(said: str) -> bytes:
    return hashlib.blake2b(said.encode(), digest_size=16).digest()


def _registered(connection: Connection, embedder: Embedder, dimensions: int) -> int:
    """The embedder's number. Raises PermanentProviderError when its vectors cannot stand beside those that are there."""
    known = vector_rows.dimensions(connection, embedder.name)
    if known not in {None, dimensions}:
        raise PermanentProviderError(
            f"{embedder.name} makes vectors of {dimensions} dimensions now; those stored have {known}. Drop them first: situate embedders --drop."
        )
    if dimensions > vector_rows.MOST_DIMENSIONS:
        raise PermanentProviderError(
            f"{embedder.name} makes vectors of {dimensions} dimensions; the index takes {vector_rows.MOST_DIMENSIONS} at most. Choose another."
        )
    return vector_rows.model_id(connection, embedder.name, dimensions)


def _keep_bill(deps: Deps, subject: str, document_id: int, billed: Usage) -> None:
    with as_subject(deps.pool, subject) as connection:
        usage.keep(deps, connection, billed, purpose="embed", document_id=document_id)


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
