"""Contextual retrieval: a model situates a published document's chunks, and one later transaction puts its contexts in place."""

from __future__ import annotations

import time
from dataclasses import replace

from db import as_subject
from db import chunks as chunk_rows
from db import documents as document_rows
from db.documents import Document
from rag import consent, publication, usage
from rag.consent import Purpose
from rag.deps import Deps
from rag.errors import TransientProviderError
from rag.providers import Context, Situator
from rag.publication import Pulse


def situate(deps: Deps, subject: str, document_id: int, *, pulse: Pulse = lambda: None) -> None:
    """Let a model situate a ready document's chunks, then put its contexts, their vectors and postings in place, in one transaction.

    Does nothing where no model may. Contexts already stored are not paid for again. Raises DocumentGone, DatabaseAway, ProviderError.
    """
    situator = consent.first_allowed(deps.situators, consent.granted(deps, subject), Purpose.SITUATE)
    if situator is None:
        return
    began = time.monotonic()
    document = publication.load(deps, subject, document_id)
    with as_subject(deps.pool, subject) as connection:
        stored = chunk_rows.chunks(connection, document_id)
        written = chunk_rows.contexts(connection, document_id=document_id, situator=situator.name)
        publication.still_there(document_rows.enter_stage(connection, document_id, "situating", len(stored), done=len(written)))
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
    publication.draft_vectors(deps, subject, document, situated, pulse=pulse)
    publication.publish(deps, subject, document, situated, seconds=time.monotonic() - began)
    if errors:
        raise TransientProviderError(f"{len(written)} of {len(stored)} passages situated; {len(errors)} waiting: {errors[-1]}")


def _keep_context(deps: Deps, subject: str, document: Document, situator: Situator, context: Context, *, done: int) -> None:
    with as_subject(deps.pool, subject) as connection:
        publication.still_there(document_rows.report_progress(connection, document.id, done))
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
            usage.keep(deps, connection, context.usage, purpose="situate", document_id=document.id)
