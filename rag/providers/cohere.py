"""Cohere: a cross-encoder that reranks the fused candidates (v2 API, client 7.3, imported when the adapter is built)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final

from rag.errors import PermanentProviderError, ProviderError, TransientProviderError

_URL: Final = "https://api.cohere.com"
_BRIEF: Final = 2.0  # seconds; a longer wait is the caller's to decide, a person is waiting for sources


class CohereReranker:
    """Scores between 0 and 1; only their order means something."""

    recipient: str | None = "Cohere"
    depth = 150
    joins_fusion = False

    def __init__(self, *, model: str, api_key: str, base_url: str | None = None, timeout: float = 15.0) -> None:
        """``timeout`` is in seconds, for each of at most two attempts."""
        import cohere

        self._model = model
        self._timeout = timeout
        self._client = cohere.ClientV2(api_key=api_key, base_url=base_url or _URL, timeout=timeout, max_retries=0)

    @property
    def name(self) -> str:
        return self._model

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """One score per text, in input order. A failure that may pass is tried once more after at most two seconds."""
        if not texts:
            return []
        try:
            return self._rerank(query, texts)
        except TransientProviderError as error:
            wait = error.retry_after if error.retry_after is not None else 0.5
            if wait > _BRIEF:
                raise
            time.sleep(wait)
            return self._rerank(query, texts)

    def _rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        import httpx
        from cohere.core.api_error import ApiError

        try:
            response = self._client.rerank(model=self._model, query=query, documents=list(texts))
        except ApiError as error:
            raise _translated(error.status_code or 0, error.body, error.headers or {}, self._model) from error
        except httpx.TimeoutException as error:
            raise TransientProviderError("Cohere did not answer in time. Try again later.") from error
        except httpx.HTTPError as error:  # connection failures leak from the client as they are
            raise TransientProviderError("Cohere could not be reached. Check the network, or try again later.") from error
        scores = {result.index: result.relevance_score for result in response.results}
        if len(scores) != len(texts):
            raise PermanentProviderError(f"Cohere scored {len(scores)} of {len(texts)} passages.")
        return [scores[at] for at in range(len(texts))]


def _translated(status: int, body: object, headers: Mapping[str, str], model: str) -> ProviderError:
    """Permanent or transient by the status; 498 is Cohere's invalid token, 499 a request closed on the way."""
    if status in (401, 498):
        return PermanentProviderError("Cohere refused the API key. Check the key in the settings.")
    if status in (402, 403):
        return PermanentProviderError(f"This Cohere key may not use {model}: check its rights and the account's credit.")
    if status == 404:
        return PermanentProviderError(f"Cohere has no reranker named {model}. Choose another in the settings.")
    if status == 429:
        return TransientProviderError("Cohere's rate limit for this key is reached. Try again later.", retry_after=_retry_after(headers))
    if status in (408, 409, 499) or status >= 500:
        return TransientProviderError("Cohere had an internal error. Try again later.", retry_after=_retry_after(headers))
    said = body.get("message") if isinstance(body, dict) else body
    return PermanentProviderError(f"Cohere rejected the request: {str(said)[:300]}")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; None when the header is missing or a date."""
    try:
        return float(headers.get("retry-after", ""))
    except ValueError:
        return None
