"""What the adapters of HTTP APIs share: a vendor's refusal as one of our errors, and one brief second try."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from rag.errors import PermanentProviderError, ProviderError, TransientProviderError

_BRIEF: Final = 2.0  # seconds; a longer wait is the caller's to decide: a person, or a job that can be put off

T = TypeVar("T")


def refusal(recipient: str, *, status: int, model: str, said: object, headers: Mapping[str, str]) -> ProviderError:
    """Permanent or transient by the HTTP status. 498 is Cohere's invalid token, 499 a request closed on the way.

    ``said`` is the vendor's own explanation, shown for a request that was rejected.
    """
    if status in (401, 498):
        return PermanentProviderError(f"{recipient} refused the API key. The page Settings says where the key is set.")
    if status in (402, 403):
        return PermanentProviderError(f"{recipient} does not let this key use {model}: check its rights and the account's credit.")
    if status == 404:
        return PermanentProviderError(f"{recipient} has no model named {model}. Choose another on the page Settings.")
    if status == 429:
        return TransientProviderError(
            f"{recipient}'s rate limit for this key is reached. Try again later.", retry_after=_retry_after(headers)
        )
    if status in (408, 409, 499) or status >= 500:
        return TransientProviderError(f"{recipient} had an internal error. Try again later.", retry_after=_retry_after(headers))
    return PermanentProviderError(f"{recipient} rejected the request: {str(said)[:300]}")


def silence(recipient: str) -> TransientProviderError:
    """No answer within the time-out."""
    return TransientProviderError(f"{recipient} did not answer in time. Try again later.")


def distance(recipient: str) -> TransientProviderError:
    """No connection."""
    return TransientProviderError(f"{recipient} could not be reached. Check the network, or try again later.")


def tried_twice(call: Callable[[], T]) -> T:
    """The call's result; a failure that may pass is tried once more, when at most two seconds are to be waited."""
    try:
        return call()
    except TransientProviderError as error:
        wait = error.retry_after if error.retry_after is not None else 0.5
        if wait > _BRIEF:
            raise
        time.sleep(wait)
        return call()


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; None when the header is missing or a date."""
    try:
        return float(headers.get("retry-after", ""))
    except ValueError:
        return None
