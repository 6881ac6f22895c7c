"""Claude: situates chunks with a cached document, and answers from `search_result` blocks whose sentences it cites.

Contextual Retrieval: anthropic.com/news/contextual-retrieval (September 2024). Wire format: API version 2026-10-21, which the official
client (2.12) speaks. The client is imported when an adapter is built; that takes over a second.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any, Final

from rag import prompts
from rag.errors import PermanentProviderError, ProviderError, TransientProviderError
from rag.providers import BlockEnd, Cite, Context, Passage, Text, Turn, Usage

if TYPE_CHECKING:
    import anthropic
    from anthropic import APIResponse
    from anthropic.lib.streaming import ParsedMessageStreamEvent
    from anthropic.types import Message, MessageParam, SearchResultBlockParam, TextBlockParam, TextCitation, ThinkingConfigParam

log = logging.getLogger(__name__)

RECIPIENT: Final = "Anthropic"
_URL: Final = "https://api.anthropic.com"
_PATIENCE: Final = 20.0  # seconds; a longer wait that the API asks for is handed to the caller instead of slept through
_SITUATE_TOKENS: Final = 400  # a context has 50 to 100; Chinese and the newer tokenizer need some room
_THINKING_TOKENS: Final = 4_000  # more, for a model that cannot be kept from thinking first
_ANSWER_TOKENS: Final = 16_000  # thinking included
_WRITERS: Final = 4  # chunks situated at once
_GIVE_UP: Final = 3  # failures in a row before the document is cached; the rest of its chunks is then not tried

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
# These think before an answer unless told otherwise; at their default effort a person waits longer for the first word.
_EFFORT: Final = {"claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5", "claude-sonnet-5", "claude-opus-5"}
# What an error is known by (its type, or its status when there is no type), and what a person reads. 529 is Anthropic's "overloaded".
_TRANSIENT: Final[dict[tuple[str | int, ...], str]] = {
    ("overloaded_error", 529): "Anthropic is overloaded at the moment. Try again later.",
    ("rate_limit_error", 429): "Anthropic's rate limit for this key is reached. Try again later.",
    ("api_error", "timeout_error", "conflict_error", 408, 409): "Anthropic had an internal error. Try again later.",
}
_PERMANENT: Final[dict[tuple[str | int, ...], str]] = {
    ("authentication_error", 401): "Anthropic refused the API key. Check the key in the settings.",
    ("permission_error", 403): "This Anthropic key may not use {model}. Choose another model or key in the settings.",
    ("not_found_error", 404): "Anthropic has no model named {model}. Choose another in the settings.",
    ("billing_error", 402): "Anthropic asks for payment: check the credit of this key's account.",
}


class ClaudeSituator:
    """Writes each chunk's context with the whole document in the prompt cache."""

    recipient: str | None = RECIPIENT

    def __init__(self, *, model: str, api_key: str, base_url: str | None = None, timeout: float = 60.0) -> None:
        """``timeout`` is in seconds and holds for one chunk's call."""
        self._model = model
        self._client = _client(api_key, base_url, timeout)

    @property
    def name(self) -> str:
        return prompts.situated_by(self._model)

    def situate(self, document: str, chunks: Sequence[tuple[int, str]]) -> Iterator[Context]:
        """One call writes the cache, the rest read it: an entry is usable only once the first response has begun."""
        waiting = list(chunks)
        failures: list[str] = []
        while waiting:
            context = self._write(document, *waiting.pop(0))
            yield context
            if not context.error:
                break
            failures.append(context.error)
            if len(failures) == _GIVE_UP:
                for ord_, _ in waiting:
                    yield Context(ord=ord_, error=context.error)
                return
        pool = ThreadPoolExecutor(max_workers=_WRITERS, thread_name_prefix="situate")
        try:
            for future in as_completed([pool.submit(self._write, document, ord_, text) for ord_, text in waiting]):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _write(self, document: str, ord_: int, chunk: str) -> Context:
        system, _, document_part, chunk_part = prompts.parts("situate")
        no_thinking = _NO_THINKING.get(_undated(self._model))
        options: dict[str, Any] = {} if no_thinking is None else {"thinking": no_thinking}
        content: list[TextBlockParam] = [
            {"type": "text", "text": prompts.fill(document_part, document=document), "cache_control": {"type": "ephemeral"}},
            {"type": "text", "text": prompts.fill(chunk_part, chunk=chunk)},
        ]
        try:
            message = self._client.messages.create(
                model=self._model,
                max_tokens=_SITUATE_TOKENS if no_thinking else _THINKING_TOKENS,
                system=system,
                messages=[{"role": "user", "content": content}],
                **options,
            )
        except _failures() as error:
            translated = translate(error, self._model)
            if isinstance(translated, PermanentProviderError):
                raise translated from error
            return Context(ord=ord_, error=str(translated))
        text = " ".join("".join(block.text for block in message.content if block.type == "text").split())
        fault = _stopped(message.stop_reason) or ("" if text else "Claude wrote nothing for this passage.")
        return Context(ord=ord_, text="" if fault else text, error=fault, usage=_usage(message))


