"""Claude: answers from `search_result` blocks whose sentences it cites; and the client and errors that its situator shares.

Wire format: API version 2026-10-21, which the official client (2.12) speaks. The client is imported when an adapter is built; that takes
over a second.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from rag import prompts
from rag.errors import PermanentProviderError, ProviderError, RejectedRequest, TransientProviderError
from rag.providers import BlockEnd, Cite, Meter, Passage, Text, Turn, Usage, rewriting, unmetered

if TYPE_CHECKING:
    import anthropic
    from anthropic import APIResponse
    from anthropic.lib.streaming import ParsedMessageStreamEvent
    from anthropic.types import Message, MessageParam, SearchResultBlockParam, TextBlockParam, TextCitation

log = logging.getLogger(__name__)

RECIPIENT: Final = "Anthropic"
_URL: Final = "https://api.anthropic.com"
_PATIENCE: Final = 20.0  # seconds; a longer wait that the API asks for is handed to the caller instead of slept through
_ANSWER_TOKENS: Final = 16_000  # thinking included
# Tokens of documents that a model takes whole. Those listed read a million in all, others 200,000, with a third of doubt in our count.
_LEAST_WHOLE: Final = 120_000
_WHOLE: Final = dict.fromkeys(
    ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5-1", "claude-sonnet-5", "claude-opus-5"), 200_000
)

# These think before an answer unless told otherwise; at their default effort a person waits longer for the first word.
_EFFORT: Final = {"claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5", "claude-sonnet-5", "claude-opus-5"}
# What an error is known by (its type, or its status when there is no type), and what a person reads. 529 is Anthropic's "overloaded".
_TRANSIENT: Final[dict[tuple[str | int, ...], str]] = {
    ("overloaded_error", 529): "Anthropic is overloaded at the moment. Try again later.",
    ("rate_limit_error", 429): "Anthropic's rate limit for this key is reached. Try again later.",
    ("api_error", "timeout_error", "conflict_error", 408, 409): "Anthropic had an internal error. Try again later.",
}
_PERMANENT: Final[dict[tuple[str | int, ...], str]] = {
    ("authentication_error", 401): "Anthropic refused the API key. The page Settings says where the key is set.",
    ("permission_error", 403): "This Anthropic key may not use {model}. Choose another model on the page Settings, or use another key.",
    ("not_found_error", 404): "Anthropic has no model named {model}. Choose another on the page Settings.",
    ("billing_error", 402): "Anthropic asks for payment: check the credit of this key's account.",
}


class ClaudeAnswerer:
    """Answers from passages sent as search results, one text block per sentence: a citation is then a range of our sentences."""

    recipient: str | None = RECIPIENT
    is_extract = False

    def __init__(self, *, model: str, api_key: str, base_url: str | None = None, timeout: float = 60.0) -> None:
        """``timeout`` is in seconds and bounds the silence between two pieces of an answer, not the whole of it."""
        self._model = model
        self._client = client(api_key, base_url, timeout=timeout)

    @property
    def name(self) -> str:
        return self._model

    @property
    def window(self) -> int | None:
        return _WHOLE.get(undated(self._model), _LEAST_WHOLE)

    def check(self) -> None:
        check(self._client, self._model)

    def stream(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn], *, keep: bool = False
    ) -> Iterator[Text | Cite | BlockEnd | Usage]:
        """The answer as Claude writes it; Usage comes as soon as the question is billed, and last, whole, also before an error.

        A quote is the cited blocks joined without a space, as the API gives it.
        """
        sent = [(number, passage) for number, passage in enumerate(passages) if any(s.strip() for s in passage.sentences)]
        message: Message | None = None
        try:
            with self._client.messages.stream(
                model=self._model,
                max_tokens=_ANSWER_TOKENS,
                system=prompts.parts("answer")[0],
                messages=_messages(question, list(_blocks(sent)), history, keep=keep),
                **self._effort("medium"),
            ) as stream:
                for event in stream:
                    if message is not None or event.type == "message_start":
                        message = stream.current_message_snapshot
                    if message is not None and event.type == "message_start":
                        yield metered(message)
                    yield from _pieces(event, sent)
        except failures() as error:
            if message is not None:
                yield metered(message)
            raise translate(error, self._model) from error
        if message is not None:
            yield metered(message)
        if message is None or message.stop_reason is None:
            raise TransientProviderError("Anthropic's answer broke off before its end. Ask again.")
        if fault := stopped(message.stop_reason):
            raise PermanentProviderError(fault)

    def standalone(self, question: str, history: Sequence[Turn], meter: Meter = unmetered, /) -> str:
        prompt = rewriting.request(question, history)
        try:
            message = self._client.messages.create(
                model=self._model,
                max_tokens=prompt.most_tokens,
                system=prompt.system,
                messages=[{"role": "user", "content": prompt.suffix}],
                **self._effort("low"),
            )
        except failures() as error:
            raise translate(error, self._model) from error
        meter(metered(message))
        if fault := stopped(message.stop_reason):
            raise PermanentProviderError(fault)
        return rewriting.rewritten("".join(block.text for block in message.content if block.type == "text"), question)

    def _effort(self, effort: str) -> dict[str, Any]:
        return {"output_config": {"effort": effort}} if undated(self._model) in _EFFORT else {}


def check(client: anthropic.Anthropic, model: str) -> None:
    """Whether the key and the model are good, by looking the model up, which costs nothing. Raises ProviderError."""
    try:
        found = client.models.retrieve(model)
    except failures() as error:
        raise translate(error, model) from error
    if found.lifecycle == "retired":
        raise PermanentProviderError(_PERMANENT["not_found_error", 404].format(model=model))


def translate(error: Exception, model: str) -> ProviderError:
    """A failure of the client as ours: permanent or transient, in a sentence. An error in mid-stream comes with the status 200 of its stream."""
    import anthropic
    import httpx2

    if isinstance(error, (anthropic.APITimeoutError, httpx2.TimeoutException)):  # the second in mid-stream
        return TransientProviderError("Anthropic did not answer in time. Try again later.")
    if not isinstance(error, anthropic.APIStatusError):
        return TransientProviderError("Anthropic could not be reached. Check the network, or try again later.")
    said = error.api_message or "no reason given"
    return known(error.type or "", error.status_code, said, model=model, retry_after=_retry_after(error.response.headers))


def known(kind: str, status: int, said: str, *, model: str, retry_after: float | None = None) -> ProviderError:
    """An error of the API as ours. Its type (`overloaded_error`) counts before its status, which is 0 where there is none."""
    for kinds, sentence in _TRANSIENT.items():
        if kind in kinds or status in kinds:
            return TransientProviderError(sentence, retry_after=retry_after)
    for kinds, sentence in _PERMANENT.items():
        if kind in kinds or status in kinds:
            return PermanentProviderError(sentence.format(model=model))
    if status >= 500:
        return TransientProviderError("Anthropic had an internal error. Try again later.", retry_after=retry_after)
    return RejectedRequest(f"Anthropic rejected the request: {said[:300]}")


def client(api_key: str, base_url: str | None, *, timeout: float, retries: int = 2) -> anthropic.Anthropic:
    import anthropic

    return anthropic.Anthropic(
        api_key=api_key,
        base_url=base_url or _URL,
        timeout=timeout,
        max_retries=retries,
        middleware=[_impatient],
        open_telemetry=False,  # its spans may hold texts where a variable says so; ours (rag.tracing) never do
    )


def _impatient(request: Any, call_next: Any) -> APIResponse[Any]:
    """Keep the client's own retries from sleeping for minutes: it waits as long as the API asks, without a limit."""
    response: APIResponse[Any] = call_next(request)
    if (_retry_after(response.headers) or 0.0) > _PATIENCE:
        response.headers["x-should-retry"] = "false"
    return response


