"""Private copies of documents to measure on: indexed by the real code, one collection per context, dropped afterwards.

They belong to a subject of the run's own, so row-level security keeps them apart from every person's documents, in both directions.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from db import as_subject
from db import chunks as chunk_rows
from db import collections as collection_rows
from db import documents as document_rows
from db import evaluations as evaluation_rows
from db import preferences as preference_rows
from db import usage as usage_rows
from db.chunks import Draft
from db.documents import Selection
from rag import ingest, pdf, plain_text, publication, structure, text
from rag.deps import Deps
from rag.errors import UnreadableDocument
from rag.profile import profile
from rag.providers import Embedder, LocalEmbedder, Meter, unmetered
from rag.question_sets import Context, Source

Progress = Callable[[str, int, int], None]  # step, units done, units in all; raises to end the run


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A document of the set as it was read and cut."""

    name: str  # as the questions' gold calls it
    title: str
    drafts: tuple[Draft, ...]  # with heading and structural context
    given: dict[int, str]  # the set's own contexts, by ord


@dataclass(frozen=True, kw_only=True)
class Copy:
    """Where the documents can be searched with one context."""

    context: Context
    subject: str
    selection: Selection
    names: dict[int, str]  # document id -> name in the set


class RememberingEmbedder:
    """An embedder that computes no text's vector twice: contexts are often empty, and texts repeat."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[bytes, NDArray[np.float32]] = {}
        self.name = embedder.name
        self.recipient = embedder.recipient
        self.embed_query = embedder.embed_query

    def embed_documents(self, texts: Sequence[str], meter: Meter = unmetered, /) -> NDArray[np.float32]:
        keys = [hashlib.blake2b(said.encode(), digest_size=16).digest() for said in texts]
        new = {key: said for key, said in zip(keys, texts, strict=True) if key not in self._known}
        if new:
            self._known |= dict(zip(new, self._embedder.embed_documents(list(new.values()), meter), strict=True))
        return np.stack([self._known[key] for key in keys])


class RememberingLocalEmbedder(RememberingEmbedder):
    """The same of the one that runs here."""

    def __init__(self, embedder: LocalEmbedder) -> None:
        super().__init__(embedder)
        self.dimensions = embedder.dimensions
        self.max_tokens = embedder.max_tokens
        self.count_tokens = embedder.count_tokens
        self.rarity = embedder.rarity


def cut(deps: Deps, owner: str, sources: Sequence[Source], *, progress: Progress) -> tuple[list[Cut], list[str]]:
    """The documents as an upload would read and cut them, and the names of those that cannot be read; the owner's own as they are cut."""
    found: list[Cut] = []
    unreadable: list[str] = []
    for place, source in enumerate(sources):
        progress("reading", place, len(sources))
        try:
            found.append(_own(deps, owner, source) if source.document_id else _cut(deps, source))
        except UnreadableDocument:
            unreadable.append(source.name)
    return found, unreadable


def _own(deps: Deps, owner: str, source: Source) -> Cut:
    """A document of the owner's, with the contexts it would have without a model."""
    with as_subject(deps.pool, owner) as connection:
        stored = chunk_rows.chunks(connection, source.document_id or 0)
    drafts = [
        Draft(
            ord=chunk.ord,
            heading=chunk.heading,
            text=chunk.text,
            context=chunk.structural,
            first_page=chunk.first_page,
            last_page=chunk.last_page,
            sentences=chunk.sentences,
        )
        for chunk in stored
    ]
    return Cut(name=source.name, title=source.title, drafts=tuple(drafts), given={})


def _cut(deps: Deps, source: Source) -> Cut:
    if source.path is not None:
        reading = pdf.read(source.path.read_bytes(), limits=deps.settings.limits, recogniser=deps.recogniser)
        drafts = ingest.cut(deps, reading, filename=source.name)
        return Cut(name=source.name, title=reading.title, drafts=tuple(drafts), given={})
    if not source.chunks:
        # a text has no file; its title, where it has one, says more than its name in the set
        drafts = ingest.cut(deps, plain_text.read(source.text, title=source.title), filename="" if source.title else source.name)
        return Cut(name=source.name, title=source.title, drafts=tuple(drafts), given={})
    whole = source.text or "\n\n".join(chunk.text for chunk in source.chunks)
    said = profile(plain_text.read(whole, title=source.title), "" if source.title else source.name)
    return Cut(
        name=source.name,
        title=source.title,
        drafts=tuple(
            Draft(
                ord=chunk.ord,
                heading="",
                text=chunk.text,
                context=structure.context(said, (), heading="", text=chunk.text, count_tokens=deps.embedder.count_tokens),
                first_page=1,
                last_page=1,
                sentences=(),
            )
            for chunk in source.chunks
        ),
        given={chunk.ord: chunk.context for chunk in source.chunks},
    )


