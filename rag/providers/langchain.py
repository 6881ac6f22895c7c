"""Any chat model that LangChain can build answers here, with [n.m] markers for citations, and writes contexts.

`init_chat_model` of langchain 1.4 knows some thirty providers, each in a package of its own. A few live only in langchain-community, which
is in sunset and warns on import: they are named here and imported when one is asked for.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from rag import prompts
from rag.errors import PermanentProviderError, ProviderError, RejectedRequest, SettingsError, TransientProviderError
from rag.providers import Batches, BlockEnd, Cite, Meter, Passage, Prompt, Text, Turn, Usage, Written, rewriting, unmetered
from rag.providers.markers import MarkerReader, unmarked
from rag.windows import tokens

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

_COMMUNITY: Final = {  # provider -> module of langchain_community.chat_models, class
    "tongyi": ("tongyi", "ChatTongyi"),
    "qwen": ("tongyi", "ChatTongyi"),
    "zhipuai": ("zhipuai", "ChatZhipuAI"),
    "moonshot": ("moonshot", "MoonshotChat"),
    "baidu_qianfan": ("baidu_qianfan_endpoint", "QianfanChatEndpoint"),
}
_TRANSIENT: Final = re.compile(r"timeout|timed.?out|connect|overload|rate.?limit|unavailable|temporar|throttl", re.IGNORECASE)
_KEY: Final = re.compile(r"api.?key|unauthori[sz]ed|authenticat|credential|token is invalid", re.IGNORECASE)


class ChatModelAnswerer:
    """Answers with a LangChain chat model; its [n.m] markers become citations."""

    is_extract = False
    window: int | None = None  # what some of these providers keep, they keep by themselves

    def __init__(self, model: str, chat: BaseChatModel | None = None) -> None:
        """``model`` is 'provider:model'; ``chat`` is that model, when it is built already. Raises SettingsError."""
        self._model = model
        self._provider = model.partition(":")[0]
        self._chat = chat or build_chat_model(model)

    @property
    def name(self) -> str:
        return self._model

    @property
    def recipient(self) -> str | None:
        return self._provider.capitalize()

    def check(self) -> None:
        _check(self._chat, self.recipient or self._provider)

    def stream(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn], *, keep: bool = False
    ) -> Iterator[Text | Cite | BlockEnd | Usage]:
        """The answer as it is written; each quote is the very sentence its marker names. Usage is the last event."""
        del keep  # there is no way to ask for it
        reader = MarkerReader(passages)
        usage, fault = Usage(model=self._model), ""
        try:
            for chunk in self._chunks(_messages(question, passages, history)):
                yield from reader.feed(str(chunk.text))
                usage = _added(usage, chunk)
                fault = fault or stopped(chunk)
        except ProviderError:
            yield from reader.end()  # what was written stays
            yield usage
            raise
        yield from reader.end()
        yield usage
        if fault:
            raise PermanentProviderError(fault)

    def standalone(self, question: str, history: Sequence[Turn], meter: Meter = unmetered, /) -> str:
        from langchain_core.messages import HumanMessage, SystemMessage

        prompt = rewriting.request(question, history)
        try:
            message = self._chat.invoke([SystemMessage(prompt.system), HumanMessage(prompt.suffix)])
        except Exception as error:  # any of thirty vendors' own; translated, never swallowed
            raise translate(error, self.recipient or self._provider) from error
        meter(_added(Usage(model=self._model), message))
        said = str(message.text).strip()
        if fault := _fault(message, said, prompt.most_tokens):
            raise PermanentProviderError(fault)
        return rewriting.rewritten(said, question)

    def _chunks(self, messages: list[BaseMessage]) -> Iterator[AIMessageChunk]:
        try:
            yield from self._chat.stream(messages)
        except Exception as error:  # any of thirty vendors' own; translated, never swallowed
            raise translate(error, self.recipient or self._provider) from error


class ChatModelSituator:
    """Writes contexts with a LangChain chat model. Some providers cache prefixes by themselves; none is asked to."""

    cacheable: int | None = None
    batches: Batches | None = None

    def __init__(self, model: str, chat: BaseChatModel | None = None) -> None:
        """As for ChatModelAnswerer."""
        self.model = model
        self._provider = model.partition(":")[0]
        self._chat = chat or build_chat_model(model)

    @property
    def name(self) -> str:
        return prompts.situated_by(self.model)

    @property
    def recipient(self) -> str | None:
        return self._provider.capitalize()

    def check(self) -> None:
        _check(self._chat, self.recipient or self._provider)

    def write(self, prompt: Prompt) -> Written:
        from langchain_core.messages import HumanMessage, SystemMessage

        asked = "\n\n".join(part for part in (prompt.prefix, prompt.suffix) if part)
        try:
            message = self._chat.invoke([SystemMessage(prompt.system), HumanMessage(asked)])
        except Exception as error:  # any of thirty vendors' own; translated, never swallowed
            raise translate(error, self.recipient or self._provider) from error
        text = " ".join(str(message.text).split())
        return Written(text=text, usage=_added(Usage(model=self.model), message), fault=_fault(message, text, prompt.most_tokens))


def build_chat_model(model: str) -> BaseChatModel:
    """The chat model that 'provider:model' names. Raises SettingsError: unknown provider, package not installed, key missing."""
    provider, _, name = model.partition(":")
    if not provider or not name:
        raise SettingsError(f"'{model}' names no chat model: write provider:model, such as openai:gpt-5.5.")
    try:
        if provider in _COMMUNITY:
            return _community(provider, name)
        from langchain.chat_models import init_chat_model

        return init_chat_model(name, model_provider=provider)
    except ImportError as error:
        raise SettingsError(f"The chat model {model} needs a package that is not installed: {error}") from error
    except AttributeError as error:  # init_chat_model looks for some in langchain-community, which has lost them
        raise SettingsError(f"The chat model {model} needs the package langchain-{provider}, which is not installed.") from error
    except Exception as error:  # a missing key is another exception with every vendor
        raise SettingsError(f"The chat model {model} could not be set up: {first_line(error)}") from error


def _check(chat: BaseChatModel, recipient: str) -> None:
    """The shortest of questions; its answer, of a word or two, is billed like any other. Raises ProviderError."""
    try:
        chat.invoke("Answer with one word: ready?")
    except Exception as error:  # any of thirty vendors' own; translated, never swallowed
        raise translate(error, recipient) from error


def translate(error: Exception, recipient: str) -> ProviderError:
    """Permanent or transient by the HTTP status that most vendors' exceptions carry, or by what they call themselves."""
    status = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, ProviderError):
        return error
    if isinstance(error, ImportError):  # some vendors' classes miss a package only when they are called
        return PermanentProviderError(f"{recipient} needs a package that is not installed: {first_line(error)}")
    if status in (401, 402, 403, 404) or (status is None and _KEY.search(str(error))):
        return PermanentProviderError(
            f"{recipient} refused the API key or the model. Check both where Situate is started; the page Settings says what is set."
        )
    if status in (408, 409, 425, 429) or (isinstance(status, int) and status >= 500):
        return TransientProviderError(f"{recipient} is overloaded or limits this key's rate. Try again later.", retry_after=_wished(error))
    if status is None and (isinstance(error, OSError) or _TRANSIENT.search(type(error).__name__) or _TRANSIENT.search(str(error))):
        return TransientProviderError(f"{recipient} could not be reached. Check the network, or try again later.")
    return RejectedRequest(f"{recipient} rejected the request: {first_line(error)}")


