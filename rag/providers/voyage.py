"""Voyage AI (client 0.5, imported when an adapter is built): embeddings, and a cross-encoder that reranks the fused candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from rag.errors import PermanentProviderError, SettingsError
from rag.providers import Meter, Usage, unmetered
from rag.providers.pieces import Limits, embedded
from rag.providers.refusals import distance, refusal, silence, tried_twice

if TYPE_CHECKING:
    from voyageai.client import Client

RECIPIENT = "Voyage"
LIMITS = Limits(texts=1000, tokens=120_000, window=16_000)  # of the narrowest models: voyage-law-2's window, voyage-4-large's calls
T = TypeVar("T")


class VoyageEmbedder:
    """Vectors of the size that is the model's own default; questions and passages each as what they are (input_type)."""

    recipient: str | None = RECIPIENT

    def __init__(
        self, *, model: str, api_key: str, base_url: str | None = None, timeout: float = 60.0, question_timeout: float = 5.0
    ) -> None:
        """Time-outs are in seconds, for each of at most two attempts. Raises SettingsError for a model that the client would download."""
        from voyageai.local.helpers import is_local_model

        if is_local_model(model):
            raise SettingsError(f"{model} is no model of Voyage's service: its client would download it. Choose another.")
        self.name = model
        self._client = _client(api_key, base_url, timeout)
        self._asking = _client(api_key, base_url, question_timeout)

    def embed_documents(self, texts: Sequence[str], meter: Meter = unmetered, /) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimensions), for at least one text."""
        return embedded(texts, LIMITS, lambda batch: self._embed(self._client, batch, "document", meter), RECIPIENT)

    def embed_query(self, text: str, meter: Meter = unmetered, /) -> NDArray[np.float32]:
        """A unit vector, shape (dimensions,)."""
        vector: NDArray[np.float32] = embedded([text], LIMITS, lambda batch: self._embed(self._asking, batch, "query", meter), RECIPIENT)[0]
        return vector

    def check(self) -> None:
        """Embeds one word: Voyage has nothing that can be asked for free."""
        self.embed_query("ready")

    def _embed(self, client: Client, texts: list[str], kind: str, meter: Meter) -> list[list[float]]:
        response = tried_twice(
            lambda: _translated(lambda: client.embed(texts, model=self.name, input_type=kind, truncation=False), self.name)
        )
        meter(Usage(model=self.name, input_tokens=response.total_tokens))
        return [[float(value) for value in vector] for vector in response.embeddings]


class VoyageReranker:
    """Scores between 0 and 1; only their order means something."""

    recipient: str | None = RECIPIENT
    depth = 150
    joins_fusion = False

    def __init__(self, *, model: str, api_key: str, base_url: str | None = None, timeout: float = 15.0) -> None:
        """``timeout`` is in seconds, for each of at most two attempts."""
        self._model = model
        self._client = _client(api_key, base_url, timeout)

    @property
    def name(self) -> str:
        return self._model

    def check(self) -> None:
        """Orders one word: Voyage has nothing that can be asked for free."""
        self.rerank("ready", ["ready"])

    def rerank(self, query: str, texts: Sequence[str], meter: Meter = unmetered, /) -> list[float]:
        """One score per text, in input order. A failure that may pass is tried once more after at most two seconds.

        A question longer than the model's window is cut by the service: a limit of its own, and far beyond any question taken here.
        """
        if not texts:
            return []
        response = tried_twice(lambda: _translated(lambda: self._client.rerank(query, list(texts), model=self._model), self._model))
        meter(Usage(model=self._model, input_tokens=response.total_tokens))
        scores = {result.index: result.relevance_score for result in response.results}
        if scores.keys() != set(range(len(texts))):
            raise PermanentProviderError(f"Voyage scored {len(scores)} of {len(texts)} passages.")
        return [scores[at] for at in range(len(texts))]


def _client(api_key: str, base_url: str | None, timeout: float) -> Client:
    from voyageai.client import Client

    return Client(api_key=api_key, base_url=base_url, timeout=timeout, max_retries=0)


def _translated(call: Callable[[], T], model: str) -> T:
    """The call's result, its errors as ours."""
    from voyageai import error as voyage

    try:
        return call()
    except voyage.Timeout as error:
        raise silence(RECIPIENT) from error
    except voyage.APIConnectionError as error:
        raise distance(RECIPIENT) from error
    except voyage.VoyageError as error:
        said = error.json_body.get("detail") if isinstance(error.json_body, dict) else error.user_message
        raise refusal(RECIPIENT, status=error.http_status or 0, model=model, said=said, headers=error.headers) from error
    except (AttributeError, TypeError) as error:  # the client takes a body that is no result for one, such as that of an unusual 5xx
        raise refusal(RECIPIENT, status=500, model=model, said="", headers={}) from error
