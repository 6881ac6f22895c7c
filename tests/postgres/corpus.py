"""Small indexed corpora for tests: texts become published documents without any PDF."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from db import Connection
from db import chunks as chunk_rows
from db import collections as collection_rows
from db import documents as document_rows
from db import vectors as vector_rows
from db.chunks import Draft, Posting, Sentence
from rag import publication, text
from rag.providers.fake import FakeEmbedder

EMBEDDER = FakeEmbedder()


def add_document(connection: Connection, name: str, texts: Sequence[str], *, collection: str = "Library", publish: bool = True) -> int:
    """A document of one chunk per text, each one sentence on page 1; published unless told otherwise."""
    collection_id = collection_rows.add_collection(connection, collection)
    digest = hashlib.sha256(f"{collection}/{name}".encode()).digest()
    document_id = document_rows.add_document(
        connection, collection_id=collection_id, filename=name, sha256=digest, content=b"%PDF-1.7 test"
    )
    assert document_id is not None
    drafts = [
        Draft(
            ord=i,
            heading="",
            text=t,
            context="",
            first_page=1,
            last_page=1,
            sentences=(Sentence(start=0, end=len(t), boxes=((1, 72.0, 700.0, 300.0, 712.0),)),),
        )
        for i, t in enumerate(texts)
    ]
    words = [text.tsvector_literal(text.words(t)) for t in texts]
    chunk_rows.put_chunks(connection, document_id=document_id, chunks=drafts, words=words)
    if publish:
        model = vector_rows.model_id(connection, EMBEDDER.name, EMBEDDER.dimensions)
        vectors = EMBEDDER.embed_documents(list(texts)).astype(np.float32)
        vector_rows.put_drafts(
            connection,
            document_id=document_id,
            model=model,
            rows=[(i, b"key", vector) for i, vector in enumerate(vectors)],
        )
        lengths, postings = publication.postings(chunk_rows.chunks(connection, document_id))
        chunk_rows.publish(connection, document_id=document_id, models=[EMBEDDER.name], lengths=lengths, postings=postings)
        document_rows.leave_stages(connection, document_id, seconds=0)
    return document_id


def add_bags(connection: Connection, name: str, chunks: Sequence[Sequence[str]], *, collection: str = "Library") -> int:
    """A published document of chunks with these terms, for BM25 alone: it has no text and no vectors."""
    document_id = add_document(connection, name, [], collection=collection)
    publish_bags(connection, document_id, chunks)
    return document_id


def publish_bags(connection: Connection, document_id: int, chunks: Sequence[Sequence[str]]) -> None:
    """Let chunks with these terms take the place of those that the document had."""
    counts = [Counter(bag) for bag in chunks]
    chunk_rows.publish(
        connection,
        document_id=document_id,
        models=[],
        lengths=[c.total() for c in counts],
        postings=[Posting(term=term, ord=i, tf=tf, length=c.total()) for i, c in enumerate(counts) for term, tf in c.items()],
    )
