"""BM25 in SQL ranks exactly as the library bm25s does."""

from __future__ import annotations

import random

import bm25s
import numpy as np
import pytest

from db import Pool, as_subject, search
from db import documents as document_rows
from db.documents import Selection
from tests.postgres.corpus import add_document

VOCABULARY = [f"w{i}" for i in range(60)]


def random_texts(rng: random.Random, n: int) -> list[str]:
    """Zipf-like texts, so that some terms are common and some rare."""
    weights = [1 / (i + 1) for i in range(len(VOCABULARY))]
    return [" ".join(rng.choices(VOCABULARY, weights=weights, k=rng.randint(1, 60))) for _ in range(n)]


def reference(texts: list[str], query: list[str]) -> dict[int, float]:
    """Score of every text that shares a term with the query."""
    retriever = bm25s.BM25(k1=search.K1, b=search.B, method="lucene", dtype="float64")
    retriever.index([t.split() for t in texts], show_progress=False)
    known = [t for t in query if t in retriever.vocab_dict]
    scores = retriever.get_scores(known) if known else np.zeros(len(texts))
    return {i: float(s) for i, s in enumerate(scores) if s > 0}


@pytest.mark.parametrize("seed", range(6))
def test_scores_and_order_equal_those_of_bm25s(pool: Pool, seed: int) -> None:
    rng = random.Random(seed)
    texts = random_texts(rng, 240)
    with as_subject(pool, "local") as connection:
        documents = [add_document(connection, f"{d}.pdf", texts[d * 40 : (d + 1) * 40]) for d in range(6)]
        for _ in range(25):
            query = rng.sample(VOCABULARY, rng.randint(1, 9))
            limit = rng.choice([5, 20, 300])
            expected = reference(texts, query)
            found = search.bm25(connection, terms=query, selection=Selection(), limit=limit)
            assert len(found) == min(limit, len(expected))
            for candidate in found:
                at = documents.index(candidate.document_id) * 40 + candidate.ord
                assert candidate.score == pytest.approx(expected[at], abs=1e-4)
            best = sorted(expected.values(), reverse=True)[: len(found)]
            assert [c.score for c in found] == pytest.approx(best, abs=1e-4)


def test_statistics_are_those_of_the_selection(pool: Pool) -> None:
    rng = random.Random(7)
    texts, others = random_texts(rng, 50), random_texts(rng, 200)
    with as_subject(pool, "local") as connection:
        chosen = add_document(connection, "chosen.pdf", texts)
        add_document(connection, "other.pdf", others)
        found = search.bm25(connection, terms=["w3", "w20"], selection=Selection(documents=(chosen,)), limit=100)
    expected = reference(texts, ["w3", "w20"])
    assert {c.ord: c.score for c in found} == pytest.approx(expected, abs=1e-4)


def test_a_deleted_document_leaves_no_trace_in_the_statistics(pool: Pool) -> None:
    rng = random.Random(8)
    texts = random_texts(rng, 50)
    with as_subject(pool, "local") as connection:
        add_document(connection, "kept.pdf", texts)
        gone = add_document(connection, "gone.pdf", random_texts(rng, 80))
        document_rows.delete_document(connection, gone)
        found = search.bm25(connection, terms=["w0", "w40"], selection=Selection(), limit=100)
    assert {c.ord: c.score for c in found} == pytest.approx(reference(texts, ["w0", "w40"]), abs=1e-4)


def test_ties_are_broken_by_document_and_ordinal(pool: Pool) -> None:
    with as_subject(pool, "local") as connection:
        first = add_document(connection, "a.pdf", ["same words here"] * 3)
        second = add_document(connection, "b.pdf", ["same words here"] * 2)
        found = search.bm25(connection, terms=["same"], selection=Selection(), limit=4)
    assert [c.key for c in found] == [(first, 0), (first, 1), (first, 2), (second, 0)]


def test_an_unpublished_document_is_not_found(pool: Pool) -> None:
    with as_subject(pool, "local") as connection:
        add_document(connection, "draft.pdf", ["half done"], publish=False)
        assert search.bm25(connection, terms=["half"], selection=Selection(), limit=10) == []


def test_the_matches_of_a_chunk_add_up_to_its_score(pool: Pool) -> None:
    rng = random.Random(9)
    texts = random_texts(rng, 90)
    with as_subject(pool, "local") as connection:
        documents = [add_document(connection, f"{d}.pdf", texts[d * 30 : (d + 1) * 30]) for d in range(3)]
        for selection in (Selection(), Selection(documents=(documents[1],))):
            query = ["w0", "w7", "w30", "absent"]
            hits = search.bm25(connection, terms=query, selection=selection, limit=100)
            matches = search.matched(connection, keys=[hit.key for hit in hits], terms=query, selection=selection)
            assert set(matches) == {hit.key for hit in hits}
            for hit in hits:
                words = texts[documents.index(hit.document_id) * 30 + hit.ord].split()
                assert {m.term: m.tf for m in matches[hit.key]} == {term: words.count(term) for term in query if term in words}
                assert sum(m.score for m in matches[hit.key]) == pytest.approx(hit.score, abs=1e-9)
                assert [m.score for m in matches[hit.key]] == sorted((m.score for m in matches[hit.key]), reverse=True)


def test_a_chunk_without_any_of_the_terms_has_no_matches(pool: Pool) -> None:
    with as_subject(pool, "local") as connection:
        document = add_document(connection, "a.pdf", ["first words", "other text"])
        found = search.matched(connection, keys=[(document, 0), (document, 1), (document, 9)], terms=["other"], selection=Selection())
        outside = search.matched(connection, keys=[(document, 1)], terms=["other"], selection=Selection(documents=(document + 1,)))
    assert list(found) == [(document, 1)]
    assert outside == {}
