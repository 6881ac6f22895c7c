"""A remote reranker orders all 150 candidates; one that fails or is late leaves the fused order, and answer and trace say so."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from db import as_subject
from db.documents import Selection
from rag import answer, consent, library
from rag.deps import Deps, build
from rag.search import search
from rag.trace import Stage
from tests import standin
from tests.flows.conftest import SUBJECT
from tests.postgres.corpus import add_document
from tests.standin import VoyageServer

QUESTION = "How much did sales rise in Europe?"


@pytest.fixture
def voyage() -> Iterator[VoyageServer]:
    with standin.voyage() as server:
        yield server


@pytest.fixture
def reranking(deps: Deps, voyage: VoyageServer) -> Deps:
    """A library of 200 passages, and Voyage as its reranker, with consent."""
    with as_subject(deps.pool, SUBJECT) as connection:
        texts = [f"Sales note {number}: costs of sales and of Europe." for number in range(199)]
        add_document(connection, "notes.pdf", [*texts, "In Europe sales did rise by ten per cent, so much is sure."])
    settings = deps.settings.model_copy(
        update={"reranker": "voyage:rerank-2.5", "voyage_api_key": SecretStr(voyage.key), "voyage_base_url": voyage.url}
    )
    built = build(settings, pool=deps.pool, url=deps.url)
    library.allow(built, SUBJECT, "Voyage")
    return built


def bills(deps: Deps) -> list[tuple[str, str, int]]:
    with as_subject(deps.pool, SUBJECT) as connection:
        return connection.execute("select purpose, model, input_tokens from usage order by id").fetchall()


def test_it_is_given_all_150_candidates_and_its_bill_is_kept(reranking: Deps, voyage: VoyageServer) -> None:
    result = search(reranking, SUBJECT, QUESTION, selection=Selection())
    (request,) = voyage.requests
    assert len(request.body["documents"]) == 150
    assert result.trace.reranker == "rerank-2.5"
    assert result.trace.notes == ()
    ((purpose, model, tokens),) = bills(reranking)
    assert (purpose, model) == ("rerank", "rerank-2.5")
    assert tokens > 150


def test_without_consent_nothing_is_sent(reranking: Deps, voyage: VoyageServer) -> None:
    consent.withdraw(reranking, SUBJECT, "Voyage", "rerank-2.5")
    assert search(reranking, SUBJECT, QUESTION, selection=Selection()).trace.reranker == ""
    assert voyage.requests == []


@pytest.mark.parametrize("fault", ["late", "overloaded", "refused"])
def test_the_fused_order_stands_in_and_answer_and_trace_say_why(reranking: Deps, voyage: VoyageServer, fault: str) -> None:
    fused = [hit.key for hit in search(reranking, SUBJECT, QUESTION, selection=Selection(), stage=Stage.FUSED).hits]
    late = reranking.settings.model_copy(update={"rerank_seconds": 0.05})
    reranking = build(late, pool=reranking.pool, url=reranking.url) if fault == "late" else reranking
    voyage.delay = 0.5 if fault == "late" else 0
    if fault != "late":
        voyage.fail_next({"overloaded": 503, "refused": 401}[fault], times=4)
    told = {"late": r"took longer than its limit|did not answer in time", "overloaded": "internal error", "refused": "API key"}[fault]
    *_, last = answer.answer(reranking, SUBJECT, QUESTION, selection=Selection())
    assert [note for note in last.notes if note.startswith("The reranker did not answer, so the fused order is used.")]
    assert re.search(told, last.notes[0])
    result = search(reranking, SUBJECT, QUESTION, selection=Selection())
    assert [hit.key for hit in result.hits] == fused
    assert result.trace.reranker == ""
    assert result.trace.as_json(result.hits)["notes"]
