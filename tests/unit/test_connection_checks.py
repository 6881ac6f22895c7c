"""Each adapter's check: it tells a good connection from a refused key and a model that is not there, and sends next to nothing."""

from __future__ import annotations

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models.fake_chat_models import FakeListChatModel

from rag.errors import PermanentProviderError, TransientProviderError
from rag.providers import Remote
from rag.providers.anthropic import ClaudeAnswerer
from rag.providers.claude_situator import ClaudeSituator
from rag.providers.cohere import CohereEmbedder, CohereReranker
from rag.providers.langchain import ChatModelAnswerer, ChatModelSituator
from rag.providers.langchain_embedder import LangChainEmbedder
from rag.providers.langchain_reranker import CompressorReranker
from rag.providers.voyage import VoyageEmbedder, VoyageReranker
from tests import standin
from tests.standin.server import Reply

ADAPTERS = [
    (standin.anthropic, ClaudeAnswerer, "claude-opus-5-5"),
    (standin.anthropic, ClaudeSituator, "claude-haiku-5-5"),
    (standin.cohere, CohereReranker, "rerank-v4.0-pro"),
    (standin.cohere, CohereEmbedder, "embed-v4.0"),
    (standin.voyage, VoyageReranker, "rerank-2.5"),
    (standin.voyage, VoyageEmbedder, "voyage-4"),
]
each = pytest.mark.parametrize(("vendor", "adapter", "model"), ADAPTERS, ids=[adapter.__name__ for _, adapter, _ in ADAPTERS])


@pytest.fixture
def api(vendor):
    with vendor() as running:
        yield running


@each
def test_a_good_connection_passes_in_one_small_request(api, adapter, model):
    found = adapter(model=model, api_key=api.key, base_url=api.url)
    assert isinstance(found, Remote)
    found.check()
    (request,) = api.requests
    assert len(str(request.body)) < 200


@each
def test_a_refused_key_is_told(api, adapter, model):
    with pytest.raises(PermanentProviderError, match=r"refused the API key. The page Settings says"):
        adapter(model=model, api_key="another", base_url=api.url).check()


@each
def test_a_model_that_is_not_there_is_told(api, adapter, model):
    with pytest.raises(PermanentProviderError, match=r"of-old"):
        adapter(model=f"{model}-of-old", api_key=api.key, base_url=api.url).check()


@each
def test_an_overloaded_provider_may_answer_later(api, adapter, model):
    api.fail_next(503, times=9)
    with pytest.raises(TransientProviderError):
        adapter(model=model, api_key=api.key, base_url=api.url).check()


class Refused(Exception):
    status_code = 401


class Failing(FakeListChatModel):
    def _call(self, *_args, **_options):
        raise Refused


@pytest.mark.parametrize("adapter", [ChatModelAnswerer, ChatModelSituator])
def test_a_chat_model_is_asked_for_a_word(adapter):
    adapter("openai:gpt", FakeListChatModel(responses=["Yes."])).check()
    with pytest.raises(PermanentProviderError, match="Openai refused the API key or the model"):
        adapter("openai:gpt", Failing(responses=[])).check()


def test_langchain_embeddings_and_compressors_are_given_a_word():
    LangChainEmbedder("openai:e", DeterministicFakeEmbedding(size=8)).check()
    CompressorReranker("tests.unit.compressors:Longest").check()
    with pytest.raises(TransientProviderError, match="Unreachable could not be reached"):
        CompressorReranker("tests.unit.compressors:Unreachable").check()


def test_a_retired_model_is_told_as_gone(monkeypatch):
    with standin.anthropic() as api:
        answerer = ClaudeAnswerer(model="claude-opus-5-5", api_key=api.key, base_url=api.url)
        monkeypatch.setattr(api, "_model", retired)
        with pytest.raises(PermanentProviderError, match="no model named claude-opus-5-5"):
            answerer.check()


def retired(name):
    return Reply(body={"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z", "lifecycle": "retired"})
