"""Claude writes contexts, one call at a time with the window in the prompt cache, or by the batch at half the price.

Contextual Retrieval: anthropic.com/news/contextual-retrieval (September 2024). Prompt caching and Message Batches: platform.claude.com,
November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from rag import prompts
from rag.errors import ProviderError, RejectedRequest, TransientProviderError
from rag.providers import Prompt, Written
from rag.providers.anthropic import RECIPIENT, check, client, failures, known, metered, stopped, translate, undated

if TYPE_CHECKING:
    import anthropic
    from anthropic.types import Message, TextBlockParam, ThinkingConfigParam
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
    from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse

_THINKING_TOKENS: Final = 4_000  # more room, for a model that cannot be kept from thinking first
_SKEW: Final = timedelta(minutes=5)  # between the provider's clock and ours

# How a model is told to write at once (platform.claude.com, thinking, November 2026). One that is not listed may think first.
_NO_THINKING: Final[dict[str, ThinkingConfigParam]] = {
    "claude-haiku-5-5": {"type": "disabled"},
    "claude-sonnet-5-5": {"type": "between_tools"},
    "claude-sonnet-5": {"type": "disabled"},
    "claude-opus-5": {"type": "disabled"},
    "claude-haiku-4-5": {"type": "disabled"},
    "claude-sonnet-4-5": {"type": "disabled"},
    "claude-sonnet-4-6": {"type": "disabled"},
}
# The shortest prefix a model caches, in tokens, where it is not 512. A shorter one that is marked is not cached and costs nothing extra.
_CACHEABLE: Final = {
    "claude-haiku-4-5": 4096,
    "claude-opus-4-5": 4096,
    "claude-opus-4-6": 4096,
    "claude-sonnet-4-5": 1024,
    "claude-sonnet-4-6": 2048,
    "claude-sonnet-5": 1024,
}


class ClaudeSituator:
    """Writes contexts with the window in the prompt cache, where the prompt says that this pays."""

    recipient: str | None = RECIPIENT

    def __init__(self, *, model: str, api_key: str, base_url: str | None = None, timeout: float = 60.0) -> None:
        """``timeout`` is in seconds and holds for one call."""
        self.model = model
        self._client = client(api_key, base_url, timeout=timeout, retries=0)
        self.batches: ClaudeBatches | None = ClaudeBatches(model, client(api_key, base_url, timeout=600.0, retries=0))

    @property
    def name(self) -> str:
        return prompts.situated_by(self.model)

    @property
    def cacheable(self) -> int | None:
        return _CACHEABLE.get(undated(self.model), 512)

    def check(self) -> None:
        check(self._client, self.model)

    def write(self, prompt: Prompt) -> Written:
        try:
            return _written(self._client.messages.create(**_parameters(self.model, prompt)))
        except failures() as error:
            raise translate(error, self.model) from error


class ClaudeBatches:
    """Message Batches. Prefixes are marked for five minutes there too: docs/decisions/0014 has the sum."""

    most = 1_000  # 100,000 or 256 MB are allowed; a request of ours has about 40 kB, and a worker has to hold them all

    def __init__(self, model: str, client: anthropic.Anthropic) -> None:
        self._model = model
        self._batches = client.messages.batches

    def submit(self, requests: Sequence[tuple[str, Prompt]]) -> str:
        try:
            return self._batches.create(
                requests=[{"custom_id": custom_id, "params": _parameters(self._model, prompt)} for custom_id, prompt in requests]
            ).id
        except failures() as error:
            raise translate(error, self._model) from error

    def find(self, token: str, *, requests: int, since: datetime) -> str | None:
        """A batch tells its requests' custom_ids only in its results; until it has ended, its size and time may only say that it is not ours."""
        undecided = False
        try:
            for batch in self._batches.list(limit=100):  # the newest first
                if batch.created_at < since - _SKEW:
                    break
                if _size(batch) != requests:
                    continue
                if batch.processing_status != "ended":
                    undecided = True
                elif self._begins(batch.id, token):
                    return batch.id
        except failures() as error:
            raise translate(error, self._model) from error
        if undecided:
            raise TransientProviderError("Anthropic works on a batch that may be this document's.")
        return None

    def has_ended(self, batch: str) -> bool:
        import anthropic

        try:
            return self._batches.retrieve(batch).processing_status == "ended"
        except anthropic.NotFoundError as error:
            raise RejectedRequest(
                "Anthropic does not know the batch that was submitted. Check whether the key belongs to another workspace."
            ) from error
        except failures() as error:
            raise translate(error, self._model) from error

    def results(self, batch: str) -> Iterator[tuple[str, Written | ProviderError]]:
        try:
            for line in self._batches.results(batch):
                yield line.custom_id, _result(line, self._model)
        except failures() as error:
            raise translate(error, self._model) from error

    def _begins(self, batch: str, token: str) -> bool:
        """Whether the batch's custom_ids begin with the token; its first line tells."""
        with closing(self._batches.results(batch)) as lines:
            first = next(iter(lines), None)
        return first is not None and first.custom_id.startswith(token)


def _parameters(model: str, prompt: Prompt) -> MessageCreateParamsNonStreaming:
    no_thinking = _NO_THINKING.get(undated(model))
    content: list[TextBlockParam] = []
    if prompt.prefix:
        shared: TextBlockParam = {"type": "text", "text": prompt.prefix}
        content.append({**shared, "cache_control": {"type": "ephemeral"}} if prompt.cached else shared)
    content.append({"type": "text", "text": prompt.suffix})
    parameters: MessageCreateParamsNonStreaming = {
        "model": model,
        "max_tokens": prompt.most_tokens if no_thinking else prompt.most_tokens + _THINKING_TOKENS,
        "system": prompt.system,
        "messages": [{"role": "user", "content": content}],
    }
    return {**parameters, "thinking": no_thinking} if no_thinking else parameters


def _written(message: Message) -> Written:
    text = " ".join("".join(block.text for block in message.content if block.type == "text").split())
    return Written(text=text, usage=metered(message), fault=stopped(message.stop_reason) or ("" if text else "Claude wrote nothing."))


def _size(batch: MessageBatch) -> int:
    counts = batch.request_counts
    return counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired


def _result(line: MessageBatchIndividualResponse, model: str) -> Written | ProviderError:
    result: Any = line.result
    if result.type == "succeeded":
        written = _written(result.message)
        return replace(written, usage=replace(written.usage, batch=True))
    if result.type == "errored":
        error = result.error.error
        return known(error.type, 0, re.sub(r"\s+", " ", error.message), model=model)
    return TransientProviderError("Anthropic's batch ended before this passage's turn.")
