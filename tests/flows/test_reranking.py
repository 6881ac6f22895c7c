"""A remote reranker orders all 150 candidates; one that fails or is late leaves the fused order, and answer and trace say so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from pydantic import SecretStr

from db import as_subject
from db.documents import Selection
from rag import answer, consent, library
from rag import search as searching
from rag.deps import Deps, build
from rag.providers import Meter, unmetered
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


class Light:
    """A reranker of this machine, which prefers what comes late in the fused order."""

    name = "light"
    recipient: str | None = None
    depth = 30
    joins_fusion = True

    def __init__(self) -> None:
        self.given: list[int] = []

    def rerank(self, _query: str, texts: Sequence[str], _meter: Meter = unmetered, /) -> list[float]:
        self.given.append(len(texts))
        return [float(sum(self.given) + place) for place in range(len(texts))]


def test_one_of_this_machine_goes_as_deep_as_its_time_allows_and_the_fused_order_goes_on_below(
    reranking: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    fused = [hit.key for hit in search(reranking, SUBJECT, QUESTION, selection=Selection(), stage=Stage.FUSED, top=60).hits]
    whole, hurried = Light(), Light()
    search(replace(reranking, rerankers=(whole,)), SUBJECT, QUESTION, selection=Selection())
    assert whole.given == [5] * 6
    monkeypatch.setattr(searching, "LIGHT", 0.0)
    result = search(replace(reranking, rerankers=(hurried,)), SUBJECT, QUESTION, selection=Selection(), top=40)
    assert hurried.given == [5]
    keys = [hit.key for hit in result.hits]
    assert sorted(keys[:5]) == sorted(fused[:5])
    assert keys[5:] == fused[5:40]
    assert [hit.rank for hit in result.hits if Stage.RERANKED in hit.stages] == [1, 2, 3, 4, 5]
