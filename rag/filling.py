"""Filling in a ready document's vectors for an embedder that lacks them; the document keeps answering meanwhile with those it has."""

from __future__ import annotations

from db import as_subject
from db import chunks as chunk_rows
from db import documents as document_rows
from db import vectors as vector_rows
from rag import embedding, publication
from rag.deps import Deps
from rag.errors import ProviderError
from rag.publication import Pulse


def fill(deps: Deps, subject: str, document_id: int, *, pulse: Pulse = lambda: None) -> None:
    """Draft the missing vectors of the wanted embedder, and of the local one, then publish each model's whole, beside the others.

    Continues where an earlier attempt stopped. Raises DocumentGone, DatabaseAway, ProviderError, and whatever `pulse` raises.
    """
    document = publication.load(deps, subject, document_id)
    if not document.n_chunks:
        return  # not published yet: it will be with all it needs
    for embedder in {e.name: e for e in (deps.embedder, embedding.wanted(deps, subject))}.values():
        with as_subject(deps.pool, subject) as connection:
            if vector_rows.covered(connection, document_id=document_id, model=embedder.name):
                continue
            stored = chunk_rows.chunks(connection, document_id)
            publication.still_there(document_rows.enter_stage(connection, document_id, "filling", len(stored)))
        try:
            publication.draft(deps, subject, document, stored, embedder, pulse=pulse)
        except ProviderError as error:
            with as_subject(deps.pool, subject) as connection:
                vector_rows.note_error(connection, embedder.name, str(error))
                document_rows.leave_stages(connection, document_id, seconds=0)
            raise
        with as_subject(deps.pool, subject) as connection:
            if publication.is_whole(connection, document, stored, embedder):
                publication.still_there(vector_rows.add(connection, document_id=document_id, model=embedder.name, chunks=len(stored)))
            vector_rows.note_error(connection, embedder.name, "")
            document_rows.leave_stages(connection, document_id, seconds=0)
