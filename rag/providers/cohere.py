"""Cohere (v2 API, client 7.3, imported when an adapter is built): a cross-encoder that reranks the fused candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from rag.errors import PermanentProviderError
from rag.providers import Meter, Usage, unmetered
from rag.providers.refusals import distance, refusal, silence, tried_twice

if TYPE_CHECKING:
    from cohere import ApiMeta, ClientV2

RECIPIENT = "Cohere"
_URL = "https://api.cohere.com"
T = TypeVar("T")


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
