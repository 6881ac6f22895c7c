"""Cohere (v2 API, client 7.3, imported when an adapter is built): embeddings, and a cross-encoder that reranks the fused candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from rag.errors import PermanentProviderError
from rag.providers import Meter, Usage, unmetered
from rag.providers.pieces import Limits, embedded
from rag.providers.refusals import distance, refusal, silence, tried_twice

if TYPE_CHECKING:
    from cohere import ApiMeta, ClientV2

RECIPIENT = "Cohere"
_URL = "https://api.cohere.com"
T = TypeVar("T")


class CohereEmbedder:
    """Vectors of the size that is the model's own default; questions and passages each as what they are (input_type)."""

    recipient: str | None = RECIPIENT

    def __init__(
        self, *, model: str, api_key: str, base_url: str | None = None, timeout: float = 60.0, question_timeout: float = 5.0
    ) -> None:
        """Time-outs are in seconds, for each of at most two attempts."""
        self.name = model
        self._client = _client(api_key, base_url, timeout)
        self._asking = _client(api_key, base_url, question_timeout)
        self._limits = Limits(texts=96, tokens=100_000, window=512 if "v3" in model or "v2" in model else 100_000)

    def embed_documents(self, texts: Sequence[str], meter: Meter = unmetered, /) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimensions), for at least one text."""
        return embedded(texts, self._limits, lambda batch: self._embed(self._client, batch, "search_document", meter), RECIPIENT)

    def embed_query(self, text: str, meter: Meter = unmetered, /) -> NDArray[np.float32]:
        """A unit vector, shape (dimensions,)."""
        vectors = embedded([text], self._limits, lambda batch: self._embed(self._asking, batch, "search_query", meter), RECIPIENT)
        vector: NDArray[np.float32] = vectors[0]
        return vector

    def check(self) -> None:
        _check(self._asking, self.name)

    def _embed(self, client: ClientV2, texts: list[str], kind: str, meter: Meter) -> list[list[float]]:
        response = tried_twice(
            lambda: _translated(
                lambda: client.embed(model=self.name, input_type=kind, texts=texts, embedding_types=["float"], truncate="NONE"), self.name
            )
        )
        meter(_billed(self.name, response.meta))
        return response.embeddings.float_ or []


class CohereReranker:
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
        _check(self._client, self._model)

    def rerank(self, query: str, texts: Sequence[str], meter: Meter = unmetered, /) -> list[float]:
        """One score per text, in input order. A failure that may pass is tried once more after at most two seconds."""
        if not texts:
            return []
        response = tried_twice(
            lambda: _translated(lambda: self._client.rerank(model=self._model, query=query, documents=list(texts)), self._model)
        )
        meter(_billed(self._model, response.meta))
        scores = {result.index: result.relevance_score for result in response.results}
        if scores.keys() != set(range(len(texts))):
            raise PermanentProviderError(f"Cohere scored {len(scores)} of {len(texts)} passages.")
        return [scores[at] for at in range(len(texts))]


def _client(api_key: str, base_url: str | None, timeout: float) -> ClientV2:
    import cohere

    return cohere.ClientV2(api_key=api_key, base_url=base_url or _URL, timeout=timeout, max_retries=0)


def _check(client: ClientV2, model: str) -> None:
    """Whether the key and the model are good, by looking the model up, which costs nothing. Raises ProviderError."""
    _translated(lambda: client.models.get(model), model)


def _translated(call: Callable[[], T], model: str) -> T:
    """The call's result, its errors as ours."""
    import httpx
    from cohere.core.api_error import ApiError

    try:
        return call()
    except ApiError as error:
        said = error.body.get("message") if isinstance(error.body, dict) else error.body
        raise refusal(RECIPIENT, status=error.status_code or 0, model=model, said=said, headers=error.headers or {}) from error
    except httpx.TimeoutException as error:
        raise silence(RECIPIENT) from error
    except httpx.HTTPError as error:  # connection failures leak from the client as they are
        raise distance(RECIPIENT) from error


def _billed(model: str, meta: ApiMeta | None) -> Usage:
    """Search units of a rerank, input tokens of an embedding."""
    units = meta.billed_units if meta else None
    return Usage(
        model=model, input_tokens=round((units and units.input_tokens) or 0), search_units=round((units and units.search_units) or 0)
    )
