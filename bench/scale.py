"""Seconds of each stage of a search among many chunks, beside the library bm25s in memory and HNSW alone. Prints tables.

    python -m bench.scale --home FOLDER [--documents 400] [--chunks 250] [--queries 200] [--json FILE]

FOLDER gets an embedded Postgres of its own, filled once and used again (as root it must be one that other users may enter). Texts are made:
Zipfian words, each document with a vocabulary of its own, each chunk with a subject. A query is 5 to 15 words: some of one chunk's, the rest
as common as they come. Vectors are noisy mixtures of a few thousand directions; a query's is near its chunk's. Queries are measured in turn
by every method, so that the ratios, not the seconds, can be compared between machines.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector

from db import Connection, Pool, as_subject, embedded, migrate, open_pool
from db import chunks as chunk_rows
from db import collections as collection_rows
from db import documents as document_rows
from db import search as rows
from db import vectors as vector_rows
from db.chunks import Draft, Posting, Sentence
from db.documents import Selection
from rag import text
from rag.deps import build
from rag.providers import Meter, unmetered
from rag.providers.fake import FakeEmbedder
from rag.search import Stage, search
from rag.settings import Settings

Array = NDArray[np.float32]

SUBJECT = "local"
VOCABULARY = 60_000
WORDS = (60, 240)  # of a chunk
DIMENSIONS = 384
DIRECTIONS = 4000  # that vectors are mixed from
WANTED = 150  # candidates of a list
COMMONEST = (
    *["the", "of", "and", "in", "to", "a", "is", "for", "that", "on", "as", "by", "with", "are", "was"],
    *["at", "from", "this", "be", "which", "or", "an", "it", "what", "how", "does", "did", "were", "has", "have", "not"],
)


@dataclass(frozen=True, kw_only=True)
class Query:
    words: str
    vector: Array


class Vectors(FakeEmbedder):
    """Stands in for a model, so that a query's vector is the one that was made for it."""

    def __init__(self, queries: list[Query]) -> None:
        super().__init__(dimensions=DIMENSIONS)
        object.__setattr__(self, "known", {query.words: query.vector for query in queries})

    def embed_query(self, text: str, _meter: Meter = unmetered, /) -> Array:
        vector: Array = self.__dict__["known"][text]
        return vector


