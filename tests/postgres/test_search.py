"""One question through every stage, on a real database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db import as_subject
from db import collections as collection_rows
from db import documents as document_rows
from db import search as search_rows
from db import versions as version_rows
from db.documents import Selection
from rag.deps import Deps
from rag.errors import NothingToSearch, TransientProviderError
from rag.providers import Meter, unmetered
from rag.providers.fake import FakeReranker
from rag.search import search
from rag.trace import Stage
from tests.postgres.corpus import add_document

TEXTS = [
    "Net income rose to 12 million in 2023.",
    "Net incomes of the segments were mixed; income, net of tax, fell.",
    "The board met in Paris.",
    "净利润增长了百分之五。",
    "Order code XYZ-123 was shipped.",
]


@pytest.fixture
def library(deps: Deps) -> Deps:
    with as_subject(deps.pool, "local") as connection:
        add_document(connection, "report.pdf", TEXTS)
        add_document(connection, "other.pdf", ["Nothing about money here.", "Paris is a city."], collection="Travel")
    return deps


def found(deps: Deps, question: str, **options: object) -> list[str]:
    options.setdefault("selection", Selection())
    return [hit.chunk.text for hit in search(deps, "local", question, **options).hits]


def test_every_hit_tells_its_rank_and_score_at_each_stage_that_found_it(library: Deps) -> None:
    result = search(library, "local", "net income 2023", selection=Selection())
    best = result.hits[0]
    assert best.chunk.text == TEXTS[0]
    assert {Stage.DENSE, Stage.BM25, Stage.FUSED} <= set(best.stages)
    assert best.stages[Stage.BM25].rank == 1
    assert [hit.rank for hit in result.hits] == list(range(1, len(result.hits) + 1))
    described = best.as_json()
    assert described["document"] == "report.pdf"
    assert described["scores"]["rerank"] is None


def test_a_quoted_phrase_matches_exactly(library: Deps) -> None:
    assert found(library, '"net income"') == [TEXTS[0]]
    assert found(library, '"净利润"') == [TEXTS[3]]
    assert found(library, '"xyz-123" shipped') == [TEXTS[4]]
    assert found(library, '"12"') == [TEXTS[0]]


def test_a_phrase_that_stands_nowhere_finds_nothing(library: Deps) -> None:
    assert found(library, '"income net of"') != []
    assert found(library, '"income rose net"') == []


def test_an_excluded_phrase_is_in_no_hit_and_its_words_may_be(library: Deps) -> None:
    hits = found(library, 'income -"income net of tax"')
    assert TEXTS[1] not in hits
    assert TEXTS[0] in hits


def test_an_excluded_word_is_in_no_hit(library: Deps) -> None:
    hits = found(library, "net income -mixed")
    assert TEXTS[1] not in hits
    assert TEXTS[0] in hits


def test_each_stage_may_be_asked_alone(library: Deps) -> None:
    bm25 = search(library, "local", "Paris", selection=Selection(), stage=Stage.BM25)
    assert {hit.document for hit in bm25.hits} == {"report.pdf", "other.pdf"}
    assert all(set(hit.stages) <= {Stage.BM25, Stage.FUSED} for hit in bm25.hits)
    dense = search(library, "local", "Paris", selection=Selection(), stage=Stage.DENSE)
    assert all(Stage.BM25 not in hit.stages for hit in dense.hits)


def test_a_selection_of_documents_or_collections_is_kept(library: Deps) -> None:
    with as_subject(library.pool, "local") as connection:
        travel = next(c.id for c in collection_rows.collections(connection) if c.name == "Travel")
        report = next(d.id for d in document_rows.documents(connection) if d.filename == "report.pdf")
    assert set(found(library, "Paris", selection=Selection(collections=(travel,)))) == {"Nothing about money here.", "Paris is a city."}
    assert "Paris is a city." not in found(library, "Paris", selection=Selection(documents=(report,)))


def test_a_search_sees_one_state_of_the_library(library: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    before = search(library, "local", "net income", selection=Selection())
    dense = search_rows.dense

    def interrupted(*given: Any, **options: Any) -> Any:
        """A document vanishes and another appears between the stages."""
        found = dense(*given, **options)
        with as_subject(library.pool, "local") as writer:
            report = next(d.id for d in document_rows.documents(writer) if d.filename == "report.pdf")
            version_rows.delete_document(writer, report)
            add_document(writer, "new.pdf", ["Net income of another company."] * 50)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(search_rows, "dense", interrupted)
        meanwhile = search(library, "local", "net income", selection=Selection())
    assert meanwhile.hits == before.hits
    assert meanwhile.trace.stages == before.trace.stages
    assert {hit.document for hit in search(library, "local", "net income", selection=Selection(), stage=Stage.BM25).hits} == {"new.pdf"}


def test_an_empty_library_says_so(deps: Deps) -> None:
    with pytest.raises(NothingToSearch, match="Upload a PDF"):
        search(deps, "local", "anything", selection=Selection())


def test_another_subject_finds_nothing(library: Deps) -> None:
    with pytest.raises(NothingToSearch):
        search(library, "someone else", "net income", selection=Selection())


def test_a_reranker_puts_its_order_in_place_and_is_named(library: Deps) -> None:
    reranking = replace(library, rerankers=(FakeReranker(),))
    result = search(reranking, "local", "board Paris", selection=Selection())
    assert result.hits[0].chunk.text == TEXTS[2]
    assert result.trace.reranker == FakeReranker().name
    assert result.hits[0].stages[Stage.RERANKED].rank == 1


class Overloaded(FakeReranker):
    def rerank(self, query: str, texts: Sequence[str], _meter: Meter = unmetered, /) -> list[float]:
        raise TransientProviderError("The reranker is overloaded.")


def test_a_reranker_that_fails_leaves_the_fused_order_and_a_note(library: Deps) -> None:
    fused = found(library, "net income", stage=Stage.FUSED)
    result = search(replace(library, rerankers=(Overloaded(),)), "local", "net income", selection=Selection())
    assert [hit.chunk.text for hit in result.hits] == fused
    assert result.trace.reranker == ""
    assert "overloaded" in result.trace.notes[0]


operators = st.lists(
    st.sampled_from(
        [*"ab净利-_'\\\"“”「」|&!:*<>()% \n\x00\ud800", "net income", '-"', " -", "<->", "::tsquery", "'; --", "%(terms)s", "\\'"]
    ),
    max_size=30,
).map("".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=operators | st.text(max_size=80))
def test_no_question_raises(library: Deps, question: str) -> None:
    result = search(library, "local", question, selection=Selection())
    result.trace.question.encode()


@pytest.mark.parametrize("unit", ["word ", "净利润", '"a" ', "“", "-x ", "((", "x" * 99 + " ", "\ud800", "12.", "w1 W2-3/4 "])
def test_a_question_of_a_hundred_thousand_characters_is_answered(library: Deps, unit: str) -> None:
    search(library, "local", unit * (100_000 // len(unit)), selection=Selection())


@pytest.mark.parametrize(
    "question", ["'; drop table chunks; --", "\\", "%s %(x)s", "a" * 4000, '"' * 9, "\u202e\ufeff 净 \U0001f600", "-", '"-"']
)
def test_a_question_of_any_characters_is_safe(library: Deps, question: str) -> None:
    search(library, "local", question, selection=Selection())
    assert found(library, "board Paris")


def test_hnsw_and_the_exact_scan_agree_on_a_small_library(library: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = found(library, "net income", stage=Stage.DENSE)
    monkeypatch.setattr("db.search.EXACT_SCAN", 0)
    assert found(library, "net income", stage=Stage.DENSE) == exact
