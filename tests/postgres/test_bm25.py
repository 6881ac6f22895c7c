"""BM25 in SQL ranks exactly as the library bm25s does."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import bm25s
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db import Connection, Pool, as_subject, search
from db import collections as collection_rows
from db import versions as version_rows
from db.documents import Selection
from db.search import Candidate, Key
from tests.postgres.corpus import add_bags, add_document, publish_bags

Library = dict[int, Sequence[Sequence[str]]]  # the terms of each chunk, by document
examples = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

VOCABULARY = ["the", "of", "in", "net", "income", "fiscal", "amcor", "xyz-123", "净利润", "~利润"]
# from terms that nearly every chunk holds, many times over, to such as one in a hundred does
words = st.sampled_from([term for at, term in enumerate(VOCABULARY) for _ in range(2 ** (len(VOCABULARY) - at) // 4 + 1)])
bags = st.lists(words, min_size=1, max_size=12) | st.lists(words, min_size=1, max_size=4).map(lambda some: some * 70)
libraries = st.lists(st.lists(bags, min_size=1, max_size=12), min_size=1, max_size=4)
queries = st.lists(st.sampled_from([*VOCABULARY, "absent"]), min_size=1, max_size=7)


def reference(library: Library, query: Sequence[str]) -> dict[Key, float]:
    """What the library bm25s gives to each chunk that shares a term with the query."""
    retriever = bm25s.BM25(k1=search.K1, b=search.B, method="lucene", dtype="float64")
    retriever.index([list(bag) for chunks in library.values() for bag in chunks], show_progress=False)
    known = [term for term in dict.fromkeys(query) if term in retriever.vocab_dict]
    keys = [(document, ord_) for document, chunks in library.items() for ord_ in range(len(chunks))]
    scores = retriever.get_scores(known) if known else np.zeros(len(keys))
    return {key: float(score) for key, score in zip(keys, scores, strict=True) if score > 0}


def assert_best(found: Sequence[Candidate], expected: dict[Key, float], limit: int) -> None:
    """The best of the expected, with their scores, in order: ties by document and ordinal, free where the list ends."""
    assert len(found) == min(limit, len(expected))
    assert {c.key: c.score for c in found} == pytest.approx({c.key: expected[c.key] for c in found}, abs=1e-4)
    assert [c.key for c in found] == sorted((c.key for c in found), key=lambda key: (-scores_of(found)[key], key))
    left_out = [score for key, score in expected.items() if key not in scores_of(found)]
    assert not left_out or found[-1].score > max(left_out) - 1e-6


def scores_of(found: Sequence[Candidate]) -> dict[Key, float]:
    return {c.key: c.score for c in found}


def add_library(connection: Connection, drawn: Sequence[Sequence[Sequence[str]]]) -> Library:
    return {add_bags(connection, f"{number}.pdf", chunks): chunks for number, chunks in enumerate(drawn)}


@examples
@given(drawn=libraries, asked=st.lists(st.tuples(queries, st.integers(1, 40)), min_size=1, max_size=4))
def test_scores_and_order_equal_those_of_bm25s(pool: Pool, drawn: Any, asked: list[tuple[list[str], int]]) -> None:
    with as_subject(pool, "local") as connection, connection.transaction(force_rollback=True):
        library = add_library(connection, drawn)
        for query, limit in asked:
            assert_best(search.bm25(connection, terms=query, selection=Selection(), limit=limit), reference(library, query), limit)


@examples
@given(drawn=libraries, query=queries, limit=st.integers(1, 15))
def test_the_ranking_is_the_same_to_the_last_bit_whichever_terms_lead(pool: Pool, drawn: Any, query: list[str], limit: int) -> None:
    with as_subject(pool, "local") as connection, connection.transaction(force_rollback=True), pytest.MonkeyPatch.context() as patch:
        add_library(connection, drawn)
        rankings = []
        for few, look_up in ((0, 0.0), (0, search.LOOK_UP), (0, 1e9), (10**9, 1.0)):  # from as few leading terms as may be, to all at once
            patch.setattr(search, "FEW", few)
            patch.setattr(search, "LOOK_UP", look_up)
            rankings.append(search.bm25(connection, terms=query, selection=Selection(), limit=limit))
    assert all(ranking == rankings[-1] for ranking in rankings)


@examples
@given(drawn=libraries, query=queries, limit=st.integers(1, 15), data=st.data())
def test_statistics_are_those_of_the_selection(pool: Pool, drawn: Any, query: list[str], limit: int, data: st.DataObject) -> None:
    with as_subject(pool, "local") as connection, connection.transaction(force_rollback=True):
        library = add_library(connection, drawn)
        add_bags(connection, "elsewhere.pdf", [["the", "amcor"]] * 5, collection="Elsewhere")
        home = next(c.id for c in collection_rows.collections(connection) if c.name == "Library")
        chosen = data.draw(st.sets(st.sampled_from(sorted(library)), min_size=1))
        for selection in (Selection(documents=tuple(chosen)), Selection(collections=(home,), documents=tuple(chosen))):
            found = search.bm25(connection, terms=query, selection=selection, limit=limit)
            assert_best(found, reference({document: library[document] for document in chosen}, query), limit)


@examples
@given(drawn=libraries, query=queries, limit=st.integers(1, 15), data=st.data())
def test_a_restriction_to_chunks_leaves_scores_as_they_are(
    pool: Pool, drawn: Any, query: list[str], limit: int, data: st.DataObject
) -> None:
    with as_subject(pool, "local") as connection, connection.transaction(force_rollback=True):
        library = add_library(connection, drawn)
        keys = [(document, ord_) for document, chunks in library.items() for ord_ in range(len(chunks))]
        only = data.draw(st.lists(st.sampled_from(keys), max_size=8))
        found = search.bm25(connection, terms=query, selection=Selection(), limit=limit, only=only)
        expected = {key: score for key, score in reference(library, query).items() if key in only}
    assert_best(found, expected, limit)


@examples
@given(drawn=libraries, query=queries, chosen=st.integers(0, 3))
def test_the_matches_of_a_chunk_add_up_to_its_score(pool: Pool, drawn: Any, query: list[str], chosen: int) -> None:
    with as_subject(pool, "local") as connection, connection.transaction(force_rollback=True):
        library = add_library(connection, drawn)
        for selection in (Selection(), Selection(documents=(sorted(library)[chosen % len(library)],))):
            hits = search.bm25(connection, terms=query, selection=selection, limit=100)
            matches = search.matched(connection, keys=[hit.key for hit in hits], terms=query, selection=selection)
            assert set(matches) == {hit.key for hit in hits}
            for hit in hits:
                bag = library[hit.document_id][hit.ord]
                assert {m.term: m.tf for m in matches[hit.key]} == {term: bag.count(term) for term in query if term in bag}
                assert sum(m.score for m in matches[hit.key]) == hit.score
                assert [m.score for m in matches[hit.key]] == sorted((m.score for m in matches[hit.key]), reverse=True)


def test_a_chunk_without_any_of_the_terms_has_no_matches(pool: Pool) -> None:
    with as_subject(pool, "local") as connection:
        document = add_bags(connection, "a.pdf", [["first", "words"], ["other", "text"]])
        found = search.matched(connection, keys=[(document, 0), (document, 1), (document, 9)], terms=["other"], selection=Selection())
        outside = search.matched(connection, keys=[(document, 1)], terms=["other"], selection=Selection(documents=(document + 1,)))
    assert list(found) == [(document, 1)]
    assert outside == {}


def test_few_terms_lead_where_the_others_cannot_lift_a_chunk_into_the_answer(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    leading: list[tuple[int, bool]] = []
    led = search._led

    def spy(connection: Connection, weights: Any, leads: int, **options: Any) -> list[Candidate]:
        leading.append((leads, options.get("probe", False)))
        return led(connection, weights, leads, **options)

    monkeypatch.setattr(search, "_led", spy)
    monkeypatch.setattr(search, "FEW", 0)
    chunks = [["the", "of", *(["amcor"] if at % 10 == 0 else ["other"])] for at in range(100)]
    with as_subject(pool, "local") as connection:
        library = {add_bags(connection, "a.pdf", chunks): chunks}
        for limit in (5, 50):
            found = search.bm25(connection, terms=["the", "amcor", "of"], selection=Selection(), limit=limit)
            assert_best(found, reference(library, ["the", "amcor", "of"]), limit)
    assert leading == [(1, True), (1, False), (2, True), (3, False)]


def test_long_chunks_and_many_repetitions_are_counted_in_full(pool: Pool) -> None:
    chunks = [["term"] * 200_000, ["term"] * 63 + ["other"] * 5000, ["other"], ["term", "other"]]
    with as_subject(pool, "local") as connection:
        library = {add_bags(connection, "a.pdf", chunks): chunks}
        for query in (["term"], ["term", "other"]):
            assert_best(search.bm25(connection, terms=query, selection=Selection(), limit=9), reference(library, query), 9)


def test_a_deleted_document_leaves_no_trace_in_the_statistics(pool: Pool) -> None:
    rng = random.Random(8)
    kept, dropped = ([rng.choices(VOCABULARY, k=9) for _ in range(30)] for _ in range(2))
    with as_subject(pool, "local") as connection:
        library = {add_bags(connection, "kept.pdf", kept): kept}
        gone = add_bags(connection, "gone.pdf", dropped)
        version_rows.delete_document(connection, gone)
        found = search.bm25(connection, terms=["the", "amcor"], selection=Selection(), limit=100)
    assert_best(found, reference(library, ["the", "amcor"]), 100)


def test_what_is_committed_between_two_statements_is_not_seen(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(11)
    before, after = ([rng.choices(VOCABULARY, k=9) for _ in range(size)] for size in (30, 90))
    with as_subject(pool, "local") as connection:
        document = add_bags(connection, "situated.pdf", before)
        gone = add_bags(connection, "gone.pdf", before)
    weigh = search._weights

    def interrupted(*given: Any) -> Any:
        weights = weigh(*given)
        with as_subject(pool, "local") as writer:
            publish_bags(writer, document, after)
            version_rows.delete_document(writer, gone)
        return weights

    monkeypatch.setattr(search, "_weights", interrupted)
    with as_subject(pool, "local", snapshot=True) as connection:
        found = search.bm25(connection, terms=["the", "amcor"], selection=Selection(), limit=500)
    assert_best(found, reference({document: before, gone: before}, ["the", "amcor"]), 500)
    monkeypatch.undo()
    with as_subject(pool, "local", snapshot=True) as connection:
        found = search.bm25(connection, terms=["the", "amcor"], selection=Selection(), limit=500)
    assert_best(found, reference({document: after}, ["the", "amcor"]), 500)


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