def original(owner: str, cuts: Sequence[Cut], context: Context) -> Copy:
    """The owner's own documents where they are: only looked at."""
    names = {int(one.name): one.name for one in cuts}
    return Copy(context=context, subject=owner, selection=Selection(documents=tuple(names)), names=names)


def copy(deps: Deps, subject: str, cuts: Sequence[Cut], context: Context, *, progress: Progress) -> Copy:
    """Index the documents with one context, in a collection of their own, by the code that publishes an upload."""
    total = sum(len(cut.drafts) for cut in cuts)
    step = f"indexing: {context.value}"
    progress(step, 0, total)
    with as_subject(deps.pool, subject) as connection:
        collection_id = collection_rows.add_collection(connection, context.value)
    names: dict[int, str] = {}
    done = 0
    for one in cuts:
        if not one.drafts:
            continue
        document_id = _store(deps, subject, collection_id, one, [_with(draft, context, one.given) for draft in one.drafts])
        document = publication.load(deps, subject, document_id)
        with as_subject(deps.pool, subject) as connection:
            stored = chunk_rows.chunks(connection, document_id)
        publication.draft_vectors(deps, subject, document, stored, pulse=_counting(progress, step, done, total))
        publication.publish(deps, subject, document, stored)
        done += len(one.drafts)
        names[document_id] = one.name
    progress(step, total, total)
    return Copy(context=context, subject=subject, selection=Selection(collections=(collection_id,)), names=names)


def _counting(progress: Progress, step: str, done: int, total: int) -> publication.Pulse:
    """A pulse that reports a batch more each time."""
    batches = itertools.count(1)
    return lambda: progress(step, min(done + next(batches) * publication.BATCH, total), total)


def _with(draft: Draft, context: Context, given: dict[int, str]) -> Draft:
    """A chunk with that context in front. A section path is part of the structural context, so none goes without."""
    match context:
        case Context.NONE:
            return replace(draft, context="", heading="")
        case Context.GIVEN:
            return replace(draft, context=given.get(draft.ord, ""), heading="")
    return draft


def _store(deps: Deps, subject: str, collection_id: int, one: Cut, drafts: Sequence[Draft]) -> int:
    words = [publication.words(chunk_rows.indexed_text(context=d.context, heading=d.heading, text=d.text)) for d in drafts]
    with as_subject(deps.pool, subject) as connection:
        document_id = document_rows.add_document(
            connection, collection_id=collection_id, filename=one.name, sha256=hashlib.sha256(one.name.encode()).digest(), content=b""
        )
        assert document_id is not None  # noqa: S101 - names are unique in a set, and the collection is new
        document_rows.describe(
            connection,
            document_id,
            title=one.title,
            language=text.language(" ".join(draft.text for draft in drafts[:20])),
            page_count=max(draft.last_page for draft in drafts),
            note="",
        )
        chunk_rows.put_chunks(connection, document_id=document_id, chunks=drafts, words=words)
        document_rows.enter_stage(connection, document_id, "embedding", len(drafts))
    return document_id


def admit(deps: Deps, subject: str, *, owner: str) -> None:
    """Let the models that their owner chose serve the copies, which are sent where he agreed that his documents are sent."""
    with as_subject(deps.pool, owner) as connection:
        consents, choices = usage_rows.consents(connection), preference_rows.chosen(connection)
    with as_subject(deps.pool, subject) as connection:
        preference_rows.choose(connection, choices)
        for given in consents:
            usage_rows.grant(connection, recipient=given.recipient, model=given.model, purpose=given.purpose)


def drop(deps: Deps, subject: str, *, owner: str) -> None:
    """Remove everything that belongs to the run's subject; what was billed on the way stays on its owner's account."""
    with as_subject(deps.pool, subject) as connection:
        evaluation_rows.clear(connection, owner=owner)
