"""One retrieval laid open, now or from the stored trace of an answer."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from db import as_subject
from db import conversations as conversation_rows
from db.documents import Selection
from rag import conversation, inspection, library
from rag.deps import Deps
from rag.errors import NothingToSearch, QuestionError, TransientProviderError
from rag.inspection import SHOWN
from rag.providers.fake import FakeReranker
from rag.search import search
from rag.trace import Stage
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index

QUESTION = "How many people does Meridian Instruments employ?"


def answered(deps: Deps, question: str = QUESTION, selection: Selection | None = None) -> int:
    """The message of an answer that has been written."""
    asked = conversation.ask(deps, SUBJECT, question, selection=selection)
    until = time.monotonic() + 20
    while not (latest := conversation.follow(deps, SUBJECT, asked.id)[0]) or not latest.finished:
        assert time.monotonic() < until
        time.sleep(0.05)
    return asked.id


def test_every_row_stands_where_the_search_put_it(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    reranking = replace(deps, rerankers=(FakeReranker(),))
    hits = search(reranking, SUBJECT, QUESTION, selection=Selection()).hits

    found = inspection.inspect(reranking, SUBJECT, QUESTION, selection=Selection())

    assert [(row.key, row.place, row.stages) for row in found.rows] == [(hit.key, hit.rank, hit.stages) for hit in hits]
    assert found.stages == list(Stage)
    best = found.rows[0]
    assert best.moved(Stage.FUSED, Stage.RERANKED) == best.stages[Stage.FUSED].rank - best.stages[Stage.RERANKED].rank


def test_the_terms_of_a_row_add_up_to_its_bm25_score(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    rows = inspection.inspect(deps, SUBJECT, QUESTION, selection=Selection()).rows

    found = [row for row in rows if Stage.BM25 in row.stages]
    assert found
    for row in found:
        assert sum(match.score for match in row.matches) == pytest.approx(row.stages[Stage.BM25].score)


def test_what_a_list_had_among_its_first_is_shown_also_when_it_ended_below_them(deps: Deps, index: Index) -> None:
    index(deps, pdfs.long_report(60))
    found = inspection.inspect(deps, SUBJECT, "Observation 7.3 at station 52", selection=Selection())

    below = [row for row in found.rows if row.place > SHOWN]
    assert all(min(standing.rank for standing in row.stages.values()) <= SHOWN for row in below)
    for stage in found.stages:
        assert {key for key, _ in found.trace.stages[stage][:SHOWN]} <= {row.key for row in found.rows}


def test_an_answers_stored_trace_opens_as_its_search_was(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    only = index(deps, pdfs.lines("Leek soup employs few people."), filename="soup.pdf")
    message = answered(deps, selection=Selection(documents=(only.id,)))
    index(deps, pdfs.chinese(), filename="chinese.pdf")

    found = inspection.reopened(deps, SUBJECT, message)

    assert found is not None
    assert found.selection == Selection(documents=(only.id,))
    assert found.trace.question == QUESTION
    assert found.trace.chunks == 1
    assert [row.document for row in found.rows] == ["soup.pdf"]
    assert {match.term for match in found.rows[0].matches} == {"employ", "peopl"}


def test_a_row_whose_document_was_deleted_keeps_its_ranks_and_says_so(deps: Deps, index: Index) -> None:
    gone, kept = index(deps, pdfs.report()), index(deps, pdfs.lines("People are employed in a kitchen."), filename="soup.pdf")
    message = answered(deps)
    before = inspection.reopened(deps, SUBJECT, message)
    library.delete(deps, SUBJECT, gone.id)

    after = inspection.reopened(deps, SUBJECT, message)

    assert before is not None
    assert after is not None
    assert [(row.key, row.stages) for row in after.rows] == [(row.key, row.stages) for row in before.rows]
    assert {row.chunk is None for row in after.rows if row.key[0] == gone.id} == {True}
    assert {(row.document, bool(row.text)) for row in after.rows} == {("report.pdf", True), ("soup.pdf", True)}
    assert [row for row in after.rows if row.key[0] == kept.id and row.chunk is not None and row.matches]


def test_a_trace_from_before_terms_were_kept_still_opens(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    message = answered(deps)
    with as_subject(deps.pool, SUBJECT) as connection:
        stored = conversation_rows.trace(connection, message)
        assert stored is not None
        old = {name: value for name, value in stored.items() if name not in {"terms", "excluded", "embedder", "passages"}}
        conversation_rows.put_trace(connection, message, json.loads(json.dumps(old)))

    found = inspection.reopened(deps, SUBJECT, message)

    assert found is not None
    assert found.rows[0].matches


def test_nobody_opens_anothers_trace(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    message = answered(deps)
    assert inspection.reopened(deps, "someone else", message) is None
    assert inspection.reopened(deps, SUBJECT, message + 1) is None


def test_the_trace_of_a_deleted_conversation_opens_once_that_is_back(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    message = answered(deps)
    (held,) = conversation.conversations(deps, SUBJECT)
    conversation.delete(deps, SUBJECT, held.id)
    assert inspection.reopened(deps, SUBJECT, message) is None
    conversation.undelete(deps, SUBJECT, held.id)
    assert inspection.reopened(deps, SUBJECT, message) is not None


def test_a_reranker_that_fails_leaves_the_fused_order_and_a_note(deps: Deps, index: Index) -> None:
    class Failing(FakeReranker):
        def rerank(self, *_: object) -> list[float]:
            raise TransientProviderError("Cohere is overloaded. Try again later.")

    index(deps, pdfs.report())
    found = inspection.inspect(replace(deps, rerankers=(Failing(),)), SUBJECT, QUESTION, selection=Selection())

    assert found.stages == [Stage.DENSE, Stage.BM25, Stage.FUSED]
    assert [row.place for row in found.rows] == [row.stages[Stage.FUSED].rank for row in found.rows]
    assert "overloaded" in found.trace.notes[0]


def test_a_query_that_nothing_matches_has_no_rows(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    assert inspection.inspect(deps, SUBJECT, '"no such phrase anywhere"', selection=Selection()).rows == ()


def test_there_is_nothing_to_lay_open_without_a_query_or_a_document(deps: Deps) -> None:
    with pytest.raises(QuestionError, match="empty"):
        inspection.inspect(deps, SUBJECT, "?", selection=Selection())
    with pytest.raises(NothingToSearch, match="Upload a PDF"):
        inspection.inspect(deps, SUBJECT, QUESTION, selection=Selection())