def _wished(error: Exception) -> float | None:
    """Seconds, from the `retry-after` of the response that most vendors' exceptions carry."""
    try:
        return float(getattr(error, "response").headers["retry-after"])  # noqa: B009 - not every exception has one
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _community(provider: str, name: str) -> BaseChatModel:
    module, class_ = _COMMUNITY[provider]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the sunset of langchain-community, which is known
        found = getattr(importlib.import_module(f"langchain_community.chat_models.{module}"), class_)
    chat: BaseChatModel = found(model=name, streaming=True)
    return chat


def _messages(question: str, passages: Sequence[Passage], history: Sequence[Turn]) -> list[BaseMessage]:
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    messages: list[BaseMessage] = [SystemMessage(f"{prompts.parts('answer')[0]}\n\n{prompts.parts('markers')[0]}")]
    for turn in history:
        if turn.question.strip() and turn.answer.strip():
            messages += [HumanMessage(turn.question), AIMessage(turn.answer)]
    shown = "\n\n".join(_shown(number, passage) for number, passage in enumerate(passages, start=1))
    # reminded of the markers where it begins to write: what it sees of its earlier answers has none
    return [*messages, HumanMessage("\n\n".join([shown, prompts.parts("markers")[1], question] if shown else [question]))]


def _shown(number: int, passage: Passage) -> str:
    """A passage with numbered sentences. Nothing in it can close its tag or pass for a sentence's number."""

    def data(text: str) -> str:
        return unmarked(prompts.fence(" ".join(text.split())))

    about = [f"{label}: {data(text)}" for label, text in passage.about]
    note = ["<note>", *about, "</note>"] if about else []
    sentences = [f"[{number}.{at}] {data(sentence)}" for at, sentence in enumerate(passage.sentences, start=1)]
    head = f"Passage {number}: {data(passage.title)} ({data(passage.source)})"
    return "\n".join(["<passage>", head, *note, *sentences, "</passage>"])


def _added(usage: Usage, chunk: AIMessage) -> Usage:
    """Some vendors meter on the last chunk, some on several; what they read from a cache is part of the input they state."""
    metered: dict[str, Any] = dict(chunk.usage_metadata or {})
    if not metered and (stated := chunk.response_metadata.get("token_usage")):  # as the community's classes report it, once
        metered = {"input_tokens": stated.get("prompt_tokens", 0), "output_tokens": stated.get("completion_tokens", 0)}
    details = metered.get("input_token_details") or {}
    read, written = details.get("cache_read") or 0, details.get("cache_creation") or 0
    return Usage(
        model=usage.model,
        input_tokens=usage.input_tokens + metered.get("input_tokens", 0) - read - written,
        output_tokens=usage.output_tokens + metered.get("output_tokens", 0),
        cache_write_tokens=usage.cache_write_tokens + written,
        cache_read_tokens=usage.cache_read_tokens + read,
    )


def stopped(message: AIMessage) -> str:
    """Why a text is not whole, or an empty string; vendors give the reason it ended under two names."""
    stated = message.response_metadata
    reason = str(stated.get("finish_reason") or stated.get("stop_reason") or "").lower()
    if reason in {"length", "max_tokens"}:
        return "The text reached its length limit and is cut off. Ask for less at once."
    return "The model declined to write about this." if reason in {"content_filter", "sensitive", "refusal", "safety"} else ""


def _fault(message: AIMessage, text: str, most_tokens: int) -> str:
    """Why a note or a question cannot be used, or an empty string."""
    if tokens(text) > most_tokens:
        return "The model wrote far more than a note."
    return stopped(message) or ("" if text else "The model wrote nothing.")


def first_line(error: Exception) -> str:
    """What an exception says, in one line without a key."""
    from pydantic import ValidationError

    # pydantic's own text repeats the input, which holds the key
    said = str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else str(error)
    return (said.strip() or type(error).__name__).splitlines()[0][:300]