def failures() -> tuple[type[Exception], ...]:
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


def undated(model: str) -> str:
    """A model's name without the date of its snapshot."""
    return re.sub(r"-\d{8}$", "", model)


def _messages(
    question: str, blocks: list[TextBlockParam | SearchResultBlockParam], history: Sequence[Turn], *, keep: bool
) -> list[MessageParam]:
    """What was said before, the passages, the question. Passages that are to be kept stand first: only what is the same again is found again."""
    told = [turn for turn in history if turn.question.strip() and turn.answer.strip()]  # the API takes no empty message; roles alternate
    if keep and blocks:
        blocks[-1]["cache_control"] = {"type": "ephemeral"}
    contents: list[Any] = [*(turn.question for turn in told), question]
    with_blocks = 0 if keep else -1
    contents[with_blocks] = [*blocks, {"type": "text", "text": contents[with_blocks]}]
    messages: list[MessageParam] = []
    for content, turn in zip(contents, told, strict=False):  # the last content is the question
        messages += [{"role": "user", "content": content}, {"role": "assistant", "content": turn.answer}]
    return [*messages, {"role": "user", "content": contents[-1]}]


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


def stopped(reason: str | None) -> str:
    """Why the text is not whole, or an empty string when it is."""
    return {
        "refusal": "Claude declined to write about this.",
        "max_tokens": "The text reached its length limit and is cut off. Ask for less at once.",
        "model_context_window_exceeded": "The text filled the model's context window and is cut off.",
    }.get(reason or "", "")


def metered(message: Message) -> Usage:
    usage = message.usage
    return Usage(
        model=message.model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_write_tokens=usage.cache_creation_input_tokens or 0,
        cache_write_1h_tokens=usage.cache_creation.ephemeral_1h_input_tokens if usage.cache_creation else 0,
        cache_read_tokens=usage.cache_read_input_tokens or 0,
    )
