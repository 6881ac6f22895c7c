"""A person's documents: taking uploads, watching them, opening their pages, letting them go.

What the pages and the command line call. Each function is one transaction for one subject.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from db import as_subject
from db import chunks as chunk_rows
from db import contexts as context_rows
from db import documents as document_rows
from db import jobs as job_rows
from db.chunks import Chunk
from db.documents import Collection, Document, Page, Selection, Status
from db.search import Key
from rag import consent, estimates, jobs, pdf
from rag.consent import Purpose
from rag.deps import Deps
from rag.errors import DocumentGone, UploadError

DEFAULT_COLLECTION = "Library"
LONGEST_COLLECTION = 200  # characters
PAGE_IMAGES = 64  # rendered pages kept in memory, about 0.3 MB each

__all__ = ["Chunk", "Collection", "Document", "Page", "Selection", "Status"]


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What became of an uploaded file."""

    document_id: int
    duplicate: bool  # the same bytes were in the collection already, and nothing was stored


def upload(deps: Deps, subject: str, *, filename: str, content: bytes, collection: str = DEFAULT_COLLECTION) -> Upload:
    """Store a PDF and queue the work on it, in one transaction.

    Raises UploadError for an empty file, one that is no PDF, or one over the size limit; nothing is stored then.
    """
    filename, collection = clean_name(filename), check_collection(collection)
    limit = deps.settings.max_file_mb
    if not content:
        raise UploadError(f"{filename} is empty (0 bytes). Choose the file again, or save it anew.")
    if len(content) > limit << 20:
        raise UploadError(
            f"{filename} has {len(content) / (1 << 20):.0f} MB; the limit is {limit} MB. Split it, or raise SITUATE_MAX_FILE_MB."
        )
    if b"%PDF-" not in content[:1024]:
        raise UploadError(f"{filename} is not a PDF. Save or print it as a PDF, then upload that.")
    digest = hashlib.sha256(content).digest()
    with as_subject(deps.pool, subject) as connection:
        collection_id = document_rows.add_collection(connection, collection)
        document_id = document_rows.add_document(connection, collection_id=collection_id, filename=filename, sha256=digest, content=content)
        if document_id is None:
            existing = document_rows.find_duplicate(connection, collection_id, digest)
            if existing is None:
                raise UploadError(f"{filename} is being deleted just now. Upload it again in a moment.")
            return Upload(document_id=existing, duplicate=True)
        jobs.defer_index(connection, subject=subject, document_id=document_id)
    return Upload(document_id=document_id, duplicate=False)


def documents(deps: Deps, subject: str, *, collection: str | None = None) -> list[Document]:
    """The subject's documents with their state and progress: what is under way, what waits, then the newest first."""
    with as_subject(deps.pool, subject) as connection:
        return document_rows.documents(connection, collection=collection)


def document(deps: Deps, subject: str, document_id: int) -> Document:
    """One document. Raises DocumentGone."""
    with as_subject(deps.pool, subject) as connection:
        found = document_rows.documents(connection, ids=[document_id])
    if not found:
        raise DocumentGone("This document has been deleted.")
    return found[0]


def collections(deps: Deps, subject: str) -> list[Collection]:
    """The subject's collections by name."""
    with as_subject(deps.pool, subject) as connection:
        return document_rows.collections(connection)


def pages(deps: Deps, subject: str, document_id: int) -> list[Page]:
    """The page-quality report of a document."""
    with as_subject(deps.pool, subject) as connection:
        return document_rows.pages(connection, document_id)


def chunks(deps: Deps, subject: str, document_id: int) -> list[Chunk]:
    """A document's chunks in order, with their sentences and boxes."""
    with as_subject(deps.pool, subject) as connection:
        return chunk_rows.chunks(connection, document_id)


def passages(deps: Deps, subject: str, keys: Sequence[Key]) -> dict[Key, Chunk]:
    """Chunks by document and ordinal, without those whose document is gone."""
    with as_subject(deps.pool, subject) as connection:
        return chunk_rows.fetch(connection, keys)


def original(deps: Deps, subject: str, document_id: int) -> bytes:
    """The PDF as it was uploaded. Raises DocumentGone."""
    with as_subject(deps.pool, subject) as connection:
        content = b"".join(document_rows.file_parts(connection, document_id))
    if not content:
        raise DocumentGone("This document has been deleted.")
    return content


