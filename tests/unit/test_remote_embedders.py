"""Embedding through the official clients of Voyage and Cohere, and through LangChain's Embeddings."""

from __future__ import annotations

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from rag.errors import PermanentProviderError, SettingsError, TransientProviderError
from rag.providers import Usage
from rag.providers.cohere import CohereEmbedder
from rag.providers.langchain_embedder import LangChainEmbedder
from rag.providers.pieces import Limits, embedded
from rag.providers.voyage import VoyageEmbedder
from tests import standin

TEXTS = ["Costs fell.", "Sales in Europe rose by ten per cent.", "欧洲销售额增长了。"]
QUESTION = "How much did sales rise in Europe?"


@pytest.fixture(params=["voyage", "cohere"])
def vendor(request):
    """The stand-in, its adapter's class and a model of it."""
    classes = {"voyage": (standin.voyage, VoyageEmbedder, "voyage-4"), "cohere": (standin.cohere, CohereEmbedder, "embed-v4.0")}
    server, adapter, model = classes[request.param]
    with server() as api:
        yield api, adapter, model


def build(vendor, **options):
    api, adapter, model = vendor
    return adapter(**({"model": model, "api_key": api.key, "base_url": api.url} | options))


def test_vectors_have_length_one_and_the_nearest_text_is_the_one_about_it(vendor):
    embedder = build(vendor)
    documents, question = embedder.embed_documents(TEXTS), embedder.embed_query(QUESTION)
    assert documents.dtype == np.float32
    assert documents.shape == (3, len(question))
    assert np.allclose(np.linalg.norm([*documents, question], axis=1), 1, atol=1e-5)
    assert int(np.argmax(documents @ question)) == 1


def test_questions_and_documents_go_as_what_they_are(vendor):
    api, _, model = vendor
    build(vendor).embed_documents(TEXTS)
    build(vendor).embed_query(QUESTION)
    kinds = ["document", "query"] if model.startswith("voyage") else ["search_document", "search_query"]
    assert [request.body["input_type"] for request in api.requests] == kinds


def test_calls_stay_within_the_limits_and_are_metered(vendor):
    api, _, model = vendor
    bills: list[Usage] = []
    vectors = build(vendor).embed_documents([f"Text {number} of many." for number in range(1200)], bills.append)
    assert len(vectors) == 1200
    assert len(bills) == len(api.requests) > 1
    assert sum(bill.input_tokens for bill in bills) == 1200 * 4
    assert {bill.model for bill in bills} == {model}


def test_a_text_beyond_the_window_is_split_and_averaged_and_never_cut(vendor):
    whole = build(vendor).embed_documents(["sales " * 200_000 + "europe " * 200_000])[0]
    one, other = build(vendor).embed_documents(["sales", "europe"])
    assert min(whole @ one, whole @ other) > 0.6


def test_a_narrow_window_is_kept_to():
    with standin.cohere() as api:
        embedder = CohereEmbedder(model="embed-multilingual-v3.0", api_key=api.key, base_url=api.url)
        assert embedder.embed_documents(["报告" * 600, "revenue " * 700]).shape == (2, 1024)


def test_a_blank_text_has_a_vector_all_the_same(vendor):
    assert np.isclose(np.linalg.norm(build(vendor).embed_documents(["", " \n"])[1]), 1, atol=1e-5)


def test_a_wrong_key_is_permanent_and_not_shown(vendor):
    with pytest.raises(PermanentProviderError, match="refused the API key") as caught:
        build(vendor, api_key="a-wrong-secret").embed_query(QUESTION)
    assert "a-wrong-secret" not in str(caught.value)


def test_an_unknown_model_is_permanent_and_named(vendor):
    with pytest.raises(PermanentProviderError, match="embed-nonsense"):
        build(vendor, model="embed-nonsense").embed_query(QUESTION)


def test_a_failure_that_passes_is_not_seen_and_one_that_stays_is_transient(vendor):
    api, *_ = vendor
    api.fail_next(429)
    assert build(vendor).embed_query(QUESTION).shape
    api.fail_next(429, headers={"retry-after": "30"})
    with pytest.raises(TransientProviderError, match="rate limit") as caught:
        build(vendor).embed_documents(TEXTS)
    assert caught.value.retry_after == 30


def test_a_silent_server_keeps_a_question_no_longer_than_its_own_time_out(vendor):
    api, *_ = vendor
    api.delay = 0.4
    with pytest.raises(TransientProviderError, match="did not answer in time"):
        build(vendor, question_timeout=0.05).embed_query(QUESTION)
    assert len(build(vendor, question_timeout=0.05).embed_documents(TEXTS)) == 3


def test_a_model_that_voyages_client_would_download_is_refused():
    with pytest.raises(SettingsError, match="would download"):
        VoyageEmbedder(model="voyage-4-nano", api_key="k")


def test_any_langchain_embeddings_serve_under_the_name_of_provider_and_model():
    embedder = LangChainEmbedder("acme:tiny", DeterministicFakeEmbedding(size=12))
    assert (embedder.name, embedder.recipient) == ("acme:tiny", "Acme")
    vectors = embedder.embed_documents([f"Text {number}" for number in range(40)])
    assert vectors.shape == (40, 12)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(embedder.embed_query("Text 3"), vectors[3], atol=1e-6)


class Unreachable(Embeddings):
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise ConnectionError("no route to host")

    def embed_query(self, text: str) -> list[float]:
        raise ValueError("status_code: 401 \n message: Invalid API-key provided.")


def test_a_langchain_models_own_errors_are_translated():
    embedder = LangChainEmbedder("acme:tiny", Unreachable())
    with pytest.raises(TransientProviderError, match="Acme could not be reached"):
        embedder.embed_documents(TEXTS)
    with pytest.raises(PermanentProviderError, match="API key"):
        embedder.embed_query(QUESTION)


@pytest.mark.parametrize(
    "model", ["openai:text-embedding-3-small", "dashscope:text-embedding-v4", "zhipuai:embedding-3", "acme:tiny", "tiny"]
)
def test_a_langchain_model_that_cannot_be_built_is_a_wrong_setting(model, monkeypatch):
    for variable in ("OPENAI_API_KEY", "DASHSCOPE_API_KEY", "ZHIPUAI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(SettingsError, match=model):
        LangChainEmbedder(model)


@pytest.mark.parametrize("answer", [[], [[0.0, 0.0]], [[float("nan"), 1.0]]])
def test_an_answer_that_is_no_vector_is_refused(answer):
    with pytest.raises(PermanentProviderError):
        embedded(["text"], Limits(texts=1, tokens=100, window=100), lambda _: answer, "Acme")