class Corpus:
    """Texts and vectors, the same for the same numbers."""

    def __init__(self, documents: int, chunks: int) -> None:
        self.documents, self.chunks = documents, chunks
        generator = np.random.default_rng(1)
        letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
        made = {"".join(generator.choice(letters, generator.integers(4, 11))) for _ in range(VOCABULARY)}
        self.words = np.array([*COMMONEST, *sorted(made)])
        ranks = np.arange(len(self.words))
        generator.shuffle(ranks[len(COMMONEST) :])
        share = 1 / (ranks + 2.7)
        self.share = np.cumsum(share / share.sum())
        directions = generator.standard_normal((DIRECTIONS, DIMENSIONS)).astype(np.float32)
        self.directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)

    def document(self, number: int) -> tuple[list[str], Array]:
        """Its chunks' texts, and their vectors: shape (chunks, dimensions), unit length."""
        generator = np.random.default_rng((2, number))
        own = generator.integers(len(COMMONEST), len(self.words), 300)  # what this document is about
        subjects = generator.integers(0, DIRECTIONS, 5)
        texts = []
        for at in range(self.chunks):
            size = generator.integers(*WORDS)
            chosen = np.searchsorted(self.share, generator.random(size))
            about = generator.choice(own, 12)  # and this chunk
            special = generator.random(size) < 0.25
            chosen[special] = generator.choice(about, special.sum())
            texts.append(" ".join(self.words[np.minimum(chosen, len(self.words) - 1)]) + f" REF-{number}-{at}")
        mixed = (
            self.directions[generator.choice(subjects, self.chunks)] + 0.7 * self.directions[generator.integers(0, DIRECTIONS, self.chunks)]
        )
        return texts, unit(mixed + 0.03 * generator.standard_normal(mixed.shape).astype(np.float32))

    def query(self, number: int) -> Query:
        generator = np.random.default_rng((3, number))
        texts, vectors = self.document(int(generator.integers(self.documents)))
        chunk = int(generator.integers(self.chunks))
        size = int(generator.integers(5, 16))
        rare = generator.choice(texts[chunk].split(), max(2, size // 2))
        asked = [*rare, *generator.choice(COMMONEST, size - len(rare), replace=False)]
        generator.shuffle(asked)
        vector = unit(vectors[chunk : chunk + 1] + 0.03 * generator.standard_normal((1, DIMENSIONS)).astype(np.float32))[0]
        return Query(words=" ".join(asked), vector=vector)


def unit(vectors: Array) -> Array:
    scaled: Array = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def fill(pool: Pool, corpus: Corpus) -> float:
    """Publish what is missing, a document in a transaction as the worker does; returns the seconds of all publications."""
    name = FakeEmbedder(dimensions=DIMENSIONS).name
    with as_subject(pool, SUBJECT) as connection:
        collection = collection_rows.add_collection(connection, "Library")
        model = vector_rows.model_id(connection, name, DIMENSIONS)
        done = len(document_rows.documents(connection))
    seconds = 0.0
    for number in range(done, corpus.documents):
        texts, vectors = corpus.document(number)
        with as_subject(pool, SUBJECT) as connection:
            document = document_rows.add_document(
                connection,
                collection_id=collection,
                filename=f"{number}.pdf",
                sha256=hashlib.sha256(str(number).encode()).digest(),
                content=b"%PDF",
            )
            assert document is not None
            drafts = [
                Draft(
                    ord=i, heading="", text=t, context="", first_page=1, last_page=1, sentences=(Sentence(start=0, end=len(t), boxes=()),)
                )
                for i, t in enumerate(texts)
            ]
            literals = [text.tsvector_literal(text.words(t)) for t in texts]
            chunk_rows.put_chunks(connection, document_id=document, chunks=drafts, words=literals)
            vector_rows.put_drafts(
                connection,
                document_id=document,
                model=model,
                rows=[(i, b"", vector) for i, vector in enumerate(vectors)],
            )
        lengths, postings = indexed(texts)
        began = time.perf_counter()
        with as_subject(pool, SUBJECT) as connection:
            chunk_rows.publish(connection, document_id=document, models=[name], lengths=lengths, postings=postings)
            document_rows.leave_stages(connection, document, seconds=0)
        seconds += time.perf_counter() - began
        if number % 20 == 19:
            print(f"{number + 1} documents, {seconds:.0f} s of publishing", flush=True)
    return seconds


def indexed(texts: list[str]) -> tuple[list[int], list[Posting]]:
    counts = [Counter(text.terms(t)) for t in texts]
    return [c.total() for c in counts], [
        Posting(term=term, ord=i, tf=tf, length=c.total()) for i, c in enumerate(counts) for term, tf in c.items()
    ]


def in_memory(corpus: Corpus) -> Callable[[str], list[float]]:
    """bm25s over the same terms: the scores of the best, best first."""
    bags = [text.terms(t) for number in range(corpus.documents) for t in corpus.document(number)[0]]
    index = bm25s.BM25(k1=rows.K1, b=rows.B, method="lucene")
    index.index(bags, show_progress=False)

    def ask(question: str) -> list[float]:
        terms = [t for t in text.parse_query(question).terms if t in index.vocab_dict]
        scores = index.get_scores(terms)
        best = np.argpartition(-scores, WANTED)[:WANTED]
        return sorted((float(s) for s in scores[best]), reverse=True)

    return ask


def hnsw(connection: Connection, model: int, vector: Array) -> list[tuple[int, int]]:
    """The bare statement."""
    statement = f"select document_id, ord from vectors where model_id = {model} order by vec::halfvec({DIMENSIONS}) <=> %s limit {WANTED}"  # noqa: S608 - numbers of ours
    return [(d, o) for d, o in connection.execute(statement.encode(), [HalfVector(vector)])]


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    result = call()
    return result, time.perf_counter() - began


def measure(pool: Pool, url: str, corpus: Corpus, queries: list[Query], home: Path) -> Iterator[dict[str, float]]:
    settings = Settings(home=home, embedder="fake:embedder", reranker="none", situator="none", answerer="fake:answerer", candidates=WANTED)
    built = build(settings, pool=pool, url=url)
    object.__setattr__(built, "embedder", Vectors(queries))
    print("indexing with bm25s", flush=True)
    ask = in_memory(corpus)
    with as_subject(pool, SUBJECT) as connection:
        model = vector_rows.model_id(connection, built.embedder.name, DIMENSIONS)
    for query in queries:
        found, seconds = timed(partial(search, built, SUBJECT, query.words, selection=Selection(), stage=Stage.FUSED))
        expected, in_bm25s = timed(partial(ask, query.words))
        got = [score for _, score in found.trace.stages[Stage.BM25]]
        assert np.allclose(got, [s for s in expected if s > 0][: len(got)], atol=1e-4), query.words
        with as_subject(pool, SUBJECT) as connection:
            connection.execute("set local hnsw.ef_search = 200")
            _, alone = timed(partial(hnsw, connection, model, query.vector))
            exact = rows.dense(connection, model=model, vector=query.vector, selection=Selection(), limit=20, exact=True)
        listed = {key for key, _ in found.trace.stages[Stage.DENSE][:20]}
        yield {
            **found.trace.seconds,
            "search": seconds,
            "bm25s": in_bm25s,
            "hnsw": alone,
            "recall@20": len(listed & {c.key for c in exact}) / len(exact),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--chunks", type=int, default=250, help="of each document")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    corpus = Corpus(arguments.documents, arguments.chunks)
    server = embedded.start(arguments.home)
    try:
        migrate.migrate(server.url)
        with open_pool(server.url) as pool:
            published = fill(pool, corpus)
            queries = [corpus.query(number) for number in range(arguments.queries + 10)]
            measured = list(measure(pool, server.url, corpus, queries, arguments.home))[10:]  # the first warm caches
    finally:
        server.leave()
    table = {name: np.array([m[name] for m in measured]) for name in measured[0]}
    recall = table.pop("recall@20")
    base, dense = table["bm25s"], table["hnsw"]
    chunks = arguments.documents * arguments.chunks
    print(
        f"\n{chunks:,} chunks, {len(measured)} queries; published in {published:.0f} s\n{'':10}   median ms   p95 ms   median/bm25s   median/hnsw"
    )
    for name, seconds in table.items():
        median, p95 = np.median(seconds), np.quantile(seconds, 0.95)
        print(f"{name:10} {1000 * median:11.1f} {1000 * p95:8.1f} {median / np.median(base):14.2f} {median / np.median(dense):13.2f}")
    print(f"recall@20 of the dense list against the exact scan: {recall.mean():.4f} (lowest {recall.min():.2f})")
    if arguments.json:
        arguments.json.write_text(json.dumps({name: values.tolist() for name, values in table.items()}), "utf-8")


if __name__ == "__main__":
    main()