class ClaudeAnswerer:
    """Answers from passages sent as search results, one text block per sentence: a citation is then a range of our sentences."""

    recipient: str | None = RECIPIENT
    is_extract = False

    def __init__(self, *, model: str, api_key: str, base_url: str | None = None, timeout: float = 120.0) -> None:
        """``timeout`` is in seconds and bounds the silence between two pieces of an answer, not the whole of it."""
        self._model = model
        self._client = _client(api_key, base_url, timeout)

    @property
    def name(self) -> str:
        return self._model

    def stream(self, question: str, passages: Sequence[Passage], history: Sequence[Turn]) -> Iterator[Text | Cite | BlockEnd | Usage]:
        """The answer as Claude writes it; Usage is the last event, also before an error in mid-stream.

        A quote is the cited blocks joined without a space, as the API gives it.
        """
        options: dict[str, Any] = {"output_config": {"effort": "medium"}} if _undated(self._model) in _EFFORT else {}
        sent = [(number, passage) for number, passage in enumerate(passages) if any(s.strip() for s in passage.sentences)]
        message: Message | None = None
        try:
            with self._client.messages.stream(
                model=self._model,
                max_tokens=_ANSWER_TOKENS,
                system=prompts.parts("answer")[0],
                messages=[*_turns(history), {"role": "user", "content": [*_blocks(sent), {"type": "text", "text": question}]}],
                **options,
            ) as stream:
                for event in stream:
                    if message is not None or event.type == "message_start":
                        message = stream.current_message_snapshot
                    yield from _pieces(event, sent)
        except _failures() as error:
            if message is not None:
                yield _usage(message)
            raise translate(error, self._model) from error
        if message is not None:
            yield _usage(message)
        if message is None or message.stop_reason is None:
            raise TransientProviderError("Anthropic's answer broke off before its end. Ask again.")
        if stopped := _stopped(message.stop_reason):
            raise PermanentProviderError(stopped)


def translate(error: Exception, model: str) -> ProviderError:
    """A failure of the client as ours: permanent or transient, in a sentence. The type in the body counts before the status.

    An error in mid-stream comes with the status 200 of its stream and is known by its type alone.
    """
    import anthropic

    if isinstance(error, anthropic.APITimeoutError):
        return TransientProviderError("Anthropic did not answer in time. Try again later.")
    if not isinstance(error, anthropic.APIStatusError):
        return TransientProviderError("Anthropic could not be reached. Check the network, or try again later.")
    retry_after = _retry_after(error.response.headers)
    for kinds, sentence in _TRANSIENT.items():
        if error.type in kinds or error.status_code in kinds:
            return TransientProviderError(sentence, retry_after=retry_after)
    for kinds, sentence in _PERMANENT.items():
        if error.type in kinds or error.status_code in kinds:
            return PermanentProviderError(sentence.format(model=model))
    if error.status_code >= 500:
        return TransientProviderError("Anthropic had an internal error. Try again later.", retry_after=retry_after)
    return PermanentProviderError(f"Anthropic rejected the request: {(error.api_message or 'no reason given')[:300]}")


def _client(api_key: str, base_url: str | None, timeout: float) -> anthropic.Anthropic:
    import anthropic

    return anthropic.Anthropic(api_key=api_key, base_url=base_url or _URL, timeout=timeout, middleware=[_impatient])


