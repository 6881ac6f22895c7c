"""Reranking through the official Cohere client and the stand-in server."""

from __future__ import annotations

import cohere
import pytest

from rag.errors import PermanentProviderError, TransientProviderError
from rag.providers import Usage
from rag.providers.cohere import CohereReranker
from tests import standin

TEXTS = ["Costs fell.", "Sales in Europe rose by ten per cent.", "Sales rose."]
QUERY = "How much did sales rise in Europe?"


@pytest.fixture
def api():
    with standin.cohere() as running:
        yield running


def reranker(api, **options):
    return CohereReranker(**({"model": "rerank-v4.0-pro", "api_key": api.key, "base_url": api.url} | options))


def test_scores_come_in_the_order_of_the_texts(api):
    scores = reranker(api).rerank(QUERY, TEXTS)
    assert scores.index(max(scores)) == 1
    assert len(scores) == len(TEXTS)
    assert reranker(api).rerank(QUERY, TEXTS[::-1]) == scores[::-1]


def test_all_150_candidates_are_scored_in_one_call_that_is_metered(api):
    assert reranker(api).depth == 150
    bills: list[Usage] = []
    assert len(reranker(api).rerank(QUERY, [f"Text {number}." for number in range(150)], bills.append)) == 150
    assert len(api.requests) == 1
    assert bills == [Usage(model="rerank-v4.0-pro", search_units=2)]


def test_nothing_is_sent_when_there_is_nothing_to_rank(api):
    assert reranker(api).rerank(QUERY, []) == []
    assert api.requests == []


def test_it_says_who_receives_the_text_and_that_its_score_replaces_the_fused_one(api):
    assert reranker(api).recipient == "Cohere"
    assert reranker(api).joins_fusion is False
    assert reranker(api).name == "rerank-v4.0-pro"


def test_a_wrong_key_is_permanent_and_not_shown(api):
    with pytest.raises(PermanentProviderError, match="API key") as caught:
        reranker(api, api_key="a-wrong-secret").rerank(QUERY, TEXTS)
    assert "a-wrong-secret" not in str(caught.value)


def test_an_unknown_model_is_permanent_and_named(api):
    with pytest.raises(PermanentProviderError, match="rerank-nonsense"):
        reranker(api, model="rerank-nonsense").rerank(QUERY, TEXTS)


def test_a_rejected_request_is_permanent_and_says_why(api):
    with pytest.raises(PermanentProviderError, match="query cannot be empty"):
        reranker(api).rerank(" ", TEXTS)
    assert len(api.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_failure_that_passes_is_not_seen(api, status):
    api.fail_next(status, headers={"retry-after": "0.01"})
    assert len(reranker(api).rerank(QUERY, TEXTS)) == 3


@pytest.mark.parametrize(("status", "sentence"), [(429, "rate limit"), (500, "internal error")])
def test_a_failure_that_stays_is_transient(api, status, sentence):
    api.fail_next(status, times=2, headers={"retry-after": "0.01"})
    with pytest.raises(TransientProviderError, match=sentence):
        reranker(api).rerank(QUERY, TEXTS)


def test_a_long_wait_is_reported_and_not_slept_through(api):
    api.fail_next(429, headers={"retry-after": "60"})
    with pytest.raises(TransientProviderError) as caught:
        reranker(api).rerank(QUERY, TEXTS)
    assert caught.value.retry_after == 60
    assert len(api.requests) == 1


def test_a_server_that_is_not_there_is_transient(api):
    url = api.url
    api.close()
    with pytest.raises(TransientProviderError, match="could not be reached"):
        reranker(api, base_url=url).rerank(QUERY, TEXTS)


def test_a_silent_server_is_transient(api):
    api.delay = 0.4
    with pytest.raises(TransientProviderError, match="did not answer in time"):
        reranker(api, timeout=0.05).rerank(QUERY, TEXTS)


def test_the_stand_in_returns_results_best_first_and_bills_by_the_hundred(api):
    client = cohere.ClientV2(api_key=api.key, base_url=api.url)
    response = client.rerank(model="rerank-v3.5", query=QUERY, documents=[*TEXTS, *["Other."] * 120], top_n=2)
    assert [result.index for result in response.results] == [1, 2]
    assert response.results[0].relevance_score > response.results[1].relevance_score
    assert response.meta.billed_units.search_units == 2
