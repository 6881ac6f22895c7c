"""A person's documents: taking uploads, watching them, opening their pages, renaming them, letting them go.

What the pages and the command line call, with rag.shelves for the collections. Each function is one transaction for one subject.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from db import as_subject
from db import chunks as chunk_rows
from db import collections as collection_rows
from db import contexts as context_rows
from db import documents as document_rows
from db import jobs as job_rows
from db import versions as version_rows
from db.chunks import Chunk
from db.collections import Collection
from db.documents import Document, Page, Selection, Status
from db.search import Key
from db.versions import NameTaken
from rag import consent, estimates, jobs, pdf, tracing
from rag.consent import Purpose
from rag.deps import Deps
from rag.errors import DocumentGone, UploadError
from rag.names import check_collection, check_filename, clean_name
from rag.originals import original, original_parts, original_size
from rag.page_images import WIDTH, page, page_image
from rag.shelves import Moved, collections, create_collection, delete_collection, empty_collection, move, rename_collection

DEFAULT_COLLECTION = "Library"

# what the pages find here, though it is made elsewhere
__all__ = [
    "WIDTH",
    "Chunk",
    "Collection",
    "Document",
    "Moved",
    "Page",
    "Selection",
    "Status",
    "clean_name",
    "collections",
    "create_collection",
    "delete_collection",
    "empty_collection",
    "move",
    "original",
    "original_parts",
    "original_size",
    "page",
    "page_image",
    "rename_collection",
]


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What became of an uploaded file."""

    document_id: int
    duplicate: bool  # the same bytes were in the collection already, as this document, and nothing was stored
    filename: str  # of the document; a duplicate may be known by another name than it came with
    status: Status  # a duplicate that failed may be tried again
    version: int
    replaces: str | None  # the name of the document that this is a new version of; its last one answers until this one is ready


def upload(deps: Deps, subject: str, *, filename: str, content: bytes, collection: str = DEFAULT_COLLECTION) -> Upload:
    """Store a PDF and queue the work on it, in one transaction. Other bytes under a name that is there are a new version of that document.

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
    with tracing.span("upload", bytes=len(content)), as_subject(deps.pool, subject) as connection:
        place = collection_rows.add_collection(connection, collection)
        known = document_rows.find_duplicate(connection, place, digest)
        added = None if known else document_rows.add_document(
            connection, collection_id=place, filename=filename, sha256=digest, content=content
        )  # fmt: skip
        if added is not None:
            jobs.defer_index(connection, subject=subject, document_id=added, size=len(content))
        held = added or known or document_rows.find_duplicate(connection, place, digest)  # stored meanwhile by someone else
        found = document_rows.documents(connection, ids=[held] if held else [])
    if not found:
        raise UploadError(f"{filename} is being deleted or renamed just now. Upload it again in a moment.")
    return Upload(
        document_id=found[0].id,
        duplicate=added is None,
        filename=found[0].filename,
        status=found[0].status,
        version=found[0].version,
        replaces=filename if added is not None and found[0].version > 1 else None,
    )


def documents(deps: Deps, subject: str, *, collection: str | None = None) -> list[Document]:
    """The subject's documents with their state and progress: what is under way, what waits, then the newest first."""
    with as_subject(deps.pool, subject) as connection:
        return document_rows.documents(connection, collection=collection)


def document(deps: Deps, subject: str, document_id: int) -> Document:
    """One document. Raises DocumentGone."""
    with as_subject(deps.pool, subject) as connection:
        found = document_rows.documents(connection, ids=[document_id])
    if not found:
        raise DocumentGone
    return found[0]


def versions(deps: Deps, subject: str, document_id: int) -> list[Document]:
    """All versions of a document, the newest first. The one that is ready answers; what is newer is on its way, or failed."""
    with as_subject(deps.pool, subject) as connection:
        return version_rows.versions(connection, document_id)


def pages(deps: Deps, subject: str, document_id: int) -> list[Page]:
    """The page-quality report of a document."""
    with as_subject(deps.pool, subject) as connection:
        return document_rows.pages(connection, document_id)


def recognised(deps: Deps, subject: str, document_ids: Sequence[int]) -> dict[tuple[int, int], float | None]:
    """The (document, page) pairs whose text was read from a picture, and how sure that reading is, 0 to 1."""
    with as_subject(deps.pool, subject) as connection:
        return document_rows.recognised(connection, document_ids)


def chunks(deps: Deps, subject: str, document_id: int) -> list[Chunk]:
    """A document's chunks in order, with their sentences and boxes."""
    with as_subject(deps.pool, subject) as connection:
        return chunk_rows.chunks(connection, document_id)


def passages(deps: Deps, subject: str, keys: Sequence[Key]) -> dict[Key, Chunk]:
    """Chunks by document and ordinal, without those whose document is gone."""
    with as_subject(deps.pool, subject) as connection:
        return chunk_rows.fetch(connection, keys)


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
    found = consent.serving(deps, subject, Purpose.SITUATE)
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


def unlock(deps: Deps, subject: str, document_id: int, password: str) -> None:
    """Let a copy that needs no password take the place of a stored PDF, and queue it; the password itself is kept nowhere.

    Raises WrongPassword, UnreadableDocument, DocumentGone. The same protected file is still known again when it is uploaded.
    """
    unlocked = pdf.unlock(original(deps, subject, document_id), password, limits=deps.settings.limits)
    with as_subject(deps.pool, subject) as connection:
        if document_rows.unprotect(connection, document_id, unlocked):  # nobody was faster
            jobs.defer_index(connection, subject=subject, document_id=document_id)


def rename(deps: Deps, subject: str, document_id: int, name: str) -> str:
    """Call a document otherwise, in all its versions; the name as it is stored. Raises UploadError when it is taken or empty, DocumentGone.

    It is not read again: citations keep the name they were given under, and contexts the words of the name it was read under.
    """
    name = check_filename(name)
    with as_subject(deps.pool, subject) as connection:
        lineage = version_rows.lock(connection, document_id)
        if lineage is None:
            raise DocumentGone
        try:
            version_rows.rename_document(connection, lineage, name)
        except NameTaken as error:
            raise UploadError(
                f"Another document in this collection is named {name}. Choose another name, or rename that one first."
            ) from error
    return name


def delete(deps: Deps, subject: str, document_id: int) -> bool:
    """Remove a document with all its versions and all that came from them, also while it is worked on. False when it was gone already.

    Quotes in conversations stay.
    """
    with as_subject(deps.pool, subject) as connection:
        return version_rows.delete_document(connection, document_id)


def discard(deps: Deps, subject: str, document_id: int) -> bool:
    """Remove a new version that was never ready, such as one that failed, and keep the versions before it. False where there is none such."""
    with as_subject(deps.pool, subject) as connection:
        return version_rows.discard(connection, document_id)