def page_image(deps: Deps, subject: str, document_id: int, number: int, *, scale: float = 1.6) -> bytes:
    """A PNG of a page, upright as displayed, `scale` pixels per PDF point. Raises DocumentGone, UnreadableDocument.

    Rendered once and kept; the subject's right to see it is checked each time.
    """
    document(deps, subject, document_id)
    return _rendered(_Source(deps, subject, document_id), number, scale)


def busy(deps: Deps, subject: str) -> set[int]:
    """The documents for which work waits or is under way; a ready one may still be situated."""
    with as_subject(deps.pool, subject) as connection:
        return job_rows.busy_documents(connection)


def allow(deps: Deps, subject: str, recipient: str, model: str | None = None, *, documents: Sequence[int] = ()) -> None:
    """The subject agrees to what is asked for this model, or for every model of this recipient.

    What is ready already is queued to be situated, or to be embedded, where that is the model's work; `documents` are those whose price of
    situating was told and agreed to.
    """
    asked = [r for r in consent.outstanding(deps, subject) if r.recipient == recipient and model in (None, r.model)]
    with as_subject(deps.pool, subject) as connection:
        for request in asked:
            consent.grant(connection, request)
        if any(Purpose.SITUATE in request.purposes for request in asked):
            for situator in deps.situators:
                estimates.agree(connection, situator, documents)
            for ready in document_rows.documents(connection):
                if ready.status is Status.READY:
                    jobs.defer_situate(connection, subject=subject, document_id=ready.id)
    if any(Purpose.EMBED in request.purposes for request in asked):
        jobs.defer_fills(deps, subject)


def agree_to_price(deps: Deps, subject: str, documents: Sequence[int]) -> None:
    """The subject agrees to what situating these documents is expected to cost; they are queued."""
    with as_subject(deps.pool, subject) as connection:
        for situator in deps.situators:
            estimates.agree(connection, situator, documents)
        for document_id in documents:
            jobs.defer_situate(connection, subject=subject, document_id=document_id)


def situator(deps: Deps, subject: str) -> str | None:
    """Model and prompt version that situates the subject's documents now; None when no model may."""
    found = consent.first_allowed(deps.situators, consent.granted(deps, subject), Purpose.SITUATE)
    return found.name if found else None


def situate_again(deps: Deps, subject: str, document_id: int) -> None:
    """Queue a ready document's situating, what failed for good included. Contexts that this model has written are not paid for again."""
    with as_subject(deps.pool, subject) as connection:
        context_rows.forget_errors(connection, document_id=document_id)
        jobs.defer_situate(connection, subject=subject, document_id=document_id)


def retry(deps: Deps, subject: str, document_id: int) -> None:
    """Queue a failed document again."""
    with as_subject(deps.pool, subject) as connection:
        if document_rows.requeue(connection, document_id):
            jobs.defer_index(connection, subject=subject, document_id=document_id)


def delete(deps: Deps, subject: str, document_id: int) -> bool:
    """Remove a document and all that came from it; quotes in conversations stay. False when it was gone already."""
    with as_subject(deps.pool, subject) as connection:
        return document_rows.delete_document(connection, document_id)


def clean_name(filename: str) -> str:
    """A file's name without folders and control characters, fit to be stored and shown."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    return _printable(name)[:255] or "document.pdf"


def check_collection(name: str) -> str:
    """A collection's name as it is stored. Raises UploadError when it is empty or too long."""
    name = _printable(name)
    if not 0 < len(name) <= LONGEST_COLLECTION:
        raise UploadError(f"A collection's name has 1 to {LONGEST_COLLECTION} characters. Choose another.")
    return name


def _printable(name: str) -> str:
    """One line: any white space is a space, control characters go."""
    return " ".join("".join(c if c.isprintable() or c.isspace() else "" for c in name).split())


@dataclass(frozen=True, eq=False)
class _Source:
    """Where a page's bytes come from; equal when it is the same document, whoever asks."""

    deps: Deps
    subject: str
    document_id: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Source) and other.document_id == self.document_id and other.deps.pool is self.deps.pool

    def __hash__(self) -> int:
        return hash(self.document_id)


@lru_cache(maxsize=PAGE_IMAGES)
def _rendered(source: _Source, number: int, scale: float) -> bytes:
    return pdf.render(original(source.deps, source.subject, source.document_id), number, scale=scale)