def _impatient(request: Any, call_next: Any) -> APIResponse[Any]:
    """Keep the client's own retries from sleeping for minutes: it waits as long as the API asks, without a limit."""
    response: APIResponse[Any] = call_next(request)
    if (_retry_after(response.headers) or 0.0) > _PATIENCE:
        response.headers["x-should-retry"] = "false"
    return response


def _failures() -> tuple[type[Exception], ...]:
    """What the client raises; a connection that breaks in mid-stream comes as its HTTP library's own error."""
    import anthropic
    import httpx2

    return (anthropic.APIError, httpx2.HTTPError)


def _retry_after(headers: Any) -> float | None:
    """Seconds, from `retry-after-ms` or `retry-after`; None when neither is a number."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return float(headers.get(name, "")) / unit
        except ValueError:
            continue
    return None


def _undated(model: str) -> str:
    """A model's name without the date of its snapshot."""
    return re.sub(r"-\d{8}$", "", model)


def _turns(history: Sequence[Turn]) -> Iterator[MessageParam]:
    for turn in history:
        if turn.question.strip() and turn.answer.strip():  # the API takes no empty message, and roles alternate
            yield {"role": "user", "content": turn.question}
            yield {"role": "assistant", "content": turn.answer}


def _blocks(sent: Sequence[tuple[int, Passage]]) -> Iterator[TextBlockParam | SearchResultBlockParam]:
    """Each passage as a search result; what orients but may not be quoted stands before it, in a block that cannot be cited."""
    for _, passage in sent:
        about = [f"{label}: {prompts.fence(text)}" for label, text in passage.about]
        if about:
            yield {"type": "text", "text": "\n".join(["<note>", "About the next passage, not part of it.", *about, "</note>"])}
        yield {
            "type": "search_result",
            "title": passage.title or passage.source,
            "source": passage.source or passage.title,
            "content": [{"type": "text", "text": sentence} for sentence in passage.sentences if sentence.strip()],
            "citations": {"enabled": True},
        }


def _pieces(event: ParsedMessageStreamEvent[None], sent: Sequence[tuple[int, Passage]]) -> Iterator[Text | Cite | BlockEnd]:
    if event.type == "text":
        yield Text(text=event.text)
    elif event.type == "citation":
        yield from _cite(event.citation, sent)
    elif event.type == "content_block_stop" and event.content_block.type == "text":
        yield BlockEnd()


def _cite(citation: TextCitation, sent: Sequence[tuple[int, Passage]]) -> Iterator[Cite]:
    """Block indices back to sentences. Only the current question's passages were sent, so the search result's index is a passage's.

    An index that points nowhere is passed on as it is: the verifier drops and counts it.
    """
    if citation.type != "search_result_location":
        log.warning("a citation of an unexpected kind was left out: %s", citation.type)
        return
    index, start, end = citation.search_result_index, citation.start_block_index, citation.end_block_index
    if not 0 <= index < len(sent):
        yield Cite(passage=index, first=start, last=end, quote=citation.cited_text)
        return
    number, passage = sent[index]
    blocks = [at for at, sentence in enumerate(passage.sentences) if sentence.strip()]
    if 0 <= start < end <= len(blocks):
        start, end = blocks[start], blocks[end - 1] + 1
    yield Cite(passage=number, first=start, last=end, quote=citation.cited_text)


def _stopped(reason: str | None) -> str:
    """Why the text is not whole, or an empty string when it is."""
    return {
        "refusal": "Claude declined to write about this.",
        "max_tokens": "The text reached its length limit and is cut off. Ask for less at once.",
        "model_context_window_exceeded": "The text filled the model's context window and is cut off.",
    }.get(reason or "", "")


def _usage(message: Message) -> Usage:
    usage = message.usage
    return Usage(
        model=message.model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_write_tokens=usage.cache_creation_input_tokens or 0,
        cache_write_1h_tokens=usage.cache_creation.ephemeral_1h_input_tokens if usage.cache_creation else 0,
        cache_read_tokens=usage.cache_read_input_tokens or 0,
    )
